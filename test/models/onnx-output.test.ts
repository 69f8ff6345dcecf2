import { join } from "node:path";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { onnx, type OnnxOptions } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import { expectRows, FIXTURES, loadFixture, toInputs } from "./fixture.js";
import { buildOnnx, identityModel, writeModel } from "./onnx-builder.js";

async function load(file: string, options?: OnnxOptions): Promise<OnnxModel> {
  const model = await onnx(file, options).load({ name: "net" });
  onTestFinished(() => model.release());
  return model;
}

const fixtureFile = (id: string): string => join(FIXTURES, id, "model.onnx");
const FLOWER = [5.1, 3.5, 1.4, 0.2];

describe("an output", () => {
  it("of one number a row is indexed by row, [N] and [N, 1] alike", async () => {
    const isolation = await load(fixtureFile("skl-bc-isolation-forest"));
    const { label, scores } = await isolation.run([Array.from({ length: 30 }, () => 1)]);
    expect(label!.dims).toEqual([1, 1]);
    expect(label![0]).toBe(-1);
    expect(typeof scores![0]).toBe("number");
    const kmeans = await load(fixtureFile("skl-iris-kmeans"));
    const cluster = await kmeans.predict([FLOWER, FLOWER]);
    expect(cluster.dims).toEqual([2]);
    expect(cluster[0]).toBe(cluster[1]);
  });

  it("of several numbers a row gives rows as views and columns", async () => {
    const model = await load(
      writeModel(identityModel([{ name: "x", type: "float32", shape: [null, 3] }])),
    );
    const out = await model.predict([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(out).toBeInstanceOf(Float32Array);
    expect(out.row(1)).toEqual(Float32Array.of(4, 5, 6));
    expect(out.row(1).buffer).toBe(out.buffer);
    expect(out.column(2)).toEqual(Float32Array.of(3, 6));
    expect(() => out.row(2)).toThrow(/no row 2: the tensor has 2 rows/);
    expect(() => out.row(-1)).toThrow(RangeError);
    expect(() => out.column(3)).toThrow(/no column 3: a row has 3 elements/);
    expect(Object.keys(out)).toEqual(["0", "1", "2", "3", "4", "5"]);
  });

  it("of strings or booleans is a plain array with rows and columns", async () => {
    const iris = await load(fixtureFile("skl-iris-logreg-nozipmap"));
    const { label, probabilities } = await iris.run<{ label: string; probabilities: number }>([
      FLOWER,
    ]);
    expect(label).toEqual(["setosa"]);
    expect(JSON.stringify(label)).toBe('["setosa"]');
    expect(label.row(0)).toEqual(["setosa"]);
    expect(probabilities.row(0)[0]).toBeGreaterThan(0.9);
    const flags = await load(
      writeModel(identityModel([{ name: "x", type: "bool", shape: [null, 2] }])),
    );
    const out = await flags.predict<boolean>([
      [true, false],
      [true, true],
    ]);
    expect(out).toEqual([true, false, true, true]);
    expect(out.column(1)).toEqual([false, true]);
  });

  it("has the dimensions that the model answers, not those that it declares", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [
          { name: "x", type: "float32", shape: [null, 3] },
          { name: "shape", type: "int64", shape: [2] },
        ],
        outputs: [{ name: "y", type: "float32", shape: [null, 1] }],
        nodes: [{ op: "Reshape", inputs: ["x", "shape"], outputs: ["y"] }],
      }),
    );
    const model = await load(file);
    expect(model.outputs).toEqual([{ name: "y", dtype: "float32", shape: [null, 1] }]);
    const out = await model.predict({ x: [[1, 2, 3]], shape: [-1, 3] });
    expect(out.dims).toEqual([1, 3]);
  });

  it("of 64 bits is numbers while they are exact, and bigints on demand", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "int64", shape: [null] }]));
    const model = await load(file);
    const edge = [2n ** 53n - 1n, -(2n ** 53n) + 1n, -1n, 0n, 4_294_967_296n, -4_294_967_297n];
    const out = await model.predict({ x: BigInt64Array.from(edge) });
    expect(out).toBeInstanceOf(Float64Array);
    expect(Array.from(out)).toEqual(edge.map(Number));
    for (const big of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n]) {
      const x = BigInt64Array.of(1n, big);
      await expect(model.predict({ x })).rejects.toMatchObject({
        code: "MODEL_RUN_FAILED",
        message: expect.stringMatching(
          `Element 1 of the output "x_out" is ${big}.*int64: "bigint"`,
        ),
      });
      const asked = await model.predict<bigint>({ x }, { int64: "bigint" });
      expect(Array.from(asked)).toEqual([1n, big]);
    }
    const always = await load(file, { int64: "bigint" });
    expect(await always.predict<bigint>([7])).toBeInstanceOf(BigInt64Array);
  });

  it("may be the only one that is computed", async () => {
    const model = await load(fixtureFile("skl-iris-logreg-nozipmap"));
    expect(Object.keys(await model.run([FLOWER], { outputs: ["probabilities"] }))).toEqual([
      "probabilities",
    ]);
    expect((await model.predict<string>([FLOWER]))[0]).toBe("setosa");
    expect((await model.predict([FLOWER], { output: "probabilities" })).dims).toEqual([1, 3]);
    const named = await load(fixtureFile("skl-iris-logreg-nozipmap"), { output: "probabilities" });
    expect((await named.predict([FLOWER])).dims).toEqual([1, 3]);
    expect(Object.keys(await named.run([FLOWER]))).toEqual(["label", "probabilities"]);
    await expect(model.predict([FLOWER], { output: "probs" })).rejects.toThrow(
      /no output "probs"; its outputs are "label", "probabilities"/,
    );
  });
});

