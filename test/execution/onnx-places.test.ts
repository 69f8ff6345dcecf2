import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import { onnx, type OnnxModel, type OnnxOptions } from "../../sdk/models/onnx.js";
import { toChildScript } from "../child-script.js";
import { buildOnnx, identityModel, writeModel } from "../models/onnx-builder.js";
import { toMatrix, writeHeavyModel } from "./heavy-model.js";
import { createLogLines, type LogLine } from "./log-lines.js";

async function open(
  file: string,
  options: OnnxOptions = {},
): Promise<{ model: OnnxModel; lines: LogLine[] }> {
  const { log, lines } = createLogLines();
  const executors = createExecutors({ log });
  const model = await onnx(file, options).load({ name: "net", executors });
  onTestFinished(() => model.release());
  return { model, lines };
}

describe('execution: "auto"', () => {
  it("moves a heavy model to a worker, and no answer is lost, changed or out of its order", async () => {
    const file = writeHeavyModel(20);
    const { model, lines } = await open(file, { batchable: true });
    const { model: alone } = await open(file, { batchable: true, execution: "loop" });
    const before = JSON.stringify(model.describe());
    expect(model.execution()).toMatchObject({ place: "loop", workers: 0 });

    const wanted: Promise<unknown>[] = [];
    const order: number[] = [];
    const send = (i: number): Promise<number[]> => {
      const answer = model.predict(toMatrix(250, i));
      void answer.then(() => order.push(i));
      return answer.then((y) => [...y]);
    };
    const sent: Promise<number[]>[] = [];
    let after = 0;
    // Always three under way, so that some wait while it moves.
    for (let i = 0; after < 5; i += 1) {
      sent.push(send(i));
      if (i > 2) await sent[i - 2];
      if (model.execution().place === "worker") after += 1;
      expect(i).toBeLessThan(2000);
    }
    const answers = await Promise.all(sent);
    for (let i = 0; i < sent.length; i += Math.ceil(sent.length / 20)) {
      wanted.push(alone.predict(toMatrix(250, i)).then((y) => expect(answers[i]).toEqual([...y])));
    }
    await Promise.all(wanted);
    expect(order).toEqual(order.map((_, i) => i));
    expect(model.execution()).toMatchObject({
      place: "worker",
      workers: 1,
      reason: expect.stringMatching(/^\d+ of its last \d+ runs took more than 4 ms \(median .* ms/),
    });
    expect(lines).toContainEqual({
      level: "info",
      message: "the model net moved to a worker thread",
      fields: { reason: model.execution().reason },
    });
    expect(JSON.stringify(model.describe())).toBe(before);
    expect(alone.execution().place).toBe("loop");
  });

  it("leaves a small model on the loop", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "float32", shape: ["N", 2] }]));
    const { model, lines } = await open(file);
    for (let i = 0; i < 300; i += 1) await model.run([[i, 1]]);
    expect(model.execution()).toMatchObject({
      place: "loop",
      reason: expect.stringMatching(/less than 4 ms/),
    });
    expect(lines).toEqual([]);
  });

  it("opens a large file in a worker from the start, weights beside it included", async () => {
    const content = buildOnnx({
      inputs: [{ name: "x", type: "float32", shape: ["N", 1024] }],
      outputs: [{ name: "y", type: "float32", shape: ["N", 2048] }],
      nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
      external: [{ name: "w", dims: [1024, 2048], location: "weights.bin" }],
    });
    const file = writeModel(content);
    writeFileSync(join(dirname(file), "weights.bin"), Buffer.alloc(1024 * 2048 * 4, 1));
    const { model } = await open(file);
    expect(model.execution()).toEqual({
      place: "worker",
      workers: 1,
      reason: "Its files have 8 MB, which would block the loop.",
    });
    const { model: here } = await open(file, { execution: "loop" });
    const x = { data: new Float32Array(2048).fill(0.5), dims: [2, 1024] };
    expect([...(await model.predict(x))]).toEqual([...(await here.predict(x))]);
  });

  it("opens nothing in a worker that asks for threads in vain: they are refused by name", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "float32", shape: ["N", 2] }]));
    const wrong: [OnnxOptions, RegExp][] = [
      [{ execution: "thread" as never }, /`execution` of onnx\(\) is "thread".*"auto", "loop" or/],
      [{ execution: "worker", workers: 0 }, /`workers` of onnx\(\) is 0/],
      [{ execution: "loop", workers: 2 }, /has 2 workers, and `execution: "loop"` uses none/],
    ];
    for (const [options, message] of wrong) {
      await expect(onnx(file, options).load({ name: "net" })).rejects.toMatchObject({
        code: "SERVICE_INVALID",
        message: expect.stringMatching(message),
      });
    }
  });
});

