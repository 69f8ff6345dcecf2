import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { compileService, type CompileInput } from "../../sdk/bundle/compile.js";
import { REQUIRE_KEY } from "../../sdk/bundle/require-key.js";

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

async function project(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ekiben-compile-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

async function run(input: CompileInput): Promise<{ default: any }> {
  const { code, map } = await compileService(input);
  const file = join(input.resolveDirectory, "service.mjs");
  await writeFile(file, code);
  await writeFile(`${file}.map`, map);
  return import(`${pathToFileURL(file)}?${Math.random()}`);
}

const ESM_STYLE_CJS =
  "exports.__esModule = true; exports.default = 'the default'; exports.named = 1;";

test("local TypeScript, JSON and virtual files go in, and top-level await works", async () => {
  const resolveDirectory = await project({
    "features.ts": "export enum Plan { Basic = 'b' } export const one: number = 1;",
    "lib/index.ts": "import data from '../data.json'; export const two = data.two;",
    "data.json": '{"two": 2}',
  });
  const loaded = await run({
    resolveDirectory,
    entryCode: `
      import { one, Plan } from "./features.js";
      import { two } from "./lib";
      import values from "./values.json";
      const three = await Promise.resolve(values.three);
      export default [one, two, three, Plan.Basic];`,
    virtualFiles: { "values.json": '{"three": 3}' },
  });
  expect(loaded.default).toEqual([1, 2, 3, "b"]);
});

test("sources are kept by their path in the bundle, those above the root too", async () => {
  const root = await project({
    "shared/x.ts": "export const x = 1;",
    "app/y.ts": 'export * from "../shared/x.js";',
  });
  const compiled = await compileService({
    resolveDirectory: join(root, "app"),
    entryCode: 'export { x as default } from "./y.js";',
  });
  expect(Object.keys(compiled.sources)).toEqual([
    "src/_up/shared/x.ts",
    "src/service.ts",
    "src/y.ts",
  ]);
  expect(JSON.parse(compiled.map).sources).toContain("src/_up/shared/x.ts");
  expect(compiled.code).not.toContain(root);
  expect(compiled.map).not.toContain(root);
});

test("a default import of a CommonJS package means what the kernel makes of it", async () => {
  const resolveDirectory = await project({
    "package.json": '{"type": "module"}',
    "node_modules/esmish/index.js": ESM_STYLE_CJS,
    "node_modules/esmish/package.json": '{"version": "1.0.0"}',
    "node_modules/plain/index.js": "module.exports = { a: 1 };",
    "node_modules/plain/package.json": '{"version": "1.0.0"}',
    "local.ts": 'import d from "esmish"; export { d };',
  });
  const loaded = await run({
    resolveDirectory,
    entryCode: `
      import esmish, { named } from "esmish";
      import plain, { a } from "plain";
      import * as all from "plain";
      import fs from "node:fs";
      import { d } from "./local.ts";
      const lazy = await import("plain");
      export default [esmish, named, plain.a, a, all.a, typeof fs.readFileSync, d, lazy.default.a];`,
  });
  expect(loaded.default).toEqual(["the default", 1, 1, 1, 1, "function", "the default", 1]);
});

test("packages are listed with the sources that import them, types and builtins left out", async () => {
  const resolveDirectory = await project({
    "local.ts": 'import b from "@scope/b/deep"; import path from "path"; export default [b, path];',
  });
  const { imports } = await compileService({
    resolveDirectory,
    entryCode: `
      import type { T } from "only-types";
      import { z } from "ekiben";
      import a from "a";
      import local from "./local.js";
      export default [z, a, local];`,
  });
  expect(imports).toEqual([
    { name: "@scope/b", importers: ["src/local.ts"], from: resolveDirectory },
    { name: "a", importers: ["src/service.ts"], from: resolveDirectory },
    { name: "ekiben", importers: ["src/service.ts"], from: resolveDirectory },
  ]);
});

test("a linked package of a workspace is bundled as source", async () => {
  const root = await project({
    "app/node_modules/.keep": "",
    "lib/package.json": '{"name": "lib", "version": "1.0.0", "main": "main.js"}',
    "lib/main.js": "exports.from = 'the workspace';",
  });
  await symlink(join(root, "lib"), join(root, "app/node_modules/lib"), "junction");
  const resolveDirectory = join(root, "app");
  const input = {
    resolveDirectory,
    entryCode: 'import { from } from "lib"; export default from;',
  };
  expect((await compileService(input)).imports).toEqual([]);
  expect((await run(input)).default).toBe("the workspace");
});

test("the loader's require is used when there is one", async () => {
  const resolveDirectory = await project({});
  const key = Symbol.for(REQUIRE_KEY);
  const globals = globalThis as unknown as Record<symbol, unknown>;
  globals[key] = (url: string) => (name: string) =>
    name === "given" ? { from: name } : createRequire(url)(name);
  try {
    const loaded = await run({
      resolveDirectory,
      entryCode: 'import { from } from "given"; export default from;',
    });
    expect(loaded.default).toBe("given");
  } finally {
    delete globals[key];
  }
});

test("the same source compiles to the same text wherever it lies", async () => {
  const files = { "a.ts": "export const a = 1;" };
  const entryCode = 'import { a } from "./a.js"; import x from "x"; export default [a, x];';
  const [one, two] = await Promise.all(
    [await project(files), await project(files)].map((resolveDirectory) =>
      compileService({ resolveDirectory, entryCode }),
    ),
  );
  expect(one!.code).toBe(two!.code);
  expect(one!.map).toBe(two!.map);
});

test("a syntax error is named with file, line and column", async () => {
  const resolveDirectory = await project({ "bad.ts": "\nexport const = 1;" });
  await expect(
    compileService({ resolveDirectory, entryCode: 'import "./bad.js";' }),
  ).rejects.toMatchObject({
    code: "BUILD_FAILED",
    message: expect.stringMatching(/src\/bad\.ts:2:14: Expected identifier/),
  });
});

test("a missing local file is named with its importer", async () => {
  const resolveDirectory = await project({});
  await expect(
    compileService({ resolveDirectory, entryCode: 'import x from "./gone.js"; export default x;' }),
  ).rejects.toMatchObject({
    code: "BUILD_FAILED",
    message: expect.stringMatching(/src\/service\.ts:1:\d+: .*gone\.js/),
  });
});
