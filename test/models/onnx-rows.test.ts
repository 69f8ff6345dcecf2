import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { Frame } from "../../sdk/frame/frame.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { expectRows, loadFixture, toInputs } from "./fixture.js";
import { buildOnnx, identityModel, writeModel } from "./onnx-builder.js";
import { expectClose, loadFile, loadMade, madeExpectation } from "./onnx-made.js";

async function refusal(act: Promise<unknown>): Promise<EkibenError> {
  const error = await act.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EkibenError);
  return error as EkibenError;
}

describe("a model for several rows a run", () => {
  it("takes any number of rows, in pieces of which the last is filled", async () => {
    const { inputs, outputs } = madeExpectation("four-a-run");
    const model = await loadMade("four-a-run");
    expect(model.describe()).toMatchObject({
      rowsPerRun: 4,
      rowsApart: { value: true, by: "trial" },
    });
    for (let rows = 1; rows <= 11; rows += 1) {
      const x = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, v.slice(0, rows)]));
      const answer = await model.run(x as never);
      expectClose(answer["y"] as never, outputs["y"]!.slice(0, rows));
      expect(answer["same"]).toEqual(outputs["same"]!.slice(0, rows));
      expect(answer["same"]!.dims).toEqual([rows]);
    }
  });

  it("takes exactly so many when they know of each other", async () => {
    const { inputs, outputs } = madeExpectation("coupled-by-three");
    const model = await loadMade("coupled-by-three");
    expect(model.describe()).toMatchObject({ rowsPerRun: 3, rowsApart: { value: false } });
    expectClose((await model.predict(inputs as never)) as never, outputs["y"]!);
    const error = await refusal(model.predict(inputs["x"]!.slice(0, 2) as never));
    expect(error.message).toMatch(/takes the dimensions \[3, 2\], not \[2, 2\]/);
    expect((await model.warmup())!.warnings).toEqual([
      expect.stringMatching(/"net" that share a run change each other.*exactly 3 of them/),
    ]);
  });

  it("is cut into pieces on its author's word", async () => {
    const model = await loadMade("coupled-by-three", { batchable: true });
    expect(model.describe().rowsApart).toEqual({ value: true, by: "option" });
    const answer = await model.predict([[1, 2]]);
    // Filled with itself, a row has a third of every column.
    expectClose(answer as never, [[1 / 3, 1 / 3]]);
  });

  it("refuses inputs of different numbers of rows", async () => {
    const model = await loadMade("four-a-run");
    const x = [[1, 2]];
    const error = await refusal(model.run({ x, name: ["a", "b"] }));
    expect(error.message).toMatch(/is 1 in the input "x" and 2 in "name"/);
  });
});

