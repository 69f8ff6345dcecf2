import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { CellResult, HeadlessKernel } from "../../kernels/tslab/headless.js";
import { openFolder, openKernel, type Folder } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

interface SeenRecord {
  id: number;
  executionCount: number;
  source: string;
  status: string;
  /** What each getter returns, or the name of the error that it throws. */
  bindings: Record<string, string>;
  ownersBefore: Record<string, number>;
}

let folder: Folder;
let kernel: HeadlessKernel;

beforeAll(async () => {
  folder = await openFolder();
  kernel = await openKernel({ cwd: folder.path });
  await kernel.execute(
    `const host = (globalThis as any)[Symbol.for("ekiben.notebook")];
    function look(getter: () => unknown): string {
      try { return String(getter()); } catch (error) { return (error as Error).name; }
    }`,
  );
});
afterAll(async () => {
  await kernel?.shutdown();
  await folder?.[Symbol.asyncDispose]();
});

async function evaluate<T>(expression: string): Promise<T> {
  const result = await kernel.execute(`console.log(JSON.stringify(${expression}))`);
  expect(result.status, result.text).toBe("ok");
  return JSON.parse(result.text) as T;
}

/** Runs a cell and returns how it was recorded. */
async function record(code: string): Promise<SeenRecord & { result: CellResult }> {
  const result = await kernel.execute(code);
  const record = await evaluate<SeenRecord>(
    `(() => {
      const { bindings, ownersBefore, ...cell } = host.cells.at(-2);
      const seen = [...bindings].map(([name, getter]: any) => [name, look(getter)]);
      return { ...cell, bindings: Object.fromEntries(seen), ownersBefore: Object.fromEntries(ownersBefore) };
    })()`,
  );
  return { ...record, result };
}

const owners = () => evaluate<Record<string, number>>("Object.fromEntries(host.owners)");
const read = (name: string) => evaluate(`host.read(${JSON.stringify(name)}) ?? null`);

describe("the names of a cell", () => {
  test("are its variables, functions, classes and enums, and no types and imports", async () => {
    const cell = await record(
      `import { join, type ParsedPath } from "node:path";
      import * as os from "node:os";
      import assert from "node:assert";
      type Row = { a: number }; interface Shape { row: Row }
      declare const ghost: number;
      const a = 1; let b = "two"; var c = true;
      function twice(x: number) { const inner = x; return 2 * inner; }
      class Box { held = 1 }
      enum Color { Red, Blue }
      const enum Size { S = 1 }
      namespace Space { export const deep = 1 }
      const { d, e: [f, ...g], ...h } = { d: 1, e: [2, 3], i: 4 };
      for (var j = 0; j < 2; j++) { let k = j; var l = k; }
      const m = (n: number) => n;`,
    );
    expect(cell.status).toBe("ok");
    expect(Object.keys(cell.bindings).sort()).toEqual(
      ["Box", "Color", "Space", "a", "b", "c", "d", "f", "g", "h", "j", "l", "m", "twice"].sort(),
    );
    expect(cell.bindings).toMatchObject({ a: "1", b: "two", c: "true", f: "2", g: "3", j: "2" });
    const now = await owners();
    expect(now).toMatchObject({ a: cell.id, twice: cell.id, join: cell.id, os: cell.id });
    expect(now).toMatchObject({ assert: cell.id, Color: cell.id });
    expect(now).not.toHaveProperty("ghost");
    expect(now).not.toHaveProperty("ParsedPath");
  });

  test("leave out the variable that holds the last expression", async () => {
    const cell = await record("const shown = 4; shown + 1");
    expect(cell.result.text).toBe("5\n");
    expect(Object.keys(cell.bindings)).toEqual(["shown"]);
  });

  test("may be any identifier", async () => {
    const cell = await record("const größe = 1, $ = 2, _ = 3; 0");
    expect(cell.bindings).toEqual({ größe: "1", $: "2", _: "3" });
  });
});

