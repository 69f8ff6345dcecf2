import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { HeadlessKernel } from "../../kernels/tslab/headless.js";
import { openFolder, openKernel, type Folder } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let folder: Folder;
let kernel: HeadlessKernel;

beforeAll(async () => {
  folder = await openFolder();
  kernel = await openKernel({ cwd: folder.path });
  await kernel.execute(`import { dataframe, defineService, json, model, onnx, z } from "ekiben";`);
});
afterAll(async () => {
  await kernel?.shutdown();
  await folder?.[Symbol.asyncDispose]();
});

async function fail(code: string) {
  const result = await kernel.execute(code);
  expect(result.status).toBe("error");
  const frames = result.text.split("\n").filter((line) => /^\s+at /.test(line));
  return { text: result.text, frames, cell: result.executionCount };
}

test("a model that cannot be loaded shows the cell and line that asked, each time", async () => {
  await kernel.execute(`const lacking = defineService({ name: "lacking" })
    .models({ net: onnx("none.onnx") })
    .api("f", { input: json(z.string()), handler: (x) => x });`);
  for (const code of [`\nawait lacking.call.f("a");`, `\n\nawait lacking.call.f("a");`]) {
    const { text, frames, cell } = await fail(code);
    expect(text).toContain("MODEL_FILE_MISSING");
    const line = code.split("\n").length;
    expect(frames).toEqual([expect.stringMatching(new RegExp(`cell \\[${cell}\\]:${line}:\\d+`))]);
  }
  const { frames, cell } = await fail(`\nawait lacking.startDevServer({ port: 0 });`);
  expect(frames).toEqual([expect.stringMatching(new RegExp(`cell \\[${cell}\\]:2:\\d+`))]);
});

test("code of the author that fails while a model is loaded shows its own line first", async () => {
  const { executionCount: declared } =
    await kernel.execute(`const broken = defineService({ name: "broken" })
    .models({ net: model({
      files: {},
      load(): number {
        throw new Error("no weights");
      },
      predict: (_, x: number) => x,
    }) })
    .api("f", { input: json(z.string()), handler: (x) => x });`);
  const { text, frames, cell } = await fail(`\nawait broken.call.f("a");`);
  expect(text).toContain("MODEL_FILE_INVALID");
  expect(frames[0]).toMatch(new RegExp(`cell \\[${declared}\\]:5:\\d+`));
  expect(frames.at(-1)).toMatch(new RegExp(`cell \\[${cell}\\]:2:\\d+`));
  expect(text).not.toMatch(/node:internal|Promise\.allSettled/);
});

test("a wrong number of outputs shows the cell and line of the call, over HTTP too", async () => {
  await kernel.execute(`const doubled = defineService({ name: "doubled" }).api("f", {
    input: dataframe(z.object({ a: z.number() })),
    output: z.object({ y: z.number() }),
    handler: () => [{ y: 1 }, { y: 2 }],
  });`);
  for (const before of ["", "await doubled.startDevServer({ port: 0 });"]) {
    const { text, frames, cell } = await fail(`${before}\n\nawait doubled.call.f([{ a: 1 }]);`);
    expect(text).toContain("OUTPUT_COUNT_MISMATCH");
    expect(frames).toEqual([expect.stringMatching(new RegExp(`cell \\[${cell}\\]:3:\\d+`))]);
  }
  await kernel.execute("await doubled.stopDevServer();");
});
