import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findKernelMain, type HeadlessKernel } from "../../kernels/tslab/headless.js";
import { findTslab } from "../../kernels/tslab/load-tslab.js";
import { openFolder, openKernel, type Folder } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

/** The root of this package. */
const home = join(dirname(findKernelMain()), "../../..");

async function addPackage(folder: string, name: string, files: Record<string, string>) {
  const at = join(folder, "node_modules", name);
  await mkdir(at, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(at, file), text);
}

describe("in a folder without node_modules", () => {
  let folder: Folder;
  let kernel: HeadlessKernel;

  beforeAll(async () => {
    folder = await openFolder();
    await writeFile(
      join(folder.path, "local.ts"),
      `import { EkibenError } from "ekiben";\nexport const localError: typeof EkibenError = EkibenError;\n`,
    );
    kernel = await openKernel({ cwd: folder.path });
  });
  afterAll(async () => {
    await kernel?.shutdown();
    await folder?.[Symbol.asyncDispose]();
  });

  test("ekiben is imported, without a warning", async () => {
    const result = await kernel.execute(
      `import { EkibenError } from "ekiben";
      const sample = new EkibenError("INTERNAL", { detail: "d" });
      await new Promise((resolve) => setTimeout(resolve, 20));
      sample.code`,
    );
    expect(result.text).toBe("INTERNAL\n");
    expect(result.outputs).toHaveLength(1);
  });

  test("what a library made keeps its type in later cells", async () => {
    const made = await kernel.execute(
      `import { z } from "zod";
      import { Hono } from "hono";
      const Row = z.object({ plan: z.enum(["basic", "premium"]), months: z.number() });
      type Row = z.infer<typeof Row>;
      const app = new Hono().get("/row", (c) => c.json({ months: 3 }));`,
    );
    expect(made.text).toBe("");
    expect(made.status).toBe("ok");
    const right = await kernel.execute(
      `const row: Row = Row.parse({ plan: "basic", months: 3 });
      const answer = await app.request("/row");
      [row.plan, answer.status]`,
    );
    expect(right.text).toBe("[ 'basic', 200 ]\n");
    const wrong = await kernel.execute(`row.plna; sample.cod; app.gett`);
    expect(wrong.error?.ename).toBe("CompileError");
    expect(wrong.text).toMatch(/'plna' does not exist/u);
    expect(wrong.text).toMatch(/'cod' does not exist on type 'EkibenError'/u);
    expect(wrong.text).toMatch(/'gett' does not exist/u);
  });

  test("a cell gets the copy of a package that ekiben has", async () => {
    const result = await kernel.execute(
      `import * as ekiben from "ekiben";\nimport * as zod from "zod";\nzod.z === ekiben.z`,
    );
    expect(result.text).toBe("true\n");
  });

  test("a local module imports the same packages", async () => {
    const result = await kernel.execute(
      `import { localError } from "./local";\nlocalError === EkibenError`,
    );
    expect(result.text).toBe("true\n");
  });

  test("onnxruntime-node and danfojs-node are there with their types", async () => {
    const made = await kernel.execute(
      `import { Tensor } from "onnxruntime-node";
      import { DataFrame } from "danfojs-node";
      const tensor = new Tensor("float32", new Float32Array(2), [2]);
      const frame = new DataFrame({ a: [1, 2], b: [3, 4] });
      [tensor.size, frame.shape]`,
    );
    expect(made.text).toBe("[ 2, [ 2, 2 ] ]\n");
    const wrong = await kernel.execute(
      `const shape: string = frame.shape; const n: string = tensor.size;`,
    );
    expect(wrong.text).toMatch(/'number\[\]' is not assignable to type 'string'/u);
    expect(wrong.text).toMatch(/'number' is not assignable to type 'string'/u);
  });

  test("a package that is nowhere is missed by the compiler and by require", async () => {
    const imported = await kernel.execute(`import nothing from "surely-not-installed";`);
    expect(imported.text).toMatch(/Cannot find module 'surely-not-installed'/u);
    const required = await kernel.execute(`require("surely-not-installed")`);
    expect(required.text).toMatch(new RegExp(`Cannot find module.*\n.*\n- ${folder.path}`, "u"));
  });

  test("the host resolves packages, subpaths and local sources", async () => {
    const result = await kernel.execute(
      `const { resolve } = (globalThis as any)[Symbol.for("ekiben.notebook")];
      console.log(JSON.stringify(["ekiben", "hono/cors", "./local", "./local.js", "node:fs"].map(resolve)))`,
    );
    const [ekiben, cors, local, localJs, fs] = JSON.parse(result.text) as string[];
    expect(ekiben).toBe(join(home, "dist/sdk/index.js"));
    expect(cors).toMatch(/node_modules[\\/]hono[\\/]dist[\\/]middleware[\\/]cors/u);
    expect([local, localJs]).toEqual(Array(2).fill(join(folder.path, "local.ts")));
    expect(fs).toBe("node:fs");
  });
});

test("what the folder has installed comes first, for the compiler and at run time", async () => {
  await using folder = await openFolder();
  await addPackage(folder.path, "zod", {
    "package.json": `{ "name": "zod", "version": "0.0.1", "main": "main.js", "types": "main.d.ts" }`,
    "main.js": `exports.mine = 1;`,
    "main.d.ts": `export const mine: number;`,
  });
  const below = join(folder.path, "deep", "below");
  await mkdir(below, { recursive: true });
  await using kernel = await openKernel({ cwd: below });
  const result = await kernel.execute(
    `import { mine } from "zod";\nimport { EkibenError } from "ekiben";\n[mine, EkibenError.name]`,
  );
  expect(result.text).toBe("[ 1, 'EkibenError' ]\n");
  expect((await kernel.execute(`import { z } from "zod";`)).text).toMatch(
    /no exported member 'z'/u,
  );
});

test("an ekiben that is linked into the folder serves as one that is installed", async () => {
  await using folder = await openFolder();
  await mkdir(join(folder.path, "node_modules"));
  await symlink(home, join(folder.path, "node_modules", "ekiben"), "junction");
  await using kernel = await openKernel({ cwd: folder.path });
  const made = await kernel.execute(
    `import { EkibenError } from "ekiben";
    import { z } from "zod";
    const schema = z.object({ a: z.number() });
    const raise = () => new EkibenError("INTERNAL", { detail: "d" });`,
  );
  expect(made.text).toBe("");
  expect((await kernel.execute(`schema.parse({ a: 1 }).b; raise().c`)).text).toMatch(
    /'b' does not exist[^]*'c' does not exist/u,
  );
});

test("tslab is taken from the folder if it is recent enough, otherwise from beside the kernel", async () => {
  await using folder = await openFolder();
  const beside = findTslab(folder.path);
  expect(beside?.folder).toBe(join(home, "node_modules", "tslab"));
  await addPackage(folder.path, "tslab", { "package.json": `{ "version": "1.0.21" }` });
  expect(findTslab(folder.path)).toEqual(beside);
});

test.each(["1.0.22", "1.1.0"])("tslab %s of the folder is taken", async (version) => {
  await using folder = await openFolder();
  await addPackage(folder.path, "tslab", { "package.json": JSON.stringify({ version }) });
  expect(findTslab(folder.path)).toEqual({
    folder: join(folder.path, "node_modules", "tslab"),
    version,
  });
});