describe("rows that know of each other", () => {
  it("are run one by one, and the author is warned", async () => {
    const { inputs, outputs } = madeExpectation("coupled");
    const model = await loadMade("coupled");
    expect(model.describe()).toMatchObject({
      rowsPerRun: 1,
      rowsApart: { value: false, by: "trial" },
    });
    expectClose((await model.predict(inputs as never)) as never, outputs["y"]!);
    const { warnings } = (await model.warmup())!;
    expect(warnings).toEqual([expect.stringMatching(/one by one.*batchable: false.*true/)]);
  });

  it("share a run when their author says that they are one thing", async () => {
    const { inputs, outputs } = madeExpectation("coupled-by-three");
    const model = await loadMade("coupled", { batchable: true });
    expectClose((await model.predict(inputs as never)) as never, outputs["y"]!);
    expect((await model.warmup())!.warnings).toEqual([]);
  });

  it("are found by an example where the declaration says too little", async () => {
    const softmax = (axis: number): string =>
      writeModel(
        buildOnnx({
          inputs: [{ name: "x", type: "float32" }],
          outputs: [{ name: "y", type: "float32" }],
          nodes: [{ op: "Softmax", inputs: ["x"], outputs: ["y"], numbers: { axis } }],
        }),
      );
    const unknown = await loadFile(softmax(0));
    expect(unknown.describe().rowsApart).toEqual({ value: null, by: "trial" });
    expect(await unknown.warmup()).toBeUndefined();
    for (const example of [
      [[1, 2]],
      [
        [1, 2],
        [3, 5],
      ],
    ]) {
      const model = await loadFile(softmax(0), { example });
      expect(model.describe()).toMatchObject({ rowsPerRun: 1, rowsApart: { value: false } });
      const apart = await loadFile(softmax(1), { example });
      expect(apart.describe()).toMatchObject({ rowsPerRun: null, rowsApart: { value: true } });
    }
  });

  it("are not looked for in a model that does not answer by rows", async () => {
    const sum = buildOnnx({
      inputs: [{ name: "x", type: "float32", shape: ["time", 3] }],
      outputs: [{ name: "y", type: "float32", shape: [3] }],
      nodes: [
        {
          op: "ReduceSum",
          inputs: ["x"],
          outputs: ["y"],
          ints: { axes: [0] },
          numbers: { keepdims: 0 },
        },
      ],
    });
    const model = await loadFile(writeModel(sum));
    expect(model.describe()).toMatchObject({ rowsPerRun: null, rowsApart: { value: null } });
    expect(
      Array.from(
        await model.predict([
          [1, 2, 3],
          [4, 5, 6],
        ]),
      ),
    ).toEqual([5, 7, 9]);
  });

  it("are not told from a model that rolls dice", async () => {
    const dice = buildOnnx({
      inputs: [{ name: "x", type: "float32", shape: ["batch", 3] }],
      outputs: [{ name: "y", type: "float32", shape: ["batch", 3] }],
      nodes: [{ op: "RandomUniformLike", inputs: ["x"], outputs: ["y"] }],
    });
    const model = await loadFile(writeModel(dice));
    expect(model.describe()).toMatchObject({ rowsPerRun: null, rowsApart: { value: null } });
  });

  it("answer one by one what they answer alone, with a value for all of them", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [
          { name: "x", type: "float32", shape: ["batch", 2] },
          { name: "scale", type: "float32", shape: [1] },
        ],
        outputs: [{ name: "y", type: "float32", shape: ["batch", 2] }],
        nodes: [{ op: "Mul", inputs: ["x", "scale"], outputs: ["y"] }],
      }),
    );
    const model = await loadFile(file, { batchable: false });
    expect(model.describe().rowsPerRun).toBe(1);
    const answer = await model.predict({
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      scale: 10,
    });
    expectClose(answer as never, [
      [10, 20],
      [30, 40],
      [50, 60],
    ]);
  });
});

describe("rows in another dimension than the first", () => {
  const { inputs, outputs } = madeExpectation("time-major");

  it("come and go first, as everywhere", async () => {
    const model = await loadMade("time-major", { batchAxis: 1 });
    const described = model.describe();
    expect(described.inputs).toEqual([{ name: "x", dtype: "float32", shape: [null, null, 2] }]);
    expect(described.batchAxis).toEqual({ x: 1, states: 1 });
    expect(described.rowsApart).toEqual({ value: true, by: "trial" });
    const answer = await model.run(inputs as never);
    expectClose(answer["states"] as never, outputs["states"]!);
    expectClose(answer["final"] as never, outputs["final"]!);
    expect(answer["states"]!.dims).toEqual([3, 5, 4]);
  });

  it("are told by name too, and run one by one on demand", async () => {
    const model = await loadMade("time-major", {
      batchAxis: { x: 1, states: 1 },
      batchable: false,
    });
    const answer = await model.run(inputs as never);
    expectClose(answer["states"] as never, outputs["states"]!);
    expectClose(answer["final"] as never, outputs["final"]!);
  });

  it("turn strings as well", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "string", shape: [2, "batch"] }]));
    const model = await loadFile(file, { batchAxis: 1 });
    const out = await model.predict<string>([
      ["a", "b"],
      ["c", "d"],
      ["e", "f"],
    ]);
    expect([Array.from(out), out.dims]).toEqual([
      ["a", "b", "c", "d", "e", "f"],
      [3, 2],
    ]);
  });

  it.each([
    [{ batchAxis: 3 }, /rows in dimension 3, and it has 3/],
    [{ batchAxis: -1 }, /rows in dimension -1/],
    [{ batchAxis: { X: 1 } }, /names "X".*Did you mean "x"\?/],
  ])("are refused where the model has no such dimension: %j", async (options, message) => {
    const error = await refusal(loadMade("time-major", options));
    expect(error.code).toBe("SERVICE_INVALID");
    expect(error.message).toMatch(message);
  });
});

