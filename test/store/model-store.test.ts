import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { addBlob, blobPath } from "../../sdk/bundle/blobs.js";
import { openBundle } from "../../sdk/bundle/load.js";
import { saveBundle, type BundleContent } from "../../sdk/bundle/save.js";
import type { ModelFile } from "../../sdk/models/model.js";
import { openLocalStore } from "../../sdk/store/local-store.js";
import { readContent } from "../../sdk/store/model-content.js";
import { openModelFiles } from "../../sdk/store/model-files.js";
import { openModelStore, type ModelStore } from "../../sdk/store/model-store.js";
import { withLock } from "../../sdk/store/store-lock.js";
import { makeFolder, type TemporaryFolder } from "../bundle/temporary-folder.js";
import { FIXTURES } from "../models/fixture.js";

const TREES = join(FIXTURES, "xgb-churn-categorical/model.json");
const IRIS = join(FIXTURES, "lgb-iris-multiclass/model.txt");
const at = (text: string) => () => new Date(text);

async function put(store: ModelStore, file: string, name: string, version?: string) {
  const options = version === undefined ? { name } : { name, version };
  return store.add(await readContent(file), options);
}

async function listBlobs(store: ModelStore): Promise<string[]> {
  const found = await readdir(join(store.directory, "models/blobs"), { recursive: true });
  return found.filter((name) => /[0-9a-f]{64}$/.test(name));
}

/** A bundle with these files as its model. */
function bundleOf(files: readonly ModelFile[], text = "1"): BundleContent {
  return {
    name: "svc",
    ekiben: "0.1.0",
    node: "20.0.0",
    apis: [],
    models: [{ name: "trees", kind: "xgboost", files }],
    files: { "service.mjs": `export default ${text};` },
    labels: {},
    dependencies: [],
    provenance: { source: "file" },
  };
}

function sameFile(one: string, other: string): boolean {
  return statSync(one).ino === statSync(other).ino;
}

