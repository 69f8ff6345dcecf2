import { chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBundle } from "../../sdk/bundle/load.js";
import { allFiles } from "../../sdk/bundle/manifest.js";
import { saveBundle, type BundleContent } from "../../sdk/bundle/save.js";
import { listVersions } from "../../sdk/bundle/versions.js";
import { buildScale, PROJECT, SAMPLE } from "./made-bundle.js";
import { makeFolder } from "./temporary-folder.js";

const at = (text: string) => () => new Date(text);

const CONTENT: BundleContent = {
  name: "tiny",
  ekiben: "0.1.0",
  node: "20.0.0",
  apis: [],
  models: [],
  files: { "service.mjs": "export default 1;\n" },
  labels: {},
  dependencies: [],
  provenance: { source: "file" },
};

test("a saved bundle holds all that it needs and is whole", async () => {
  await using folder = await makeFolder(PROJECT);
  const saved = await buildScale(folder.path, {
    now: at("2030-01-02T03:04:05.678Z"),
    labels: { team: "growth" },
  });
  expect(saved.version).toBe(`20300102-030405-${saved.digest.slice(0, 8)}`);
  expect(saved.directory).toBe(join(folder.path, "store", "bundles", "scale", saved.version));
  const { manifest } = await openBundle(saved.directory);
  expect(allFiles(manifest).map(({ path }) => path)).toEqual([
    ".dockerignore",
    ".npmrc",
    "Dockerfile",
    "README.md",
    "openapi.json",
    "package-lock.json",
    "package.json",
    "samples/predict-1.json",
    "service.mjs",
    "service.mjs.map",
    "src/service.ts",
    "src/shift.ts",
    "models/weights/factor.txt",
  ]);
  expect(manifest.labels).toEqual({ team: "growth" });
  expect(manifest.apis).toMatchObject([
    { name: "predict", route: "v1/predict", method: "POST", cardinality: "one", example: { x: 1 } },
  ]);
  const openapi = JSON.parse(await readFile(join(saved.directory, "openapi.json"), "utf8"));
  expect(openapi.info.version).toBe(saved.version);
  expect(await readFile(join(saved.directory, "src/shift.ts"), "utf8")).toBe(PROJECT["shift.ts"]);
});

test("the same input has the same digest in another folder, at another time, in another store", async () => {
  await using one = await makeFolder(PROJECT);
  await using two = await makeFolder(PROJECT);
  const first = await buildScale(one.path, { now: at("2030-01-01T00:00:00Z") });
  const second = await buildScale(two.path, { now: at("2031-01-01T00:00:00Z") });
  expect(second.digest).toBe(first.digest);
  expect(second.version).not.toBe(first.version);
});

test("a label, a sample, a model's file and a source each change the digest", async () => {
  await using folder = await makeFolder(PROJECT);
  const digests = [
    (await buildScale(folder.path)).digest,
    (await buildScale(folder.path, { labels: { a: "b" } })).digest,
    (await buildScale(folder.path, { samples: [] })).digest,
  ];
  await folder.write({ "shift.ts": "export const shift = 2;" });
  digests.push((await buildScale(folder.path)).digest);
  await folder.write({ "factor.txt": "4" });
  digests.push((await buildScale(folder.path)).digest);
  expect(new Set(digests).size).toBe(digests.length);
});

test("saving what the newest version is already answers that version", async () => {
  await using folder = await makeFolder(PROJECT);
  const first = await buildScale(folder.path, { now: at("2030-01-01T00:00:00Z") });
  const second = await buildScale(folder.path, { now: at("2030-01-01T00:00:09Z") });
  expect(second).toMatchObject({ version: first.version, existing: true });
  expect(first.existing).toBe(false);
  expect(await listVersions(join(folder.path, "store"), "scale")).toHaveLength(1);
});