describe("rows of several lengths", () => {
  const fixture = loadFixture("torch-text-gru");

  it("share a run with those of their shape, and answer in their order", async () => {
    const model = await loadFile(fixture.file);
    const row = fc.nat(fixture.records.length - 1);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
        expectRows(fixture, await model.run(toInputs(fixture, rows)), rows);
      }),
      { numRuns: 30 },
    );
  });

  it("may be a column of a table, typed arrays or tensors of their own", async () => {
    const model = await loadFile(fixture.file);
    const tokens = fixture.records.slice(0, 6).map((record) => record["tokens"] as number[]);
    const rows = [0, 1, 2, 3, 4, 5];
    const table = new Frame(["tokens"], [{ kind: "json", values: tokens }]);
    expectRows(fixture, await model.run(table), rows);
    expectRows(fixture, await model.run(tokens.map((list) => Int32Array.from(list))), rows);
    const shaped = tokens.map((list) => ({ data: list, dims: [list.length] }));
    expectRows(fixture, await model.run(shaped), rows);
    const arrays = tokens.map((list) => createTensorArray(Float64Array.from(list), [list.length]));
    expectRows(fixture, await model.run({ tokens: arrays as never }), rows);
  });

  it("are refused where the model has a size for them, and where they differ in depth", async () => {
    const fixed = await loadFile(
      writeModel(identityModel([{ name: "x", type: "float32", shape: ["batch", 2] }])),
    );
    expect((await refusal(fixed.predict([[1, 2], [1]]))).message).toMatch(/row 1 does not/);
    const free = await loadFile(
      writeModel(identityModel([{ name: "x", type: "float32", shape: ["batch", null] }])),
    );
    expect((await refusal(free.predict([[1, 2], [[1]]]))).message).toMatch(
      /row 0 has the shape \[2\]/,
    );
    expect((await refusal(free.predict([[1, 2], []]))).message).toMatch(/\[1, 0\], which hold no/);
    const cell = await refusal(
      free.predict([
        [1, 2],
        [1, 2, "3"],
      ]),
    );
    expect(cell.facts.issues).toMatchObject([{ row: 1, column: "x[2]" }]);
  });

  it("are refused in a row whose own lists differ", async () => {
    const model = await loadFile(
      writeModel(identityModel([{ name: "x", type: "float32", shape: [null, null, null] }])),
    );
    const error = await refusal(model.predict([[[1, 2], [3]], [[1, 2, 3]]]));
    expect(error.message).toMatch(/lists of row 0 differ in length/);
  });

  it("cannot be joined when their answers differ in length too", async () => {
    const { inputs } = madeExpectation("masked-mean");
    const mask = (inputs["tokens"] as number[][]).map((row) => row.map(() => 1));
    const model = await loadMade("masked-mean");
    const x = { tokens: inputs["tokens"], attention_mask: mask } as never;
    const mean = await model.predict(x, { output: "mean" });
    expectClose(mean as never, madeExpectation("masked-mean").outputs["mean"]!);
    const error = await refusal(model.run(x));
    expect(error.code).toBe("MODEL_RUN_FAILED");
    expect(error.message).toMatch(
      /"steps" has the dimensions \[3\] for row 0 and \[1\] for row 1.*`pad`/,
    );
  });

  it("have as many elements in every input of a row", async () => {
    const model = await loadMade("masked-mean");
    const error = await refusal(
      model.run({
        tokens: [[1, 2], [3]],
        attention_mask: [
          [1, 1],
          [1, 1],
        ],
      }),
    );
    expect(error.message).toMatch(/"sequence" of row 1 is 1 in the input "tokens" and 2 in/);
  });
});

