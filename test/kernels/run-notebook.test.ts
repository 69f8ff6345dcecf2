import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import * as fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { Notebook } from "../../kernels/tslab/notebook-file.js";
import { createOutputCollector, type CellOutput } from "../../kernels/tslab/outputs.js";
import { createRequest } from "../../kernels/tslab/protocol.js";
import { runNotebook } from "../../kernels/tslab/run-notebook.js";
import { addNotebook } from "../../sdk/cli/commands/notebook.js";
import { openFolder, requireBuild } from "./kernel-room.js";

vi.setConfig({ testTimeout: 90_000 });
requireBuild();

interface CellInput {
  source: string | string[];
  tags?: string[];
  outputs?: unknown[];
}

function code({ source, tags, outputs = [] }: CellInput) {
  const metadata = tags === undefined ? {} : { tags };
  return { cell_type: "code", metadata, source, outputs, execution_count: null };
}

async function writeNotebook(folder: string, cells: unknown[]): Promise<string> {
  const file = join(folder, "test.ipynb");
  const metadata = { kernelspec: { name: "ekiben" }, custom: { kept: true } };
  await writeFile(file, JSON.stringify({ nbformat: 4, nbformat_minor: 4, metadata, cells }));
  return file;
}

async function read(file: string): Promise<Notebook> {
  return JSON.parse(await readFile(file, "utf8")) as Notebook;
}

test("a notebook is executed in order in its folder, and its outputs are written", async () => {
  await using folder = await openFolder();
  const stale = [{ output_type: "stream", name: "stdout", text: "stale" }];
  const file = await writeNotebook(folder.path, [
    { cell_type: "markdown", metadata: {}, source: "# Title" },
    code({ source: ["const n: number = 2;\n", "console.log('a'); console.log('b'); n"] }),
    code({ source: "", outputs: stale }),
    code({ source: "console.log('skipped')", tags: ["skip-execution"], outputs: stale }),
    code({
      source: `import { newDisplay } from "tslab"; const shown = newDisplay(); shown.html("<i>1</i>");`,
    }),
    code({ source: `shown.html("<i>2\\n</i>"); process.cwd()` }),
    code({ source: `throw new Error("expected")`, tags: ["raises-exception"] }),
    code({ source: `interface Row { a: number }\nn.oops()` }),
    code({ source: `console.log("never")`, outputs: stale }),
  ]);
  const output = join(folder.path, "out.ipynb");
  const seen: string[] = [];
  const run = await runNotebook(file, {
    output,
    onOutput: (part, cell) => seen.push(`${cell.index} ${part.output_type}`),
  });

  expect(run.executed).toBe(5);
  expect(run.failures).toMatchObject([
    {
      index: 7,
      executionCount: 5,
      ename: "CompileError",
      source: "interface Row { a: number }\nn.oops()",
    },
  ]);
  expect(seen.at(0)).toBe("1 stream");
  expect(seen.at(-1)).toBe("7 error");

  const written = await read(output);
  expect(written).toEqual(run.notebook);
  expect(written).toMatchObject({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: "ekiben" }, custom: { kept: true } },
  });
  const cells = written.cells;
  expect(new Set(cells.map((cell) => cell.id)).size).toBe(cells.length);
  expect(cells[0]).not.toHaveProperty("outputs");
  expect(cells.slice(1).map((cell) => cell.execution_count)).toEqual([
    1,
    null,
    null,
    2,
    3,
    4,
    5,
    null,
  ]);
  expect(cells[1]?.outputs).toEqual([
    { output_type: "stream", name: "stdout", text: ["a\n", "b\n", "2\n"] },
  ]);
  expect(cells[1]?.source).toEqual([
    "const n: number = 2;\n",
    "console.log('a'); console.log('b'); n",
  ]);
  expect([cells[2]?.outputs, cells[3]?.outputs, cells[8]?.outputs]).toEqual([[], [], []]);
  // The later cell changed what the earlier one displays.
  expect(cells[4]?.outputs).toEqual([
    { output_type: "display_data", data: { "text/html": ["<i>2\n", "</i>"] }, metadata: {} },
  ]);
  expect(JSON.stringify(cells[5]?.outputs)).toContain(folder.path);
  expect(cells[6]?.outputs).toMatchObject([{ output_type: "error", evalue: "expected" }]);
  expect(cells[7]?.outputs).toMatchObject([
    {
      output_type: "error",
      traceback: [expect.stringMatching(/^cell \[5\]:2:3 - error TS/u), "    n.oops()", "      ^"],
    },
  ]);
  expect((await read(file)).cells[2]?.outputs).toEqual(stale);
});

test("with errors allowed every cell runs; in place the file itself is written", async () => {
  await using folder = await openFolder();
  const file = await writeNotebook(folder.path, [
    code({ source: "throw new Error('one')" }),
    code({ source: "console.log('two')" }),
  ]);
  const run = await runNotebook(file, { inPlace: true, allowErrors: true });
  expect(run.failures.map((failure) => failure.evalue)).toEqual(["one"]);
  expect((await read(file)).cells[1]?.outputs).toMatchObject([{ text: ["two\n"] }]);
});