describe('execution: "worker"', () => {
  it("takes nothing from its caller: views, shared memory and what it held are as before", async () => {
    const file = writeModel(
      identityModel([
        { name: "a", type: "float32", shape: ["N", 2] },
        { name: "b", type: "int64", shape: ["N"] },
        { name: "s", type: "string", shape: ["N", 1] },
      ]),
    );
    const { model } = await open(file, { execution: "worker" });
    const whole = Float32Array.of(1, 2, 3, 4, 5, 6);
    const shared = new BigInt64Array(new SharedArrayBuffer(16));
    shared.set([2n ** 53n + 1n, -5n]);
    const a = { data: whole.subarray(1, 5), dims: [2, 2] };
    const answer = await model.run({ a, b: shared, s: [["x"], ["ü"]] }, { int64: "bigint" });
    expect([...answer["a_out"]!]).toEqual([2, 3, 4, 5]);
    expect([...answer["b_out"]!]).toEqual([2n ** 53n + 1n, -5n]);
    expect([...answer["s_out"]!]).toEqual(["x", "ü"]);
    expect([...whole]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...shared]).toEqual([2n ** 53n + 1n, -5n]);
  });

  it("throws what the loop throws", async () => {
    const gather = writeModel(
      buildOnnx({
        inputs: [
          { name: "x", type: "float32", shape: ["N", 2] },
          { name: "i", type: "int64", shape: ["K"] },
        ],
        outputs: [{ name: "y", type: "float32", shape: [null, 2] }],
        nodes: [{ op: "Gather", inputs: ["x", "i"], outputs: ["y"] }],
      }),
    );
    const fail = async (options: OnnxOptions): Promise<Error> => {
      const { model } = await open(gather, options);
      const x = { x: [[1, 2]], i: [7] };
      const error = await model.run(x).catch((reason: unknown) => reason as Error);
      // And it goes on.
      expect([...(await model.run({ x: [[1, 2]], i: [0] }))["y"]!]).toEqual([1, 2]);
      return error as Error;
    };
    const here = await fail({ execution: "loop" });
    const there = await fail({ execution: "worker" });
    expect(there).toMatchObject({
      name: here.name,
      message: here.message,
      code: "MODEL_RUN_FAILED",
    });
    expect(here.message).toMatch(/indices element out of data bounds/);
    expect((there.cause as Error).message).toBe((here.cause as Error).message);
  });

  it("computes in as many threads as it is told to", async () => {
    const { model } = await open(writeHeavyModel(3), {
      execution: "worker",
      workers: 2,
      batchable: true,
    });
    expect(model.execution()).toMatchObject({ place: "worker", workers: 2 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => model.predict(toMatrix(50, i))),
    );
    answers.forEach((y, i) => expect(y[50]).toBe(i + 1));
  });

  it("says so when opening a model takes more memory than there is", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [{ name: "x", type: "float32", shape: ["N"] }],
        outputs: [{ name: "y", type: "float32", shape: ["N"] }],
        sparse: [{ name: "w", size: 2 ** 40 }],
        nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
      }),
    );
    for (const execution of ["loop", "worker"] as const) {
      await expect(open(file, { execution })).rejects.toMatchObject({
        code: "MODEL_MEMORY_EXCEEDED",
        message: expect.stringContaining(file),
      });
    }
  });

  it("says so when a run takes more memory than there is", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [{ name: "size", type: "int64", shape: [1] }],
        outputs: [{ name: "y", type: "float32", shape: [null] }],
        nodes: [{ op: "ConstantOfShape", inputs: ["size"], outputs: ["y"] }],
      }),
    );
    for (const execution of ["loop", "worker"] as const) {
      const { model } = await open(file, { execution });
      await expect(model.run({ size: [2 ** 40] })).rejects.toMatchObject({
        code: "MODEL_RUN_FAILED",
        message: expect.stringMatching(/allocate memory.* fewer rows/),
      });
    }
  });
});

describe("the end of the process", () => {
  const program = (end: string): Promise<string> =>
    toChildScript(`
      import { onnx } from "./sdk/models/onnx.js";
      import { createExecutors } from "./sdk/execution/create-executors.js";
      const log = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => log };
      const executors = createExecutors({ log });
      async function main() {
        const file = process.argv[2]!;
        const definition = onnx(file, { execution: "worker", batchable: true });
        const model = await definition.load({ name: "net", executors });
        const n = 700;
        const run = model.predict({ data: new Float32Array(n * n), dims: [n, n] });
        run.then(() => console.log("answered"));
        ${end}
      }
      void main();
    `);

  async function end(
    how: string,
  ): Promise<{ code: number | null; signal: string | null; text: string }> {
    const child = spawn(process.execPath, ["--input-type=module", "-", writeHeavyModel(40)], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(await program(how));
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (text += part));
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    return { code, signal, text };
  }

  it("is not an abort when it comes in the middle of a run", async () => {
    expect(await end("setTimeout(() => process.exit(3), 50);")).toMatchObject({ code: 3 });
    const thrown = await end('setTimeout(() => { throw new Error("boom"); }, 50);');
    expect(thrown).toMatchObject({ code: 1, text: expect.stringContaining("boom") });
  });

  it("comes by itself when nothing computes, and not before", async () => {
    expect(await end("")).toEqual({ code: 0, signal: null, text: "answered\n" });
  });

  it("waits for a run that has begun when the model is released", async () => {
    const released = await end('await model.release(); console.log("released");');
    expect(released).toEqual({ code: 0, signal: null, text: "answered\nreleased\n" });
  });
});