test("a damaged newest version is not answered for the one that is saved", async () => {
  await using folder = await makeFolder(PROJECT);
  const first = await buildScale(folder.path, { now: at("2030-01-01T00:00:00Z") });
  await writeFile(join(first.directory, "service.mjs"), "// other");
  const second = await buildScale(folder.path, { now: at("2030-01-01T00:00:09Z") });
  expect(second.existing).toBe(false);
  await openBundle(second.directory);
});

test("going back to an earlier state makes it the newest again", async () => {
  await using folder = await makeFolder(PROJECT);
  const now = (second: number) => at(`2030-01-01T00:00:0${second}Z`);
  const first = await buildScale(folder.path, { now: now(1) });
  await buildScale(folder.path, { now: now(2), labels: { a: "b" } });
  const third = await buildScale(folder.path, { now: now(3) });
  expect(third).toMatchObject({ digest: first.digest, existing: false });
  const [newest] = await listVersions(join(folder.path, "store"), "scale");
  expect(newest!.version).toBe(third.version);
});

test("many saves at once of one service leave one whole bundle", async () => {
  await using folder = await makeFolder(PROJECT);
  const saved = await Promise.all(
    Array.from({ length: 8 }, () => buildScale(folder.path, { now: at("2030-01-01T00:00:00Z") })),
  );
  expect(new Set(saved.map(({ version }) => version)).size).toBe(1);
  expect(saved.filter(({ existing }) => !existing)).toHaveLength(1);
  await openBundle(saved[0]!.directory);
  expect(await readdir(join(folder.path, "store", "bundles"))).toEqual(["scale"]);
});

test("two different bundles of the same second both stay", async () => {
  await using folder = await makeFolder(PROJECT);
  const now = at("2030-01-01T00:00:00Z");
  const saved = await Promise.all([
    buildScale(folder.path, { now }),
    buildScale(folder.path, { now, labels: { other: "one" } }),
  ]);
  expect(saved.map(({ existing }) => existing)).toEqual([false, false]);
  expect(await listVersions(join(folder.path, "store"), "scale")).toHaveLength(2);
});

test("a version of one's own is taken once and never overwritten", async () => {
  await using folder = await makeFolder(PROJECT);
  const first = await buildScale(folder.path, { version: "1.0.0" });
  expect(first.version).toBe("1.0.0");
  expect(await buildScale(folder.path, { version: "1.0.0" })).toMatchObject({ existing: true });
  const other = { version: "1.0.0", labels: { a: "b" } };
  await expect(buildScale(folder.path, other)).rejects.toMatchObject({ code: "BUNDLE_EXISTS" });
  await expect(buildScale(folder.path, { version: "latest" })).rejects.toMatchObject({
    code: "TAG_INVALID",
  });
  await expect(buildScale(folder.path, { version: "../1" })).rejects.toMatchObject({
    code: "TAG_INVALID",
  });
});

test("a missing model file fails the save and leaves nothing behind", async () => {
  await using folder = await makeFolder({ ...PROJECT });
  await rm(join(folder.path, "factor.txt"));
  await expect(buildScale(folder.path)).rejects.toMatchObject({
    code: "MODEL_FILE_MISSING",
    message: expect.stringContaining("factor.txt"),
  });
  expect(await readdir(join(folder.path, "store", "bundles"))).toEqual([]);
});

