import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildSync } from "esbuild";

let folder: string;
let module: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ekiben-frame-"));
  module = path.join(folder, "frame.mjs");
  const root = new URL("../../sdk/frame/", import.meta.url).pathname;
  buildSync({
    stdin: {
      contents: `export * from "./lazy-data-frame.ts"; export * from "./frame.ts";`,
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: module,
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs code in a process of its own, in a folder. */
function run(code: string, cwd: string): unknown {
  const script = `
    import { createRequire } from "node:module";
    import { Frame, toDataFrame, frameOf, danfojsWasUsed, resolveDanfojsFrom } from ${JSON.stringify(new URL(`file://${module}`).href)};
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("danfojs-node"));
    const frame = Frame.of({ a: { kind: "float64", values: Float64Array.of(1, 2) } });
    const print = (value) => console.log(JSON.stringify(value));
    ${code}`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(out.trim().split("\n").at(-1)!) as unknown;
}

const PROJECT = new URL("../..", import.meta.url).pathname;

test("danfojs is required at the first use of a DataFrame, not before", () => {
  const answer = run(
    `const df = toDataFrame(frame);
     await df;
     const before = [loaded(), danfojsWasUsed(), df instanceof Map, df instanceof Object, df.shape, df.columns, frameOf(df) === frame, loaded()];
     const sum = df.a.sum();
     print([...before, sum, loaded(), danfojsWasUsed()]);`,
    PROJECT,
  );
  expect(answer).toEqual([false, false, false, true, [2, 1], ["a"], true, false, 3, true, true]);
});

test("without danfojs the first use says what to install, and the columns stay usable", () => {
  const answer = run(
    `const df = toDataFrame(frame);
     const codes = [];
     for (let i = 0; i < 2; i++) try { df.head(); } catch (error) { codes.push(error.code, error.message); }
     print([codes, df.shape, frameOf(df).toRecords()]);`,
    folder,
  ) as [string[], unknown, unknown];
  expect(answer[0][0]).toBe("DEPENDENCY_MISSING");
  expect(answer[0][1]).toContain("npm install danfojs-node");
  expect(answer[0][1]).toContain("npm:@e965/xlsx@0.20.3");
  expect(answer[0][2]).toBe("DEPENDENCY_MISSING");
  expect(answer.slice(1)).toEqual([
    [2, 1],
    [{ a: 1 }, { a: 2 }],
  ]);
});

test("a folder can be named in which danfojs is looked for first", () => {
  const answer = run(
    `resolveDanfojsFrom(${JSON.stringify(PROJECT)});
     print(toDataFrame(frame).a.values);`,
    folder,
  );
  expect(answer).toEqual([1, 2]);
});

test("the copy that the user has loaded is the one whose class a DataFrame gets", () => {
  const answer = run(
    `const dfd = createRequire(${JSON.stringify(`${PROJECT}/package.json`)})("danfojs-node");
     const df = toDataFrame(frame);
     print([df instanceof dfd.DataFrame, danfojsWasUsed(), df.a.values, danfojsWasUsed()]);`,
    folder,
  );
  expect(answer).toEqual([true, false, [1, 2], true]);
});

test("rows are made without generated code where that is not allowed", () => {
  const out = execFileSync(
    process.execPath,
    [
      "--disallow-code-generation-from-strings",
      "--input-type=module",
      "-e",
      `import { Frame, toDataFrame } from ${JSON.stringify(new URL(`file://${module}`).href)};
       const frame = Frame.of({ a: { kind: "int", values: Float64Array.of(1) }, b: { kind: "string", values: ["x"] } });
       console.log(JSON.stringify(toDataFrame(frame).values));`,
    ],
    { cwd: PROJECT, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
  expect(out.trim()).toBe('[[1,"x"]]');
});
