import {
  appendFile,
  chmod,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadService, openBundle } from "../../sdk/bundle/load.js";
import { allFiles, createDigest, parseManifest, printManifest } from "../../sdk/bundle/manifest.js";
import type { Service } from "../../sdk/service/infer.js";
import { buildScale, ekiben, PROJECT } from "./made-bundle.js";
import { makeFolder, type TemporaryFolder } from "./temporary-folder.js";

async function loadSaved(folder: TemporaryFolder, source?: string): Promise<Service> {
  const { directory } = await buildScale(
    folder.path,
    source === undefined ? {} : { source, samples: [] },
  );
  return loadService(await openBundle(directory), ekiben);
}

test("a bundle is loaded with the ekiben that runs", async () => {
  await using folder = await makeFolder(PROJECT);
  const service = await loadSaved(folder);
  expect(service.definition.name).toBe("scale");
  expect(Object.keys(service.definition.apis)).toEqual(["predict"]);
});

test("one flipped bit in any file is found before anything runs", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory, manifest } = await buildScale(folder.path);
  const flagged = globalThis as { ran?: boolean };
  for (const { path } of allFiles(manifest)) {
    const file = join(directory, path);
    const bytes = await readFile(file);
    // Files of models are read-only.
    await chmod(file, 0o644);
    const flipped = Buffer.from(bytes);
    flipped[flipped.length >> 1]! ^= 1;
    await writeFile(file, flipped);
    const error = await openBundle(directory).catch((caught: unknown) => caught);
    expect(error, path).toMatchObject({ code: "BUNDLE_CORRUPT" });
    expect((error as Error).message).toContain(path);
    expect((error as Error).message).toMatch(/expected SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}/);
    await writeFile(file, bytes);
  }
  expect(flagged.ran).toBeUndefined();
  await openBundle(directory);
});

test("a flipped bit anywhere in the manifest is found, or changes nothing that is checked", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const file = join(directory, "ekiben.json");
  const text = await readFile(file, "utf8");
  const digest = parseManifest(text).digest;
  for (let at = 0; at < text.length; at += 97) {
    const flipped = Buffer.from(text);
    flipped[at]! ^= 1;
    await writeFile(file, flipped);
    const opened = await openBundle(directory).catch((error: { code: string }) => error.code);
    if (typeof opened === "string")
      expect(["BUNDLE_CORRUPT", "BUNDLE_FORMAT_UNSUPPORTED"]).toContain(opened);
    else expect(createDigest(opened.manifest)).toBe(digest);
  }
});

test.each(["service.mjs", "models/weights/factor.txt", "openapi.json"])(
  "a missing %s is named",
  async (path) => {
    await using folder = await makeFolder(PROJECT);
    const { directory } = await buildScale(folder.path);
    await rm(join(directory, path));
    await expect(openBundle(directory)).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining(`${path} is missing`),
    });
  },
);

test("a file, a folder and a manifest that are links are refused, even to the same bytes", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  for (const path of ["service.mjs", "src", "models/weights", "ekiben.json"]) {
    const file = join(directory, path);
    const elsewhere = join(folder.path, "elsewhere");
    await rename(file, elsewhere);
    await symlink(elsewhere, file);
    await expect(openBundle(directory), path).rejects.toMatchObject({
      code: "BUNDLE_CORRUPT",
      message: expect.stringContaining("is a link"),
    });
    await rm(file);
    await rename(elsewhere, file);
  }
  await openBundle(directory);
});

test("a bundle that is reached through a link is opened where it is", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  const link = join(folder.path, "link");
  await symlink(directory, link, "junction");
  expect((await openBundle(link)).directory).toBe(directory);
});

test("files that the manifest does not list are left alone", async () => {
  await using folder = await makeFolder(PROJECT);
  const { directory } = await buildScale(folder.path);
  await mkdir(join(directory, "node_modules/.bin"), { recursive: true });
  await symlink("/nowhere", join(directory, "node_modules/.bin/x"));
  await appendFile(join(directory, "notes.txt"), "mine");
  await openBundle(directory);
});