test("a model file that changes while it is copied fails the save", async () => {
  await using folder = await makeFolder({ "big.bin": Buffer.alloc(3_000_000) });
  const big = join(folder.path, "big.bin");
  const models = [{ name: "big", kind: "x", files: [{ source: big, path: "big.bin" }] }];
  const saving = saveBundle({ ...CONTENT, models }, { store: join(folder.path, "store") });
  let growing = true;
  const grow = (async () => {
    while (growing) {
      await writeFile(big, "x", { flag: "a" });
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await expect(saving).rejects.toMatchObject({
    code: "BUILD_FAILED",
    message: expect.stringContaining("changed while it was copied"),
  });
  growing = false;
  await grow;
});

test("a file that cannot be written fails the save and leaves nothing behind", async () => {
  await using folder = await makeFolder();
  const store = join(folder.path, "store");
  const files = { ...CONTENT.files, a: "a file", "a/b": "below a file" };
  await expect(saveBundle({ ...CONTENT, files }, { store })).rejects.toMatchObject({
    code: "BUILD_FAILED",
  });
  expect(await readdir(join(store, "bundles"))).toEqual([]);
});

test.skipIf(process.getuid?.() === 0)("a store that cannot be written is named", async () => {
  await using folder = await makeFolder();
  const store = join(folder.path, "store");
  await mkdir(store);
  await chmod(store, 0o500);
  await expect(saveBundle(CONTENT, { store })).rejects.toMatchObject({
    code: "BUILD_FAILED",
    message: expect.stringMatching(/may not write.*EKIBEN_HOME/),
  });
});

test("a store whose place is taken by a file is named", async () => {
  await using folder = await makeFolder({ store: "a file" });
  const store = join(folder.path, "store");
  await expect(saveBundle(CONTENT, { store })).rejects.toMatchObject({
    code: "BUILD_FAILED",
    message: expect.stringContaining(store),
  });
});

test.each([
  ["a path that leads out", { "../x": "" }],
  ["an absolute path", { "/x": "" }],
  ["two paths that differ in case", { "src/A.ts": "", "src/a.ts": "" }],
  ["the manifest's own path", { "ekiben.json": "{}" }],
])("content with %s is refused", async (_what, files) => {
  await using folder = await makeFolder();
  const store = join(folder.path, "store");
  await expect(
    saveBundle({ ...CONTENT, files: { ...CONTENT.files, ...files } }, { store }),
  ).rejects.toMatchObject({ code: "BUILD_FAILED" });
  expect(await readdir(folder.path)).toEqual(["store"]);
});

test("what a killed save left is removed once it is old, and not while it may be in use", async () => {
  await using folder = await makeFolder();
  const store = join(folder.path, "store");
  const bundles = join(store, "bundles");
  const now = new Date("2030-01-02T00:00:00Z");
  const leave = async (pid: number, hoursAgo: number): Promise<string> => {
    const then = new Date(now.getTime() - hoursAgo * 3_600_000);
    const name = `.saving-${pid}-${then.getTime()}-abcdef01`;
    await mkdir(join(bundles, name), { recursive: true });
    await utimes(join(bundles, name), then, then);
    return name;
  };
  const gone = 2 ** 22 + 1;
  await leave(gone, 2);
  await leave(process.pid, 30);
  const kept = [await leave(gone, 0.5), await leave(process.pid, 2)];
  await saveBundle(CONTENT, { store, now: () => now });
  expect((await readdir(bundles)).sort()).toEqual([...kept, "tiny"].sort());
});

test("a bundle can be saved to a folder of its own, once", async () => {
  await using folder = await makeFolder();
  const directory = join(folder.path, "out");
  await mkdir(directory);
  const saved = await saveBundle(CONTENT, { directory });
  expect(saved.directory).toBe(directory);
  await openBundle(directory);
  await expect(saveBundle(CONTENT, { directory })).rejects.toMatchObject({
    code: "BUNDLE_EXISTS",
  });
  expect(await readdir(folder.path)).toEqual(["out"]);
});

test("a sample keeps its bytes, text or not", async () => {
  await using folder = await makeFolder(PROJECT);
  const bytes = Uint8Array.of(0xff, 0x00, 0xfe);
  const headers = { "content-type": "application/octet-stream" };
  const sample = { ...SAMPLE, request: { ...SAMPLE.request, headers, body: bytes } };
  const { directory } = await buildScale(folder.path, { samples: [SAMPLE, sample] });
  const { parseSample } = await import("../../sdk/bundle/sample.js");
  const read = async (n: number) =>
    parseSample(await readFile(join(directory, `samples/predict-${n}.json`), "utf8"), "here");
  expect((await read(1)).request).toEqual(SAMPLE.request);
  expect([...(await read(2)).request.body!]).toEqual([...bytes]);
});