test("a cell that takes too long fails the run, and what was printed is written", async () => {
  await using folder = await openFolder();
  const file = await writeNotebook(folder.path, [
    code({ source: "console.log('started'); await new Promise(() => undefined);" }),
  ]);
  await expect(runNotebook(file, { inPlace: true, timeoutMs: 3_000 })).rejects.toMatchObject({
    code: "KERNEL_FAILED",
    message: expect.stringMatching(/^Cell 1 took longer than 3000 ms/u),
  });
  expect((await read(file)).cells[0]?.outputs).toMatchObject([
    { text: ["started\n"] },
    { output_type: "error", ename: "Interrupted" },
  ]);
});

test("a kernel that ends in a cell fails the run, and what was printed is written", async () => {
  await using folder = await openFolder();
  const file = await writeNotebook(folder.path, [
    code({
      source: "console.log('last'); await new Promise((r) => setTimeout(r, 100)); process.exit(9)",
    }),
  ]);
  await expect(runNotebook(file, { inPlace: true })).rejects.toMatchObject({
    code: "KERNEL_FAILED",
    message: expect.stringMatching(/exit code 9/u),
  });
  expect((await read(file)).cells[0]?.outputs).toMatchObject([{ text: ["last\n"] }]);
});

describe("a file that is not a notebook is refused", () => {
  test.each([
    ["not JSON", "# hi", /is not JSON/u],
    ["another JSON", "null", /has no cells/u],
    ["an old notebook", `{"nbformat": 3, "cells": []}`, /nbformat 3/u],
  ])("%s", async (_, text, message) => {
    await using folder = await openFolder();
    const file = join(folder.path, "x.ipynb");
    await writeFile(file, text);
    await expect(runNotebook(file)).rejects.toMatchObject({
      code: "COMMAND_INVALID",
      message: expect.stringMatching(message),
    });
  });

  test("a missing file", async () => {
    await expect(runNotebook("no-such.ipynb")).rejects.toMatchObject({ code: "COMMAND_INVALID" });
  });
});

describe("ekiben notebook run", () => {
  async function run(...args: string[]) {
    const written = { stdout: "", stderr: "" };
    const spies = (["stdout", "stderr"] as const).map((name) =>
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        written[name] += String(text);
        return true;
      }),
    );
    const log = vi.spyOn(console, "error").mockImplementation((text) => {
      written.stderr += `${text}\n`;
    });
    const program = new Command().exitOverride();
    program.configureOutput({ writeErr: (text) => (written.stderr += text) });
    addNotebook(program);
    for (const command of program.commands.flatMap((group) => group.commands))
      command.exitOverride();
    try {
      await program.parseAsync(["node", "ekiben", "notebook", "run", ...args]);
      return { ...written, exitCode: process.exitCode };
    } finally {
      process.exitCode = undefined;
      for (const spy of [...spies, log]) spy.mockRestore();
    }
  }

  test("prints the outputs, and the failing cell with its error", async () => {
    await using folder = await openFolder();
    const file = await writeNotebook(folder.path, [
      code({ source: "console.log('out'); console.error('err')" }),
      code({ source: "// second\nthrow new TypeError('bad')" }),
    ]);
    const result = await run(file);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toBe("out\n");
    expect(result.stderr).toMatch(
      /^err\n\nCell 2 \[2\] failed: TypeError: bad\n\n {2}\| \/\/ second\n {2}\| throw new[^]*at cell \[2\]:2:7[^]*2 cells executed, 1 failed\.\n$/u,
    );
  });

  test("refuses a time that is none", async () => {
    await expect(run("x.ipynb", "--timeout", "soon")).rejects.toThrow(/number of seconds/u);
  });
});

test("pieces of a stream become one output, whatever their sizes", () => {
  const piece = fc.record({
    name: fc.constantFrom("stdout", "stderr"),
    text: fc.string({ minLength: 1 }),
  });
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const collector = createOutputCollector();
      const outputs: CellOutput[] = [];
      for (const content of pieces) collector.add(createRequest("stream", content, "s"), outputs);
      const texts = outputs.map((output) => (output.output_type === "stream" ? output.text : ""));
      expect(texts.join("")).toBe(pieces.map(({ text }) => text).join(""));
      const names = outputs.map((output) => (output as { name: string }).name);
      expect(names.every((name, i) => name !== names[i - 1])).toBe(true);
    }),
  );
});

test("clearing waits for the next output when it is told to", () => {
  const collector = createOutputCollector();
  const outputs: CellOutput[] = [];
  const add = (type: string, content: Record<string, unknown>) =>
    collector.add(createRequest(type, content, "s"), outputs);
  add("stream", { name: "stdout", text: "1" });
  add("clear_output", { wait: true });
  expect(outputs).toHaveLength(1);
  add("stream", { name: "stdout", text: "2" });
  expect(outputs).toMatchObject([{ text: "2" }]);
  add("clear_output", { wait: false });
  expect(outputs).toEqual([]);
});
