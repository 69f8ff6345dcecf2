import { SourceMap, type SourceMapPayload } from "node:module";
import { expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import {
  type NotebookSlice,
  sliceNotebook,
  type SliceOptions,
} from "../../sdk/slicing/slice-notebook.js";
import { createKernel } from "./support/kernel.js";
import { slice } from "./support/save.js";
import * as service from "./support/service.js";

const CELLS = [
  'import { defineService } from "ekiben";',
  "let total = 0;",
  "// adds\nfunction add(n: number) {\n  total += n;\n  return total;\n}\nconst add2 = '🎈', add3 = (n: number) => add(n);",
  'const service = defineService({ name: "s" })\n  .api("add", { handler: (n: number) => add3(n) });',
];

async function run(cells: readonly string[]) {
  const kernel = createKernel({ ekiben: service, "./local.ts": { __esModule: true, default: 1 } });
  for (const cell of cells) await kernel.run(cell);
  return kernel;
}

test("every line of the program leads back to its line in its cell", async () => {
  const { program } = slice(await run(CELLS), "service");
  const lines = program.code.split("\n");
  const map = new SourceMap(JSON.parse(program.map) as SourceMapPayload);
  expect(program.lines).toHaveLength(lines.length);
  for (const [index, text] of lines.entries()) {
    const origin = program.lines[index];
    const column = text.search(/\S/);
    if (origin === undefined) {
      expect(text).toMatch(/^(|\/\/ .*|.*\.\/values\.js.*|const values = .*|export default .*)$/);
      continue;
    }
    expect(map.findEntry(index, column)).toMatchObject({
      originalSource: `cell-[${origin.cell}].ts`,
      originalLine: origin.line - 1,
    });
    // The name at the start of a line is the name in the cell.
    const [word] = /[\w$]{4,}/.exec(text) ?? ["}"];
    const inCell = CELLS[origin.cell - 1]!.split("\n")[origin.line - 1]!;
    if (word !== "const") expect(inCell).toContain(word);
  }
  const add3 = lines.findIndex((text) => text.includes("add3 ="));
  const found = map.findEntry(add3, lines[add3]!.indexOf("add(n)"));
  if (!("originalLine" in found)) throw new Error("not mapped");
  const inCell = CELLS[2]!.split("\n")[found.originalLine]!;
  expect(inCell.slice(found.originalColumn)).toMatch(/^add\(n\)/);
});

test("the slice tells what to save, to pin and to bundle", async () => {
  const kernel = await run([
    'import { defineService } from "ekiben"; import { z, type ZodType } from "zod"; import local from "./local.ts";',
    "class Box { v = 1 }\nconst box = new Box();\nlet count = 1;",
    "count = 2;",
    'const service = defineService({ name: "s" }).api("go", { handler: async (x: ZodType) => [box.v, count, local, z, await import("node:fs"), Box] });',
  ]);
  const sliced = slice(kernel, "service");
  expect(sliced.values).toEqual([
    { key: "box", name: "box", execution: 2, cell: 2, from: "local", kind: "value" },
    { key: "count", name: "count", execution: 2, cell: 2, from: "slot", kind: "value" },
  ]);
  expect(sliced.classes).toEqual([{ key: "Box", name: "Box", execution: 2 }]);
  expect(sliced.imports).toEqual([
    {
      specifier: "ekiben",
      cell: 1,
      execution: 1,
      names: ["defineService"],
      typeOnly: false,
      dynamic: false,
    },
    { specifier: "zod", cell: 1, execution: 1, names: ["ZodType"], typeOnly: true, dynamic: false },
    {
      specifier: "./local.ts",
      cell: 1,
      execution: 1,
      names: ["default"],
      typeOnly: false,
      dynamic: false,
    },
    { specifier: "zod", cell: 1, execution: 1, names: ["z"], typeOnly: false, dynamic: false },
    { specifier: "node:fs", cell: 4, execution: 4, names: [], typeOnly: false, dynamic: true },
  ]);
});

test("a service can be saved by the cell that declares it", async () => {
  const slices: NotebookSlice[] = [];
  const kernel = createKernel({
    ekiben: service,
    saver: {
      save: (options: Partial<SliceOptions>) => slices.push(sliceNotebook({ ...base, ...options })),
    },
  });
  const base: SliceOptions = {
    cells: kernel.cells,
    owners: kernel.owners,
    entry: { execution: 3, name: "service" },
    classify: () => ({ kind: "source" }),
    same: () => true,
  };
  await kernel.run(
    'import { defineService } from "ekiben"; import { save } from "saver"; const score = (x: number) => x;',
  );
  await kernel.run("const use = (x: number) => score(x);");
  await kernel.run(
    'const score = (x: number) => x * 2;\nconst service = defineService({ name: "s" }).api("go", { handler: (x: number) => use(x) });\nsave({});',
  );
  const [saved] = slices;
  expect(saved!.program.code).toContain("const score = (x: number) => x * 2;");
  expect(saved!.program.code).not.toContain("const score = (x: number) => x;");
  expect(saved!.report.filter(({ kind }) => kind === "left").map(({ name }) => name)).toEqual([]);
});

test("a refusal of the caller names the variable, its cell and the way to it", async () => {
  const kernel = await run([...CELLS.slice(0, 3), CELLS[3]!]);
  const attempt = () =>
    sliceNotebook({
      cells: kernel.cells,
      owners: kernel.owners,
      entry: { execution: 4, name: "service" },
      classify: ({ name }) =>
        name === "total" ? { kind: "refused", reason: "it is a lock" } : { kind: "source" },
      same: () => true,
    });
  expect(attempt).toThrow(EkibenError);
  expect(attempt).toThrow(
    "`total` of cell [2] cannot be captured: it is a lock. The service needs it: `service` → `add3` → `add` → `total`.",
  );
});

test("two cells under one number stay apart in the map", async () => {
  const kernel = await run(CELLS);
  const cells = kernel.cells.map((cell) => ({ ...cell, executionCount: 1 }));
  const { program } = sliceNotebook({
    cells,
    owners: kernel.owners,
    entry: { execution: 4, name: "service" },
    classify: ({ name }) => ({ kind: name === "total" ? "value" : "source" }),
    same: () => true,
  });
  const { sources } = JSON.parse(program.map) as SourceMapPayload;
  expect(new Set(sources).size).toBe(sources.length);
  expect(sources.length).toBe(4);
});