describe("a getter", () => {
  test("reads what the variable holds now", async () => {
    const cell = await record("let count = 1; function raise() { count += 1; }");
    expect(cell.bindings["count"]).toBe("1");
    await kernel.execute("raise(); raise();");
    expect(await evaluate(`host.cells[${cell.id - 1}].bindings.get("count")()`)).toBe(3);
    expect(await read("count")).toBe(3);
  });

  test("keeps to the variable of its own cell when another cell assigns to the name", async () => {
    const cell = await record("let level = 1;");
    await kernel.execute("level = 7;");
    expect(await evaluate(`host.cells[${cell.id - 1}].bindings.get("level")()`)).toBe(1);
    expect(await read("level")).toBe(7);
  });

  test("works while a cell that awaits is running", async () => {
    await kernel.execute(
      `const early = 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
      const during = look(host.cells.at(-1).bindings.get("late"));
      const state = host.cells.at(-1).status;
      const late = 2;`,
    );
    expect(await evaluate("[during, state]")).toEqual(["ReferenceError", "running"]);
  });
});

describe("the owner of a name", () => {
  test("is the latest execution that declared it", async () => {
    const first = await record("const owned = 1;");
    const second = await record("const owned = 2;");
    expect(second.ownersBefore["owned"]).toBe(first.id);
    expect((await owners())["owned"]).toBe(second.id);
  });

  test("is an execution that failed, for what it came to declare", async () => {
    const before = await record("const left = 1, right = 1;");
    const failed = await record(
      "const left = 2; if (left > 1) throw new Error('half-way'); const right = 2;",
    );
    expect(failed.status).toBe("failed");
    expect(failed.bindings).toEqual({ left: "2", right: "ReferenceError" });
    expect(await owners()).toMatchObject({ left: failed.id, right: before.id });
    expect(await read("left")).toBe(2);
  });

  test("does not change with a cell that does not compile", async () => {
    const before = await record("const kept = 1;");
    const rejected = await record("const kept: string = 2;");
    expect(rejected.status).toBe("rejected");
    expect(rejected.bindings).toEqual({});
    expect((await owners())["kept"]).toBe(before.id);
    expect(await read("kept")).toBe(1);
  });

  test("of an import is the importing execution, and only if the import succeeded", async () => {
    const first = await record(`import { basename } from "node:path";`);
    const second = await record(`import { basename } from "node:path/posix";`);
    expect(second.ownersBefore["basename"]).toBe(first.id);
    expect((await owners())["basename"]).toBe(second.id);
    // This package is there for the compiler and not for the loader.
    const third = await record(`const gone = require("./gone"); const basename = gone;`);
    expect(third.status).toBe("failed");
    expect((await owners())["basename"]).toBe(second.id);
  });
});

test("records count every execution and keep the source as it stands", async () => {
  const source = "// first line\nconst spaced  =  1;\n\n";
  const one = await record(source);
  const two = await record(source);
  expect(one.source).toBe(source);
  expect(two.id).toBeGreaterThan(one.id);
  expect(two.executionCount).toBe(two.result.executionCount);
});

test("display shows data under the running cell", async () => {
  const result = await kernel.execute(
    `host.display({ "text/html": "<b>1</b>", "text/plain": "1" })`,
  );
  expect(result.outputs).toEqual([
    {
      output_type: "display_data",
      data: { "text/html": "<b>1</b>", "text/plain": "1" },
      metadata: {},
    },
  ]);
});

test("the host tells the folder and the kernel", async () => {
  expect(await evaluate("host.directory")).toBe(folder.path);
  expect(await evaluate("host.kernel.name")).toBe("ekiben");
});

test("a name of an earlier cell may be a key and a variable in one word", async () => {
  await using kernel = await openKernel();
  await kernel.execute(`const a = 1; let b = 2; const own = { b: "shadow" };`);
  const values = async (code: string) => (await kernel.execute(code)).text.trim();
  expect(await values(`const o = { a, b, c: { b } }; JSON.stringify(o)`)).toBe(
    `{"a":1,"b":2,"c":{"b":2}}`,
  );
  expect(await values(`const f = () => ({ a }); b = 7; JSON.stringify([f(), { b }])`)).toBe(
    `[{"a":1},{"b":7}]`,
  );
  // A name of this cell, a parameter and a pattern are left alone.
  expect(
    await values(
      `const g = ({ a = 5 }: { a?: number }) => { const b = 9; return { a, b }; }; JSON.stringify(g({}))`,
    ),
  ).toBe(`{"a":5,"b":9}`);
  expect(
    await values(`let d = 0; ({ b, d = 4 } = { b: 8 } as any); JSON.stringify({ b, d })`),
  ).toBe(`{"b":8,"d":4}`);
  expect(await values(`b`)).toBe("8");
});