describe("a model of the store", () => {
  test("is found by name, version, beginning and alias, and what is not there is named", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    await expect(store.find("churn")).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringContaining("ekiben models import"),
    });
    const content = await readContent(TREES);
    for (const [version, created] of [
      ["2.0", "2030-01-01T00:00:00.100Z"],
      ["1.0", "2030-01-01T00:00:00.300Z"],
      ["1.0.1", "2030-01-01T00:00:00.200Z"],
    ] as const) {
      await store.add(content, { name: "churn", version, now: at(created) });
    }
    const found = async (reference: string) => (await store.find(reference)).record.version;
    expect(await found("churn")).toBe("1.0");
    expect(await found("churn:latest")).toBe("1.0");
    expect(await found("churn:2")).toBe("2.0");
    expect(await found("churn:1.0")).toBe("1.0");
    await store.tag("churn:2.0", { aliases: ["production"] });
    expect(await found("churn@production")).toBe("2.0");
    await expect(store.find("churn:1")).rejects.toThrow(
      /2 versions begin like churn:1\. .*churn:1\.0, churn:1\.0\.1/,
    );
    await expect(store.find("churn:3")).rejects.toThrow(
      /no model churn:3 .*There is: churn:1\.0, /,
    );
    await expect(store.find("chrun")).rejects.toThrow(/Did you mean churn\?/);
    await expect(store.find("churn@prodution")).rejects.toThrow(/Did you mean churn@production\?/);
    await expect(store.find("churn:1.0@production")).rejects.toMatchObject({ code: "TAG_INVALID" });
    await expect(store.find("../churn")).rejects.toMatchObject({ code: "TAG_INVALID" });
  });

  test("gets its kind from the first bytes of its file", async () => {
    const kinds: [string, string, string][] = [
      ["xgb-churn-categorical/model.json", "xgboost", "model.json"],
      ["xgb-churn-categorical/model.ubj", "xgboost", "model.ubj"],
      ["lgb-iris-multiclass/model.txt", "lightgbm", "model.txt"],
      ["skl-iris-kmeans/model.onnx", "onnx", "model.onnx"],
      ["mlflow/mlflow-2.22/iris-xgb-v2/model.json", "xgboost", "model.json"],
    ];
    for (const [file, kind, entry] of kinds) {
      expect(await readContent(join(FIXTURES, file))).toMatchObject({ kind, entry });
    }
  });

  test("that is no model is refused with what it is, and kept as files when that is asked", async () => {
    await using folder = await makeFolder({ "notes.txt": "hello", "empty/.keep": "" });
    await expect(readContent(join(folder.path, "notes.txt"))).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringMatching(/text file that begins with "hello".*kind: "files"/s),
    });
    await expect(readContent(join(FIXTURES, "mlflow/mlflow-2.22/iris-sklearn-v1"))).rejects.toThrow(
      /ekiben mlflow pull/,
    );
    await expect(readContent(join(folder.path, "gone.json"))).rejects.toMatchObject({
      code: "MODEL_FILE_MISSING",
    });
    await expect(readContent(TREES, "lightgbm")).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
    });
    expect(await readContent(join(folder.path, "notes.txt"), "files")).toMatchObject({
      kind: "files",
      files: [{ path: "notes.txt" }],
    });
  });

  test("is answered as it is when the newest version is the same, and never overwritten", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    const first = await store.add(await readContent(TREES), { name: "a", metrics: { auc: 0.9 } });
    const again = await store.add(await readContent(TREES), { name: "a", labels: { team: "x" } });
    expect(again).toMatchObject({ existing: true, record: { version: first.record.version } });
    expect(again.record).toMatchObject({ metrics: { auc: 0.9 }, labels: { team: "x" } });
    await put(store, TREES, "a", "1.0");
    await expect(put(store, IRIS, "a", "1.0")).rejects.toMatchObject({ code: "MODEL_EXISTS" });
    await expect(put(store, IRIS, "a", "latest")).rejects.toMatchObject({ code: "TAG_INVALID" });
    await expect(put(store, IRIS, "A b")).rejects.toMatchObject({ code: "TAG_INVALID" });
  });

  test("gets labels, metrics and aliases later, and an alias moves", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    await put(store, TREES, "a", "1");
    await put(store, IRIS, "a", "2");
    await store.tag("a:1", { aliases: ["production", "safe"], labels: { x: "1", y: "2" } });
    await store.tag("a:2", { aliases: ["production"], metrics: { auc: 0.5 } });
    await store.tag("a:1", { labels: { x: null }, metrics: { f1: 0.25 } });
    expect(await store.list({ name: "a" })).toMatchObject([
      { version: "2", aliases: ["production"], record: { metrics: { auc: 0.5 } } },
      { version: "1", aliases: ["safe"], record: { labels: { y: "2" }, metrics: { f1: 0.25 } } },
    ]);
    expect(await store.list({ labels: { y: "2" } })).toMatchObject([{ version: "1" }]);
    await expect(store.tag("a:1", { aliases: ["latest"] })).rejects.toMatchObject({
      code: "TAG_INVALID",
    });
    await expect(store.tag("a:1", { dropAliases: ["production"] })).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
    });
    await expect(store.tag("a:1", { metrics: { auc: Number.NaN } })).rejects.toMatchObject({
      code: "COMMAND_INVALID",
    });
    await store.remove("a@production");
    await expect(store.find("a@production")).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
    expect((await store.find("a@safe")).record.version).toBe("1");
  });

  test("is stored once for equal files, and its files go when the last one that has them goes", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    await put(store, TREES, "a", "1");
    await put(store, TREES, "b", "1");
    await put(store, IRIS, "b", "2");
    expect(await listBlobs(store)).toHaveLength(2);
    const { record } = await store.find("a");
    await openModelFiles(folder.path, record);
    await store.remove("a:1");
    expect(await listBlobs(store)).toHaveLength(2);
    await store.remove("b:1");
    expect(await listBlobs(store)).toHaveLength(1);
    expect(await readdir(join(folder.path, "cache/models"))).toEqual([]);
    expect((await store.list()).map(({ version }) => version)).toEqual(["2"]);
  });

  test("whose record is damaged is listed as such, hides nothing, and keeps its files safe", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    await put(store, TREES, "a", "1");
    await put(store, IRIS, "a", "2");
    const place = join(folder.path, "models/versions/a/1.json");
    const text = await readFile(place, "utf8");
    await writeFile(place, text.slice(0, 40));
    expect(await store.list()).toMatchObject([
      { version: "2", aliases: [] },
      { version: "1", damaged: expect.stringContaining("1.json does not describe a model") },
    ]);
    await expect(store.find("a:1")).rejects.toMatchObject({ code: "MODEL_CORRUPT" });
    // Which files the damaged one needs is not known, so none is removed.
    await store.remove("a:2");
    expect(await listBlobs(store)).toHaveLength(2);
    await writeFile(place, text);
    expect((await store.find("a")).record.version).toBe("1");
  });

  test("whose stored file is damaged is not loaded; importing it again mends it", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    const { record } = await put(store, TREES, "a", "1");
    const blob = blobPath(folder.path, record.files[0]!.sha256);
    expect((await stat(blob)).mode & 0o222).toBe(0);
    await chmod(blob, 0o644);
    await writeFile(blob, "{}");
    await expect(openModelFiles(folder.path, record)).rejects.toMatchObject({
      code: "MODEL_CORRUPT",
      message: expect.stringContaining(blob),
    });
    await put(store, TREES, "a", "1");
    const opened = await openModelFiles(folder.path, record);
    expect(await readFile(join(opened, "model.json"))).toEqual(await readFile(TREES));
    await rm(blob);
    await expect(openModelFiles(folder.path, record)).rejects.toThrow(/is not there/);
  });
});