describe("a model for one row a run", () => {
  /** [1, 4] → its sum with the row dimension kept, dropped, and as a squeezed row. */
  const file = (): string =>
    writeModel(
      buildOnnx({
        inputs: [{ name: "x", type: "float32", shape: [1, 4] }],
        outputs: [
          { name: "sum", type: "float32", shape: [1, 1] },
          { name: "scalar", type: "float32", shape: [] },
          { name: "squeezed", type: "float32", shape: [4] },
        ],
        nodes: [
          { op: "ReduceSum", inputs: ["x"], outputs: ["sum"], ints: { axes: [1] } },
          { op: "Squeeze", inputs: ["sum"], outputs: ["scalar"], ints: { axes: [0, 1] } },
          { op: "Squeeze", inputs: ["x"], outputs: ["squeezed"], ints: { axes: [0] } },
        ],
      }),
    );

  it("says so, and answers any number of rows with one row each", async () => {
    const model = await load(file());
    expect(model.describe()).toMatchObject({ kind: "onnx", rowsPerRun: 1 });
    for (const rows of [1, 3]) {
      const x = Array.from({ length: rows }, (_, i) => [i, 1, 1, 1]);
      const out = await model.run(x);
      expect(Array.from(out["sum"]!)).toEqual(x.map(([i]) => i! + 3));
      expect(out["sum"]!.dims).toEqual([rows, 1]);
      expect(out["scalar"]!.dims).toEqual([rows]);
      expect(out["squeezed"]!.dims).toEqual([rows, 4]);
      expect(Array.from(out["squeezed"]!.row(rows - 1))).toEqual([rows - 1, 1, 1, 1]);
    }
  });

  it("joins rows of strings", async () => {
    const model = await load(
      writeModel(identityModel([{ name: "x", type: "string", shape: [1, 1] }])),
    );
    const out = await model.predict<string>([["a"], ["b"]]);
    expect([out, out.dims]).toEqual([
      ["a", "b"],
      [2, 1],
    ]);
  });

  it("refuses inputs of different numbers of rows", async () => {
    const shape = [1, 1];
    const model = await load(
      writeModel(
        identityModel([
          { name: "a", type: "float32", shape },
          { name: "b", type: "float32", shape },
        ]),
      ),
    );
    await expect(model.run({ a: [1, 2], b: [1, 2, 3] })).rejects.toMatchObject({
      code: "MODEL_INPUT_INVALID",
    });
  });
});

describe.each(["skl-bc-random-forest", "skl-churn-columntransformer", "torch-iris-fixed-batch-1"])(
  "the rows of %s",
  (id) => {
    const fixture = loadFixture(id);
    let model: OnnxModel;
    beforeAll(async () => {
      model = await onnx(fixture.file).load({ name: id });
      return () => model.release();
    });

    it("answer alike in any company and order", async () => {
      const row = fc.nat(fixture.records.length - 1);
      await fc.assert(
        fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (rows) => {
          expectRows(fixture, await model.run(toInputs(fixture, rows)), rows);
        }),
        { numRuns: 40 },
      );
    });
  },
);

describe("a run", () => {
  it("that the model itself gives up is named, and the model lives on", async () => {
    const model = await load(fixtureFile("torch-text-gru"));
    const error = await model.predict([[1_000_000]]).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "MODEL_RUN_FAILED", cause: expect.any(Error) });
    expect((error as Error).message).toMatch(/The model "net" failed: .*Gather.*indices/);
    expect((await model.predict([[1]])).dims).toEqual([1, 2]);
  });

  it("may share its time with others", async () => {
    const model = await load(fixtureFile("skl-iris-kmeans"));
    const alone = Array.from(await model.predict([FLOWER], { output: "scores" }));
    const runs = Array.from({ length: 20 }, () => model.predict([FLOWER], { output: "scores" }));
    for (const out of await Promise.all(runs)) expect(Array.from(out)).toEqual(alone);
  });

  it("that began row by row ends before the model is released", async () => {
    const model = await load(fixtureFile("torch-iris-fixed-batch-1"));
    const begun = model.predict(Array.from({ length: 50 }, () => FLOWER));
    const released = model.release();
    await expect(model.predict([FLOWER])).rejects.toMatchObject({
      code: "MODEL_RUN_FAILED",
      message: 'The model "net" has been released. Load it again before running it.',
    });
    expect((await begun).dims).toEqual([50, 3]);
    await released;
  });

  it("takes the options of its session", async () => {
    const file = fixtureFile("skl-iris-kmeans");
    const model = await load(file, {
      session: { executionProviders: ["cpu"], intraOpNumThreads: 2 },
    });
    expect((await model.predict([FLOWER])).dims).toEqual([1]);
    await expect(
      load(file, { session: { executionProviders: ["nowhere"] } }),
    ).rejects.toMatchObject({
      code: "SERVICE_INVALID",
      message: expect.stringMatching(/none of the execution providers "nowhere"/),
    });
  });
});

it("a model describes what it takes and gives", async () => {
  const model = await load(fixtureFile("torch-churn-tabular"));
  expect(model.describe()).toEqual({
    kind: "onnx",
    inputs: [
      { name: "x_cat", dtype: "int64", shape: [null, 8] },
      { name: "x_cont", dtype: "float32", shape: [null, 7] },
    ],
    outputs: [{ name: "logits", dtype: "float32", shape: [null, 2] }],
    rowsPerRun: null,
    rowsApart: { value: true, by: "trial" },
    session: {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: "sequential",
      graphOptimizationLevel: "all",
      enableCpuMemArena: true,
      enableMemPattern: true,
      extra: { session: { "intra_op.allow_spinning": "0", "inter_op.allow_spinning": "0" } },
    },
  });
});