describe("padding", () => {
  const { inputs, outputs } = madeExpectation("masked-mean");
  const tokens = inputs["tokens"] as number[][];
  const pad = { value: 0, mask: "attention_mask" };

  async function check(model: OnnxModel, x: never): Promise<void> {
    const answer = await model.run(x);
    expectClose(answer["mean"] as never, outputs["mean"]!);
    expect(answer["steps"]!.dims).toEqual([5, 7]);
    (outputs["steps"] as number[][]).forEach((wanted, row) => {
      const got = Array.from(answer["steps"]!.row(row));
      wanted.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 5));
      expect(got.slice(wanted.length)).toEqual(Array.from({ length: 7 - wanted.length }, () => 0));
    });
  }

  it("fills short rows and makes the mask", async () => {
    const model = await loadMade("masked-mean", { pad });
    await check(model, tokens as never);
    await check(model, { tokens } as never);
    await check(model, new Frame(["tokens"], [{ kind: "json", values: tokens }]) as never);
    await check(model, tokens.map((list) => ({ tokens: list })) as never);
  });

  it("fills a mask that is given with zeros", async () => {
    const model = await loadMade("masked-mean", { pad });
    await check(model, { tokens, attention_mask: tokens.map((row) => row.map(() => 1)) } as never);
    const first = await model.run({ tokens: [[5, 6]], attention_mask: [[1, 0]] });
    const alone = await model.run({ tokens: [[5]], attention_mask: [[1]] });
    expectClose(first["mean"] as never, [Array.from(alone["mean"]!)]);
  });

  it("marks rows of one length as whole", async () => {
    const model = await loadMade("masked-mean", { pad });
    const same = tokens.filter((row) => row.length === 3);
    const answer = await model.predict(same);
    expectClose(answer as never, [outputs["mean"]![0], outputs["mean"]![3]] as never);
  });

  it("answers each row as if it were alone, whatever the others are", async () => {
    const model = await loadMade("masked-mean", { pad });
    const list = fc.array(fc.integer({ min: 0, max: 49 }), { minLength: 1, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(fc.array(list, { minLength: 1, maxLength: 8 }), async (rows) => {
        const together = await model.predict(rows);
        for (const [i, row] of rows.entries()) {
          expectClose((await model.predict([row])) as never, [Array.from(together.row(i))]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("goes up to the size that the model declares, in every dimension", async () => {
    const shape = ["batch", 2, 3];
    for (const [type, value, filled] of [
      ["float32", -1, -1],
      ["string", "-", "-"],
      ["int64", 9, 9],
      ["bool", true, true],
    ] as const) {
      const file = writeModel(identityModel([{ name: "x", type, shape }]));
      const model = await loadFile(file, { pad: { value } });
      const one = type === "string" ? "a" : type === "bool" ? false : 0;
      const out = await model.predict([[[one, one]], [[one], [one]]]);
      expect(out.dims).toEqual([2, 2, 3]);
      const f = filled;
      expect(Array.from(out)).toEqual([one, one, f, f, f, f, one, f, f, one, f, f]);
      expect((await refusal(model.predict([[[one, one, one, one]]]))).message).toMatch(
        /not \[1, 2, 4\]/,
      );
    }
  });

  it("has a value of its own for each input that needs one", async () => {
    const file = writeModel(
      identityModel([
        { name: "a", type: "int64", shape: ["batch", null] },
        { name: "b", type: "int64", shape: ["batch", null] },
      ]),
    );
    const model = await loadFile(file, { pad: { value: { a: 7 } } });
    const out = await model.run({ a: [[1], [1, 2]], b: [[3], [4]] });
    expect(Array.from(out["a_out"]!)).toEqual([1, 7, 1, 2]);
    expect(Array.from(out["b_out"]!)).toEqual([3, 4]);
  });

  it.each([
    [{ pad: { value: 0, mask: "mask" } }, /names "mask", and the inputs .*"attention_mask"/],
    [{ pad: { value: { token: 0 } } }, /names "token".*Did you mean "tokens"\?/],
    [{ pad: { value: 0.5 } }, /fills the input "tokens" .* "0.5", which is not a whole number/],
  ])("is refused where the model does not allow it: %j", async (options, message) => {
    const error = await refusal(loadMade("masked-mean", options));
    expect(error.code).toBe("SERVICE_INVALID");
    expect(error.message).toMatch(message);
  });
});

describe("numbers of 16 bits", () => {
  it("go in and come out as float32", async () => {
    const { inputs, outputs } = madeExpectation("half");
    const model = await loadMade("half");
    expect(model.describe()).toMatchObject({
      inputs: [{ name: "x", dtype: "float16", shape: [null, 3] }],
      outputs: [{ name: "y", dtype: "float16", shape: [null, 2] }],
      rowsApart: { value: true },
    });
    const out = await model.predict(inputs as never);
    expect(out).toBeInstanceOf(Float32Array);
    // The last of 11 bits may fall to either side.
    expectClose(out as never, outputs["y"]!, 1e-3);
    expect(Array.from(out).filter(Number.isFinite)).toHaveLength(outputs["y"]!.flat().length);
  });

  it("keep every half as it is, and round what lies between", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "float16", shape: [null] }]));
    const model = await loadFile(file);
    const x = [1, -0.5, 65_504, 65_520, 2 ** -24, 0.1, Infinity, NaN, -0];
    const out = await model.predict(Float64Array.from(x));
    expect(Array.from(out)).toEqual([
      1,
      -0.5,
      65_504,
      Infinity,
      2 ** -24,
      0.0999755859375,
      Infinity,
      NaN,
      -0,
    ]);
  });
});