describe("a bundle and the model store", () => {
  const stored = async (store: ModelStore): Promise<ModelFile[]> => {
    const { record } = await put(store, TREES, "a", "1");
    const [file] = record.files;
    const source = blobPath(store.directory, file!.sha256);
    return [{ source, path: "model.json", sha256: file!.sha256 }];
  };

  test("share a file, and each outlives the other", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    const files = await stored(store);
    const { directory } = await saveBundle(bundleOf(files), { store: folder.path });
    const own = join(directory, "models/trees/model.json");
    expect(sameFile(own, files[0]!.source)).toBe(true);
    await store.remove("a");
    expect(existsSync(files[0]!.source)).toBe(false);
    await openBundle(directory);
    // And the other way round.
    const again = await stored(store);
    await openLocalStore(folder.path).remove("svc");
    const { record } = await store.find("a");
    await openModelFiles(folder.path, record);
    expect(existsSync(again[0]!.source)).toBe(true);
  });

  test("share also what was imported after, or never: two versions of a service have one file", async () => {
    await using folder = await makeFolder();
    const plain = [{ source: TREES, path: "model.json" }];
    const save = (text: string, now: string) =>
      saveBundle(bundleOf(plain, text), { store: folder.path, now: at(now) });
    const one = await save("1", "2030-01-01T00:00:00Z");
    const two = await save("2", "2030-01-01T00:00:01Z");
    const [first, second] = [one, two].map((it) => join(it.directory, "models/trees/model.json"));
    expect(sameFile(first!, second!)).toBe(true);
    expect(sameFile(first!, TREES)).toBe(false);
    await openLocalStore(folder.path).remove(`svc:${one.version}`);
    await openBundle(two.directory);
    await put(openModelStore(folder.path), TREES, "a");
    const three = await save("3", "2030-01-01T00:00:02Z");
    await openBundle(three.directory);
    expect(three.manifest.models).toEqual(two.manifest.models);
  });

  test("have copies on a disk without second names, with the same digest", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    const files = await stored(store);
    const now = at("2030-01-01T00:00:00Z");
    const linked = await saveBundle(bundleOf(files), { store: join(folder.path, "x"), now });
    const link = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
    const copied = await saveBundle(bundleOf(files), { store: folder.path, now, link });
    expect(copied.digest).toBe(linked.digest);
    const own = join(copied.directory, "models/trees/model.json");
    expect(sameFile(own, files[0]!.source)).toBe(false);
    await openBundle(copied.directory);
    expect((await stat(own)).mode & 0o222).toBe(0);
  });

  test("have copies when the models are on another disk", async ({ skip }) => {
    const other = "/dev/shm";
    await using folder = await makeFolder();
    if (!existsSync(other) || statSync(other).dev === statSync(folder.path).dev) {
      skip("this machine has no second disk at /dev/shm");
    }
    const models = mkdtempSync(join(other, "ekiben-models-"));
    onTestFinished(() => rmSync(models, { recursive: true, force: true }));
    await symlink(models, join(folder.path, "models"));
    const store = openModelStore(folder.path);
    const files = await stored(store);
    const { record } = await store.find("a");
    const opened = await openModelFiles(folder.path, record);
    expect(await readFile(join(opened, "model.json"))).toEqual(await readFile(TREES));
    // A copy in the cache that was changed is not believed.
    await chmod(join(opened, "model.json"), 0o644);
    await writeFile(join(opened, "model.json"), "{}");
    await openModelFiles(folder.path, record);
    expect(await readFile(join(opened, "model.json"))).toEqual(await readFile(TREES));
    const { directory } = await saveBundle(bundleOf(files), { store: folder.path });
    await openBundle(directory);
    expect(sameFile(join(directory, "models/trees/model.json"), files[0]!.source)).toBe(false);
  });

  test("do not share what is damaged: the save names the stored file, a good copy is taken from elsewhere", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    const files = await stored(store);
    const [{ source }] = files as [ModelFile];
    await chmod(source, 0o644);
    await writeFile(source, "damaged");
    await expect(saveBundle(bundleOf(files), { store: folder.path })).rejects.toMatchObject({
      code: "MODEL_CORRUPT",
      message: expect.stringContaining(source),
    });
    const plain = [{ source: TREES, path: "model.json" }];
    const { directory } = await saveBundle(bundleOf(plain), { store: folder.path });
    await openBundle(directory);
    expect(sameFile(join(directory, "models/trees/model.json"), source)).toBe(false);
  });

  test("a folder of its own gets files that may be written", async () => {
    await using folder = await makeFolder();
    const files = await stored(openModelStore(folder.path));
    const { directory } = await saveBundle(bundleOf(files), {
      directory: join(folder.path, "out"),
    });
    const own = join(directory, "models/trees/model.json");
    expect(sameFile(own, files[0]!.source)).toBe(false);
    expect((await stat(own)).mode & 0o200).toBe(0o200);
  });
});

