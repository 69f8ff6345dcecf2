import { mkdir, readdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { packBundle } from "../../sdk/bundle/pack.js";
import { saveBundle, type BundleContent } from "../../sdk/bundle/save.js";
import { findStoreDirectory } from "../../sdk/store/directory.js";
import { openLocalStore } from "../../sdk/store/local-store.js";
import { makeFolder } from "../bundle/temporary-folder.js";

function content(name: string, text = "export default 1;"): BundleContent {
  return {
    name,
    ekiben: "0.1.0",
    node: "20.0.0",
    apis: [],
    models: [],
    files: { "service.mjs": text },
    labels: {},
    dependencies: [],
    provenance: { source: "file" },
  };
}

const at = (text: string) => () => new Date(text);

test("the store is where EKIBEN_HOME says, or in the home of the user", () => {
  expect(findStoreDirectory({})).toBe(join(homedir(), ".ekiben"));
  expect(findStoreDirectory({ EKIBEN_HOME: "" })).toBe(join(homedir(), ".ekiben"));
  expect(findStoreDirectory({ EKIBEN_HOME: "somewhere" })).toBe(resolve("somewhere"));
});

test("an empty store lists nothing and says so when a bundle is looked for", async () => {
  await using folder = await makeFolder();
  const store = openLocalStore(join(folder.path, "none"));
  expect(await store.list()).toEqual([]);
  await expect(store.find("churn")).rejects.toMatchObject({
    code: "BUNDLE_NOT_FOUND",
    message: expect.stringContaining("is empty"),
  });
});

test("bundles are listed by name, newest first, also within one second", async () => {
  await using folder = await makeFolder();
  const store = openLocalStore(folder.path);
  const save = (name: string, text: string, now: string) =>
    saveBundle(content(name, text), { store: folder.path, now: at(now) });
  const b1 = await save("b", "1", "2030-01-01T00:00:00.100Z");
  const b3 = await save("b", "3", "2030-01-01T00:00:00.300Z");
  const b2 = await save("b", "2", "2030-01-01T00:00:00.200Z");
  const a = await save("a", "4", "2031-01-01T00:00:00Z");
  const listed = await store.list();
  expect(listed.map(({ version }) => version)).toEqual(
    [a, b3, b2, b1].map(({ version }) => version),
  );
  expect(listed[0]).toMatchObject({ name: "a", size: 1 });
  expect((await store.find("b")).version).toBe(b3.version);
  expect((await store.find("b:latest")).version).toBe(b3.version);
});

test("a version is found by its unique beginning, and an exact one wins over a longer one", async () => {
  await using folder = await makeFolder();
  const store = openLocalStore(folder.path);
  for (const version of ["1.0", "1.0.1", "2.0"]) {
    await saveBundle(content("a", version), { store: folder.path, version });
  }
  expect((await store.find("a:2")).version).toBe("2.0");
  expect((await store.find("a:1.0")).version).toBe("1.0");
  await expect(store.find("a:1")).rejects.toMatchObject({
    message: expect.stringMatching(/2 versions begin like a:1\. Write more of one.*a:1\.0/),
  });
  await expect(store.find("a:3")).rejects.toMatchObject({
    message: expect.stringMatching(/no bundle a:3.*There is: a:/),
  });
  await expect(store.find("../a")).rejects.toMatchObject({ code: "TAG_INVALID" });
});

test("what is damaged is listed as such and does not hide the rest", async () => {
  await using folder = await makeFolder();
  const store = openLocalStore(folder.path);
  const whole = await saveBundle(content("a"), { store: folder.path });
  await mkdir(join(folder.path, "bundles/a/20200101-000000-00000000"), { recursive: true });
  await mkdir(join(folder.path, "bundles/b/1.0"), { recursive: true });
  await writeFile(join(folder.path, "bundles/b/1.0/ekiben.json"), "{}");
  await writeFile(join(folder.path, "bundles/note.txt"), "not a folder");
  expect(await store.list()).toMatchObject([
    { name: "a", version: whole.version },
    { name: "a", damaged: expect.stringContaining("ENOENT") },
    { name: "b", damaged: expect.stringContaining("not a manifest") },
  ]);
});

test("a folder that says it is another bundle is damaged", async () => {
  await using folder = await makeFolder();
  const { directory } = await saveBundle(content("a"), { store: folder.path });
  await mkdir(join(folder.path, "bundles/b"));
  const { cp } = await import("node:fs/promises");
  await cp(directory, join(folder.path, "bundles/b/1.0"), { recursive: true });
  const [, copied] = await openLocalStore(folder.path).list();
  expect(copied).toMatchObject({ name: "b", damaged: expect.stringContaining("that of a:") });
});

test("a removed bundle is gone, and only that one", async () => {
  await using folder = await makeFolder();
  const store = openLocalStore(folder.path);
  for (const version of ["1.0", "2.0"]) {
    await saveBundle(content("a", version), { store: folder.path, version });
  }
  expect(await store.remove("a:1.0")).toMatchObject({ version: "1.0" });
  expect((await store.list()).map(({ version }) => version)).toEqual(["2.0"]);
  await expect(store.remove("a:1.0")).rejects.toMatchObject({ code: "BUNDLE_NOT_FOUND" });
  expect(await readdir(join(folder.path, "bundles"))).toEqual(["a"]);
});

test("an archive is put in under its own tag, once", async () => {
  await using folder = await makeFolder();
  const { directory, version } = await saveBundle(content("a"), {
    store: join(folder.path, "one"),
  });
  const archive = join(folder.path, "a.tgz");
  await packBundle(directory, archive);
  const store = openLocalStore(join(folder.path, "two"));
  const added = await store.add(archive);
  expect(added.directory).toBe(join(folder.path, "two/bundles/a", version));
  await expect(store.add(archive)).rejects.toMatchObject({ code: "BUNDLE_EXISTS" });
  expect(await readdir(join(folder.path, "two/bundles"))).toEqual(["a"]);
});