test.each([
  ["format", (m: any) => ({ ...m, format: 2 }), "BUNDLE_FORMAT_UNSUPPORTED"],
  ["label", (m: any) => ({ ...m, labels: { team: "other" } }), "BUNDLE_CORRUPT"],
  ["route", (m: any) => ({ ...m, apis: [{ ...m.apis[0], route: "other" }] }), "BUNDLE_CORRUPT"],
  ["list without service.mjs", (m: any) => without(m, "service.mjs"), "BUNDLE_CORRUPT"],
  ["list without a source", (m: any) => without(m, "src/shift.ts"), "BUNDLE_CORRUPT"],
])("a manifest with another %s is refused", async (_what, change, code) => {
  await using folder = await makeFolder(PROJECT);
  const { directory, manifest } = await buildScale(folder.path);
  await writeFile(join(directory, "ekiben.json"), printManifest(change(manifest)));
  await expect(openBundle(directory)).rejects.toMatchObject({ code });
});

test("a folder without a manifest, and no folder, are no bundles", async () => {
  await using folder = await makeFolder();
  for (const path of [folder.path, join(folder.path, "gone")]) {
    await expect(openBundle(path)).rejects.toMatchObject({ code: "BUNDLE_NOT_FOUND" });
  }
});

test("code that fails is told with its reason", async () => {
  await using folder = await makeFolder(PROJECT);
  await expect(loadSaved(folder, 'throw new TypeError("the reason");')).rejects.toMatchObject({
    code: "SERVICE_SETUP_FAILED",
    message: expect.stringContaining("the reason"),
  });
});

const ONE = 'defineService({ name: "a" })';

test.each([
  ["no service", "export const a = 1;", /exports no service/],
  ["several services", `export const a = ${ONE}; export const b = ${ONE};`, /several.*a, b/],
])("code that exports %s is refused", async (_what, code, reason) => {
  await using folder = await makeFolder(PROJECT);
  const source = `import { defineService } from "ekiben"; ${code}`;
  await expect(loadSaved(folder, source)).rejects.toMatchObject({
    code: "SERVICE_INVALID",
    message: expect.stringMatching(reason),
  });
});

test("the only service that is exported is taken, under the name of the bundle", async () => {
  await using folder = await makeFolder(PROJECT);
  const source = `import { defineService } from "ekiben";
    export const helper = 1; export const churn = ${ONE};`;
  expect((await loadSaved(folder, source)).name).toBe("scale");
});

test("a package is taken from the bundle, and from nowhere above it", async () => {
  await using folder = await makeFolder({
    ...PROJECT,
    "node_modules/far/package.json": '{"version": "1.2.3"}',
    "node_modules/far/index.js": "exports.from = 'above';",
  });
  const source = `import { defineService } from "ekiben"; import { from } from "far";
    export default defineService({ name: "scale", description: from });`;
  const { directory, manifest } = await buildScale(folder.path, { source, samples: [] });
  expect(manifest.dependencies).toEqual([
    { name: "far", version: "1.2.3", reason: "src/service.ts imports it" },
  ]);
  const bundle = await openBundle(directory);
  await expect(loadService(bundle, ekiben)).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    message: expect.stringMatching(/far 1\.2\.3.*imports it.*npm install.*scale/s),
  });
  await mkdir(join(directory, "node_modules/far"), { recursive: true });
  await writeFile(join(directory, "node_modules/far/package.json"), '{"version": "1.2.3"}');
  await writeFile(join(directory, "node_modules/far/index.js"), "exports.from = 'within';");
  // A module that failed is kept by Node for its address; in a fresh folder it has another one.
  await rename(directory, join(folder.path, "installed"));
  const service = await loadService(await openBundle(join(folder.path, "installed")), ekiben);
  expect(service.definition.description).toBe("within");
});

test("a package beside ekiben serves when it has exactly the pinned version", async () => {
  await using folder = await makeFolder({
    ...PROJECT,
    "node_modules/yaml/package.json": await readFile("node_modules/yaml/package.json", "utf8"),
    "node_modules/ajv/package.json": '{"version": "0.0.1"}',
  });
  const yaml = `import { defineService } from "ekiben"; import { parse } from "yaml";
    export default defineService({ name: "scale", description: parse("a: b").a });`;
  expect((await loadSaved(folder, yaml)).definition.description).toBe("b");
  await expect(loadSaved(folder, yaml.replace('"yaml"', '"ajv"'))).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    message: expect.stringMatching(/ajv 0\.0\.1.*beside ekiben is version \d/),
  });
});

function without(manifest: any, path: string): any {
  return { ...manifest, files: manifest.files.filter((file: any) => file.path !== path) };
}