describe("what happens at once", () => {
  test("imports and removals of the same files leave every model whole", async () => {
    await using folder = await makeFolder(
      Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`f${i}.bin`, `content ${i}`])),
    );
    const action = fc.record({
      name: fc.constantFrom("a", "b"),
      file: fc.integer({ min: 0, max: 2 }),
      remove: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 10 }), async (actions) => {
        const store = openModelStore(mkdtempSync(join(folder.path, "store-")));
        await Promise.all(
          actions.map(async ({ name, file, remove }) => {
            if (remove) return store.remove(name).catch(ignoreMissing);
            const content = await readContent(join(folder.path, `f${file}.bin`), "files");
            return store.add(content, { name });
          }),
        );
        for (const one of await store.list()) {
          if (one.damaged !== undefined) throw new Error(one.damaged);
          await openModelFiles(store.directory, one.record);
        }
      }),
      { numRuns: 15 },
    );
  });

  test("labels that are set at once are all there", async () => {
    await using folder = await makeFolder();
    const store = openModelStore(folder.path);
    await put(store, TREES, "a", "1");
    const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
    await Promise.all(
      keys.map((key) => store.tag("a:1", { labels: { [key]: "x" }, aliases: [key] })),
    );
    const { record, aliases } = await store.find("a");
    expect(Object.keys(record.labels).sort()).toEqual([...keys].sort());
    expect(aliases).toEqual([...keys].sort());
  });

  test("the lock of a process that is gone is broken, and the one of a live process is not", async () => {
    await using folder = await makeFolder();
    const lock = join(folder.path, ".lock");
    await writeLock(folder, { pid: 2 ** 22 + 1, host: (await import("node:os")).hostname() });
    expect(await withLock(folder.path, async () => existsSync(lock))).toBe(true);
    expect(existsSync(lock)).toBe(false);
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, () =>
        withLock(folder.path, async () => {
          most = Math.max(most, ++inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    // One of another machine is old before it is broken.
    await writeLock(folder, { pid: 1, host: "elsewhere" });
    const old = new Date(Date.now() - 120_000);
    await utimes(lock, old, old);
    expect(await withLock(folder.path, async () => 1)).toBe(1);
  });

  test("a blob that two put in at once is there once and whole", async () => {
    await using folder = await makeFolder();
    const added = await Promise.all(
      Array.from({ length: 6 }, () => addBlob(folder.path, "a", TREES)),
    );
    expect(new Set(added.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(await readdir(join(folder.path, "models/blobs"))).toEqual([
      added[0]!.sha256.slice(0, 2),
    ]);
  });
});

async function writeLock(folder: TemporaryFolder, holder: object): Promise<void> {
  await mkdir(folder.path, { recursive: true });
  await folder.write({ ".lock": JSON.stringify(holder) });
}

function ignoreMissing(error: unknown): void {
  if ((error as { code?: string }).code !== "MODEL_NOT_FOUND") throw error;
}
