import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { HeadlessKernel } from "../../kernels/tslab/headless.js";
import { openFolder, openKernel, type Folder } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let folder: Folder;
let kernel: HeadlessKernel;

beforeAll(async () => {
  folder = await openFolder();
  await writeFile(
    join(folder.path, "helper.ts"),
    `interface Gone {\n  a: string;\n}\nexport function fail(gone: Gone): never {\n  throw new Error(gone.a);\n}\n`,
  );
  kernel = await openKernel({ cwd: folder.path });
});
afterAll(async () => {
  await kernel?.shutdown();
  await folder?.[Symbol.asyncDispose]();
});

async function fail(code: string) {
  const result = await kernel.execute(code);
  expect(result.status).toBe("error");
  return {
    ...result.error!,
    trace: result.error!.traceback.join("\n"),
    count: result.executionCount,
  };
}

test("a throw shows the line and column of the cell, below types too", async () => {
  const error = await fail(`interface Row {\n  a: number;\n}\n  throw new RangeError("boom");`);
  expect(error.ename).toBe("RangeError");
  expect(error.evalue).toBe("boom");
  expect(error.trace).toBe(`RangeError: boom\n    at cell [${error.count}]:4:9`);
});

test("a function of an earlier cell shows the line of that cell", async () => {
  const earlier = await kernel.execute(
    `type Input = { n: number };
    class Model {
      private readonly scale: number = 2;
      predict({ n }: Input): number {
        if (n < 0) throw new TypeError("negative");
        return n * this.scale;
      }
    }
    const model = new Model();
    const options = {
      async handler(input: Input): Promise<number> {
        return await handler(input);
      },
    };
    async function handler(input: Input): Promise<number> {
      await null;
      return model.predict(input);
    }`,
  );
  const error = await fail(`type Unused = string;\n\nawait options.handler({ n: -1 });`);
  const first = earlier.executionCount;
  expect(error.traceback).toEqual([
    "TypeError: negative",
    `    at Model.predict (cell [${first}]:5:26)`,
    `    at handler (cell [${first}]:17:20)`,
    `    at async handler (cell [${first}]:12:16)`,
    `    at cell [${error.count}]:3:1`,
  ]);
});

test("frames of libraries stay, frames of the kernel go", async () => {
  const error = await fail(`JSON.parse("{");`);
  expect(error.trace).toMatch(/at JSON\.parse/u);
  expect(error.trace).toMatch(new RegExp(`at cell \\[${error.count}\\]:1:6`, "u"));
  expect(error.trace).not.toMatch(/tslab|node:vm|kernels/u);
  const required = await fail(`require("./missing");`);
  expect(required.trace).toMatch(/node:internal\/modules/u);
});

test("a local module shows its own line", async () => {
  const error = await fail(`import { fail } from "./helper";\nfail({ a: "deep" });`);
  expect(error.traceback).toEqual([
    "Error: deep",
    "    at fail (helper.ts:5:9)",
    `    at cell [${error.count}]:2:5`,
  ]);
});

test("a module that was written in a cell shows its own line", async () => {
  const result = await kernel.execute(
    `/** @module inner */\ntype A = 1;\nexport function burst() {\n  throw new Error("inner");\n}`,
  );
  expect(result.status).toBe("ok");
  const error = await fail(`import { burst } from "./inner";\nburst();`);
  expect(error.traceback[1]).toBe("    at burst (inner.ts:4:9)");
});

test("an error that a cell catches has the same lines", async () => {
  const result = await kernel.execute(
    `type T = 1;\nlet stack = "";\ntry { (null as any).x; } catch (error) { stack = (error as Error).stack!; }\nstack`,
  );
  expect(result.text).toMatch(new RegExp(`at cell \\[${result.executionCount}\\]:3:21`, "u"));
});

test("what is thrown need not be an error", async () => {
  expect(await fail(`throw "text"`)).toMatchObject({ ename: "Thrown", evalue: "'text'" });
  expect(await fail(`throw undefined`)).toMatchObject({ evalue: "undefined" });
  const hostile = await fail(
    `class Bad extends Error { [Symbol.for("nodejs.util.inspect.custom")]() { throw 1; } }\nthrow new Bad("x");`,
  );
  expect(hostile.evalue).toBe("x");
});

test("the compiler's findings show line, column and text", async () => {
  const error = await fail(`const fine = 1;\nconst wrong: string = fine;`);
  expect(error.ename).toBe("CompileError");
  expect(error.evalue).toBe("Type 'number' is not assignable to type 'string'.");
  expect(error.traceback).toEqual([
    `cell [${error.count}]:2:7 - error TS2322: Type 'number' is not assignable to type 'string'.`,
    "    const wrong: string = fine;",
    "          ^",
  ]);
});

test("the reply carries the error, and the outputs have it once", async () => {
  const result = await kernel.execute(`console.log("before"); throw new Error("once")`);
  expect(result.outputs.map((output) => output.output_type)).toEqual(["stream", "error"]);
  const reply = await kernel.request("execute_request", { code: `throw new Error("reply")` });
  expect(reply).toMatchObject({ status: "error", ename: "Error", evalue: "reply" });
});

test("a failure outside of a cell is printed and the kernel lives on", async () => {
  const result = await kernel.execute(
    `setTimeout(() => { throw new Error("late"); }, 1);
    Promise.reject(new Error("nobody waits"));
    await new Promise((resolve) => setTimeout(resolve, 50));`,
  );
  expect(result.status).toBe("ok");
  expect(result.text).toMatch(/Unhandled rejection of a promise: Error: nobody waits\n\s+at cell/u);
  expect(result.text).toMatch(/Uncaught outside of a cell: Error: late\n\s+at cell/u);
  expect((await kernel.execute("1 + 1")).text).toBe("2\n");
});

test("cells that were sent before a failure was known are not run", async () => {
  const results = await Promise.all([
    kernel.execute(
      `await new Promise((resolve) => setTimeout(resolve, 30)); throw new Error("stop")`,
    ),
    kernel.execute(`console.log("must not run")`),
  ]);
  expect(results.map((result) => result.status)).toEqual(["error", "aborted"]);
  expect(results[1]?.text).toBe("");
  expect((await kernel.execute(`console.log("runs")`)).text).toBe("runs\n");
});

test("no line is lost when a cell prints a lot", async () => {
  const result = await kernel.execute(`for (let i = 0; i < 5000; i++) console.log(i)`);
  expect(result.text.trimEnd().split("\n")).toHaveLength(5_000);
});

test("completion and inspection know the names of earlier cells", async () => {
  await kernel.execute(`const completed = { alpha: 1 };`);
  const code = "completed.al";
  const completion = await kernel.request("complete_request", { code, cursor_pos: code.length });
  expect(completion).toMatchObject({ status: "ok", matches: ["alpha"] });
  const inspection = await kernel.request("inspect_request", { code: "completed", cursor_pos: 3 });
  expect(inspection).toMatchObject({ status: "ok", found: true });
  expect(await kernel.request("is_complete_request", { code: "{" })).toMatchObject({
    status: "incomplete",
  });
});

test("a name that only a failed cell declares leads to that cell", async () => {
  await using kernel = await openKernel();
  await kernel.execute("const kept = 1;");
  const failed = await kernel.execute(`const lost = 1;\nthrow new Error("half-way");`);
  expect(failed.status).toBe("error");
  const text = (await kernel.execute("lost + kept")).text;
  expect(text).toContain("Cannot find name 'lost'");
  expect(text).toContain(
    `cell [${failed.executionCount}] declares \`lost\`, but it failed: mend it and run it again.`,
  );
});
