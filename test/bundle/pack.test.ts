import { chmod, mkdir, readdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { create, Header } from "tar";
import { expect, test } from "vitest";
import { packBundle } from "../../sdk/bundle/pack.js";
import { unpackBundle } from "../../sdk/bundle/unpack.js";
import { buildScale, PROJECT } from "./made-bundle.js";
import { makeFolder } from "./temporary-folder.js";

interface Entry {
  path: string;
  type?: "File" | "SymbolicLink" | "Link" | "CharacterDevice" | "Directory" | "FIFO";
  linkpath?: string;
  size?: number;
  data?: string;
}

/** An archive as an attacker would make it, entry by entry. */
function toArchive(entries: readonly Entry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const { path, type = "File", linkpath, data = "", size = data.length } of entries) {
    const header = new Header({ path, type, size, mode: 0o644, ...(linkpath && { linkpath }) });
    const block = Buffer.alloc(512);
    header.encode(block, 0);
    blocks.push(block);
    if (data !== "")
      blocks.push(Buffer.concat([Buffer.from(data)], Math.ceil(data.length / 512) * 512));
  }
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

test("a packed bundle is unpacked as it was", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory, digest, manifest } = await buildScale(folder.path);
  const file = join(folder.path, "scale.tar.gz");
  await packBundle(directory, file);
  const bundle = await unpackBundle(file, join(folder.path, "out"));
  expect(bundle.manifest).toEqual(manifest);
  expect(bundle.manifest.digest).toBe(digest);
  expect((await readdir(folder.path)).sort()).toEqual([
    "factor.txt",
    "out",
    "scale.tar.gz",
    "shift.ts",
    "store",
  ]);
});

test("equal bundles make equal archives, whatever lies beside and whatever the umask", async () => {
  await using one = await makeFolder(PROJECT);
  await using two = await makeFolder(PROJECT);
  const now = () => new Date("2030-01-01T00:00:00Z");
  const first = await buildScale(one.path, { now });
  const second = await buildScale(two.path, { now });
  await chmod(join(second.directory, "service.mjs"), 0o600);
  await mkdir(join(second.directory, "node_modules"));
  await writeFile(join(second.directory, "notes.txt"), "not part of it");
  await packBundle(first.directory, join(one.path, "a.tgz"));
  await packBundle(second.directory, join(two.path, "b.tgz"));
  const [a, b] = [await readFile(join(one.path, "a.tgz")), await readFile(join(two.path, "b.tgz"))];
  expect(a.equals(b)).toBe(true);
});

test("a damaged bundle is not packed and leaves no archive", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  await writeFile(join(directory, "service.mjs"), "// other");
  const file = join(folder.path, "scale.tar.gz");
  await expect(packBundle(directory, file)).rejects.toMatchObject({ code: "BUNDLE_CORRUPT" });
  expect(await readdir(folder.path)).not.toContain("scale.tar.gz");
});

test.each<[string, Entry[], RegExp]>([
  [
    "a symbolic link",
    [{ path: "a/x", type: "SymbolicLink", linkpath: "/etc/passwd" }],
    /SymbolicLink/,
  ],
  ["a hard link", [{ path: "a/x", type: "Link", linkpath: "a/y" }], /Link/],
  ["a device", [{ path: "a/x", type: "CharacterDevice" }], /CharacterDevice/],
  ["a pipe", [{ path: "a/x", type: "FIFO" }], /FIFO/],
  ["an absolute path", [{ path: "/tmp/x", data: "x" }], /absolute/],
  ["a path that leads out", [{ path: "a/../../x", data: "x" }], /leads out/],
  ["a path with backslashes", [{ path: "a\\..\\..\\x", data: "x" }], /not safe/],
  ["a file at the top", [{ path: "x", data: "x" }], /outside of a folder/],
  [
    "two folders",
    [
      { path: "a/x", data: "x" },
      { path: "b/x", data: "x" },
    ],
    /more than one folder/,
  ],
  [
    "a file twice",
    [
      { path: "a/x", data: "x" },
      { path: "a/X", data: "x" },
    ],
    /twice/,
  ],
  ["nothing", [], /empty|cannot be read/],
  ["no manifest", [{ path: "a/x", data: "x" }], /ekiben\.json/],
])("an archive with %s is refused and nothing is written", async (_what, entries, reason) => {
  await using folder = await makeFolder({ "bad.tgz": toArchive(entries) });
  await expect(
    unpackBundle(join(folder.path, "bad.tgz"), join(folder.path, "out")),
  ).rejects.toMatchObject({
    code: expect.stringMatching(/^BUNDLE_(CORRUPT|NOT_FOUND)$/),
    message: expect.stringMatching(reason),
  });
  expect(await readdir(folder.path)).toEqual(["bad.tgz"]);
});

test("an archive that is cut short anywhere is refused", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const file = join(folder.path, "scale.tar.gz");
  await packBundle(directory, file);
  const whole = await readFile(file);
  for (const share of [0, 0.1, 0.5, 0.9, 0.999]) {
    const cut = join(folder.path, "cut.tgz");
    await writeFile(cut, whole);
    await truncate(cut, Math.floor(whole.length * share));
    await expect(unpackBundle(cut, join(folder.path, "out")), `${share}`).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
    });
  }
  // Cut before it was compressed: the compression is whole, the archive is not.
  const tar = gunzipSync(whole);
  for (const share of [0.2, 0.7]) {
    const cut = join(folder.path, "cut.tgz");
    await writeFile(cut, gzipSync(tar.subarray(0, Math.floor(tar.length * share))));
    await expect(unpackBundle(cut, join(folder.path, "out")), `${share}`).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
    });
  }
  expect(await readdir(folder.path)).not.toContain("out");
});

test("an archive that unpacks to more than the limit is refused before it is unpacked", async () => {
  await using folder = await makeFolder({ "a/zeros": Buffer.alloc(5_000_000) });
  const file = join(folder.path, "bomb.tgz");
  await create({ cwd: folder.path, file, gzip: true }, ["a/zeros"]);
  const out = join(folder.path, "out");
  await expect(unpackBundle(file, out, { maxBytes: 1_000_000 })).rejects.toMatchObject({
    code: "BUNDLE_CORRUPT",
    message: expect.stringContaining("more than 1000000 bytes"),
  });
  const many = toArchive(Array.from({ length: 30 }, (_, i) => ({ path: `a/${i}`, data: "x" })));
  await writeFile(file, many);
  await expect(unpackBundle(file, out, { maxEntries: 20 })).rejects.toMatchObject({
    message: expect.stringContaining("more than 20 files"),
  });
});

test("what is no archive, and no file, is told apart", async () => {
  await using folder = await makeFolder({ "text.tgz": "not an archive at all" });
  const out = join(folder.path, "out");
  await expect(unpackBundle(join(folder.path, "text.tgz"), out)).rejects.toMatchObject({
    code: "BUNDLE_CORRUPT",
  });
  await expect(unpackBundle(join(folder.path, "gone.tgz"), out)).rejects.toMatchObject({
    code: "BUNDLE_NOT_FOUND",
  });
});

test("unpacking does not touch what is there already", async () => {
  await using folder = await makeFolder({ ...PROJECT, "out/mine.txt": "mine" });
  const { directory } = await buildScale(folder.path);
  const file = join(folder.path, "scale.tar.gz");
  await packBundle(directory, file);
  await expect(unpackBundle(file, join(folder.path, "out"))).rejects.toMatchObject({
    code: "BUNDLE_EXISTS",
  });
  expect(await readdir(join(folder.path, "out"))).toEqual(["mine.txt"]);
});

test("unpacking writes through no link that waits in its way", async () => {
  await using folder = await makeFolder({ ...PROJECT, "elsewhere/keep.txt": "keep" });
  const { directory } = await buildScale(folder.path);
  const file = join(folder.path, "scale.tar.gz");
  await packBundle(directory, file);
  await symlink(join(folder.path, "elsewhere"), join(folder.path, "out"), "junction");
  await expect(unpackBundle(file, join(folder.path, "out"))).rejects.toMatchObject({
    code: "BUNDLE_EXISTS",
  });
  expect(await readdir(join(folder.path, "elsewhere"))).toEqual(["keep.txt"]);
});
