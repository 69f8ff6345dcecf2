import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { Frame } from "../../sdk/frame/frame.js";
import { onnx, type OnnxOptions } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import type { ModelInput } from "../../sdk/models/feeds.js";
import { FIXTURES } from "./fixture.js";
import { buildOnnx, identityModel, writeModel, type ElementType } from "./onnx-builder.js";

async function load(file: string, options?: OnnxOptions): Promise<OnnxModel> {
  const model = await onnx(file, options).load({ name: "net" });
  onTestFinished(() => model.release());
  return model;
}

function loadFixtureModel(id: string, options?: OnnxOptions): Promise<OnnxModel> {
  return load(join(FIXTURES, id, "model.onnx"), options);
}

/** A model `x → x_out` of one element type. */
function loadIdentity(
  type: ElementType,
  shape: readonly (number | string | null)[] = ["batch", 2],
  options?: OnnxOptions,
): Promise<OnnxModel> {
  return load(writeModel(identityModel([{ name: "x", type, shape }])), options);
}

async function refusal(act: Promise<unknown>): Promise<EkibenError> {
  const error = await act.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EkibenError);
  return error as EkibenError;
}

const numbers = (values: number[], missing?: number[]) => ({
  kind: "float64" as const,
  values: Float64Array.from(values),
  ...(missing && { missing: Uint8Array.from(missing) }),
});

it("loads onnxruntime with the first model, not with the declaration", async () => {
  const { cache } = createRequire(import.meta.url);
  const isLoaded = (): boolean => Object.keys(cache).some((file) => file.includes("onnxruntime"));
  const definition = onnx(join(FIXTURES, "torch-wine-mlp/model.onnx"));
  await definition.files();
  expect(isLoaded()).toBe(false);
  await (await definition.load({ name: "net" })).release();
  expect(isLoaded()).toBe(true);
});

describe("element types", () => {
  it.each([
    [
      "float32",
      [
        [0.1, -1],
        [Infinity, 3],
      ],
      [Math.fround(0.1), -1, Infinity, 3],
    ],
    [
      "float64",
      [
        [0.1, -1],
        [Infinity, 3],
      ],
      [0.1, -1, Infinity, 3],
    ],
    [
      "int64",
      [
        [1, -2],
        [2 ** 53 - 1, 5n],
      ],
      [1, -2, 2 ** 53 - 1, 5],
    ],
    [
      "uint64",
      [
        [1, 2],
        [2 ** 53 - 1, 5n],
      ],
      [1, 2, 2 ** 53 - 1, 5],
    ],
    [
      "int32",
      [
        [2 ** 31 - 1, -(2 ** 31)],
        [0, 1n],
      ],
      [2 ** 31 - 1, -(2 ** 31), 0, 1],
    ],
    [
      "uint32",
      [
        [2 ** 32 - 1, 0],
        [1, 2],
      ],
      [2 ** 32 - 1, 0, 1, 2],
    ],
    [
      "int16",
      [
        [32_767, -32_768],
        [0, true],
      ],
      [32_767, -32_768, 0, 1],
    ],
    [
      "uint16",
      [
        [65_535, 0],
        [1, 2],
      ],
      [65_535, 0, 1, 2],
    ],
    [
      "int8",
      [
        [127, -128],
        [0, 1],
      ],
      [127, -128, 0, 1],
    ],
    [
      "uint8",
      [
        [255, 0],
        [1, 2],
      ],
      [255, 0, 1, 2],
    ],
    [
      "bool",
      [
        [true, false],
        [1, 0],
      ],
      [true, false, true, false],
    ],
    [
      "string",
      [
        ["a", "é"],
        ["", "駅弁"],
      ],
      ["a", "é", "", "駅弁"],
    ],
  ] as [ElementType, unknown[][], unknown[]][])(
    "%s goes in and comes out",
    async (type, x, out) => {
      const model = await loadIdentity(type);
      const { x_out } = await model.run({ x: x as never });
      expect(Array.from(x_out!)).toEqual(out);
      expect(x_out!.dims).toEqual([2, 2]);
    },
  );

  it.each([
    ["int64", 1.5, "a whole number", "1.5"],
    ["int64", 2 ** 53, "a whole number", "9007199254740992"],
    ["int64", 2n ** 63n, "a whole number of 64 bits", "9223372036854775808n"],
    ["int64", null, "a whole number", "missing"],
    ["int64", Number.NaN, "a whole number", "missing (NaN)"],
    ["uint64", -1n, "a whole number from 0 on of 64 bits", "-1n"],
    ["int32", 2 ** 31, "a whole number from -2147483648 to 2147483647", "2147483648"],
    ["uint8", 256, "a whole number from 0 to 255", "256"],
    ["int8", 0.5, "a whole number from -128 to 127", "0.5"],
    ["bool", null, "true or false", "missing"],
    ["bool", 2, "true or false", "2"],
    ["float32", "1", "a number", '"1"'],
    ["float32", [1], "a number", "a list of 1"],
    ["string", 3, "a string", "3"],
  ] as [ElementType, unknown, string, string][])(
    "%s refuses %s with its row and column",
    async (type, bad, expected, received) => {
      const model = await loadIdentity(type);
      const good = type === "string" ? "a" : 1;
      const error = await refusal(
        model.run({
          x: [
            [good, good],
            [good, good],
            [good, bad],
          ],
        } as never),
      );
      expect(error.code).toBe("MODEL_INPUT_INVALID");
      expect(error.facts).toMatchObject({
        expected,
        received,
        issues: [{ row: 2, column: "x[1]", expected, received }],
      });
    },
  );

  it("a missing number is NaN for a float, a missing string is empty", async () => {
    const floats = await loadIdentity("float32");
    expect(Array.from(await floats.predict([[null, undefined as never]]))).toEqual([NaN, NaN]);
    const strings = await loadIdentity("string");
    expect(Array.from(await strings.predict<string>([[null, "a"]]))).toEqual(["", "a"]);
  });
});

describe("one value for a model's only input", () => {
  it.each([
    [
      "nested lists",
      [
        [1, 2],
        [3, 4],
      ],
      [2, 2],
    ],
    ["a list of typed arrays", [Float32Array.of(1, 2), Float64Array.of(3, 4)], [2, 2]],
    ["a typed array of another type", Float64Array.of(1, 2, 3, 4), [2, 2]],
    ["a view into a larger buffer", Float32Array.of(0, 1, 2, 3, 4, 0).subarray(1, 5), [2, 2]],
    ["shared memory", new Float32Array(new SharedArrayBuffer(16)).map((_, i) => i + 1), [2, 2]],
    ["shared memory itself", shared([1, 2, 3, 4]), [2, 2]],
    ["a flat list", [1, 2, 3, 4], [2, 2]],
    ["elements with their dimensions", { data: [1, 2, 3, 4], dims: [2, 2] }, [2, 2]],
    [
      "an object by name",
      {
        x: [
          [1, 2],
          [3, 4],
        ],
      },
      [2, 2],
    ],
  ] as [string, ModelInput, number[]][])("may be %s", async (_, x, dims) => {
    const model = await loadIdentity("float32");
    const out = await model.predict(x);
    expect(Array.from(out)).toEqual([1, 2, 3, 4]);
    expect(out.dims).toEqual(dims);
  });

  it("may be the output of another model", async () => {
    const model = await loadIdentity("float32", [null, null]);
    const out = await model.predict(
      await model.predict([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    );
    expect(out.dims).toEqual([2, 3]);
  });

  it("may be a single value where an input takes one a row", async () => {
    const file = writeModel(
      identityModel([
        { name: "plan", type: "string", shape: ["batch", 1] },
        { name: "age", type: "float32", shape: ["batch"] },
      ]),
    );
    const model = await load(file);
    const out = await model.run<{ plan_out: string; age_out: number }>({ plan: "basic", age: 30 });
    expect([out.plan_out[0], out.age_out[0]]).toEqual(["basic", 30]);
    expect(out.plan_out.dims).toEqual([1, 1]);
  });

  it("has its own dimensions where the model declares none", async () => {
    const model = await load(writeModel(identityModel([{ name: "x", type: "float32" }])));
    expect((await model.predict([[[1], [2]]])).dims).toEqual([1, 2, 1]);
  });

  it("may be given to an input that is named like a property of a tensor", async () => {
    const value = { name: "data", type: "float32" as const, shape: ["batch", 2] };
    const model = await load(writeModel(identityModel([value])));
    expect(Array.from(await model.predict({ data: [[1, 2]] }))).toEqual([1, 2]);
  });

  it.each([
    ["no whole number of rows", [1, 2, 3], /takes 2 elements a row, and 3/],
    ["another width", [[1, 2, 3]], /takes the dimensions \[batch, 2\], not \[1, 3\]/],
    ["another depth", [[[1, 2]]], /takes the dimensions \[batch, 2\], not \[1, 1, 2\]/],
    ["rows of several lengths", [[1, 2], [1]], /row 0 has the shape \[2\], and row 1 does not/],
    ["a row that is no list", [[1, 2], 3], /row 0 has the shape \[2\], and row 1 does not/],
    ["dims that do not fit", { data: [1, 2, 3], dims: [2, 2] }, /dims \[2, 2\] and 3 elements/],
    ["dims that are no sizes", { data: [1], dims: [-1, -1] }, /dims \[-1, -1\] and 1 elements/],
    ["a date", new Date(0), /was given a date/],
    ["nothing", undefined, /was given missing/],
    ["other names", { y: [[1, 2]] }, /lacks the inputs "x"; it has "y"/],
  ] as [string, never, RegExp][])("is refused with %s", async (_, x, message) => {
    const error = await refusal((await loadIdentity("float32")).predict(x));
    expect(error.code).toBe("MODEL_INPUT_INVALID");
    expect(error.message).toMatch(message);
  });

  it("is refused where several dimensions are free and none is said", async () => {
    const model = await loadIdentity("int64", ["batch", "sequence"]);
    const error = await refusal(model.predict([1, 2, 3]));
    expect(error.message).toMatch(
      /cannot be told from 3 elements.*nested lists or \{ data, dims \}/,
    );
  });
});

function shared(values: number[]): Float32Array {
  const array = new Float32Array(new SharedArrayBuffer(values.length * 4));
  array.set(values);
  return array;
}

describe("an empty dimension", () => {
  it.each([
    ["no rows", []],
    ["an empty row", [[]]],
    ["a typed array without elements", new BigInt64Array(0)],
    ["dims with a zero", { data: [], dims: [0, 5] }],
    ["an empty sequence", { data: [], dims: [3, 0] }],
  ] as [string, never][])(
    "is refused before a model aborts the process on it: %s",
    async (_, x) => {
      const error = await refusal(
        (await loadFixtureModel("torch-text-gru")).predict({ tokens: x }),
      );
      expect(error.code).toBe("MODEL_INPUT_INVALID");
    },
  );

  it("is refused for a table without rows", async () => {
    const model = await loadFixtureModel("skl-iris-kmeans");
    const names = ["a", "b", "c", "d"];
    const frame = new Frame(
      names,
      names.map(() => numbers([])),
      0,
    );
    expect((await refusal(model.run(frame))).message).toMatch(
      /\[0, 4\], which hold no element.*at least one row/,
    );
    expect((await refusal(model.run([]))).message).toMatch(/no element/);
  });
});

describe("a table", () => {
  const wide = Frame.of({ c: numbers([5]), a: numbers([1]), b: numbers([3]) });

  it("fills a matrix from the columns that `features` names, in that order", async () => {
    const model = await loadIdentity("float32", ["batch", 2], { features: ["b", "a"] });
    expect(Array.from(await model.predict(wide))).toEqual([3, 1]);
    expect(Array.from(await model.predict(wide, { features: ["a", "c"] }))).toEqual([1, 5]);
    expect(Array.from(await model.predict([{ a: 1, b: 2, c: 3 }]))).toEqual([2, 1]);
  });

  it("fills a matrix in its own order when it has exactly the columns", async () => {
    const model = await loadIdentity("float32", ["batch", 3]);
    expect(Array.from(await model.predict(wide))).toEqual([5, 1, 3]);
  });

  it("is refused when it has another number of columns and none are named", async () => {
    const error = await refusal((await loadIdentity("float32")).predict(wide));
    expect(error.message).toMatch(/takes 2 columns, and the table has 3: "c", "a", "b".*features/);
  });

  it("is refused when columns are missing, with those it has and the nearest name", async () => {
    const model = await loadIdentity("float32", ["batch", 2], {
      features: ["mean radius", "area"],
    });
    const frame = Frame.of({ mean_radius: numbers([1]), age: numbers([1]) });
    const error = await refusal(model.predict(frame));
    expect(error.code).toBe("MODEL_INPUT_INVALID");
    expect(error.message).toMatch(
      /lacks the columns "mean radius", "area"; it has "mean_radius", "age"/,
    );
    expect(error.facts.hint).toBe('Did you mean "mean_radius"?');
    expect(error.facts.issues).toMatchObject([{ column: "mean radius" }, { column: "area" }]);
  });

  it("fills several matrices by the names of their columns", async () => {
    const file = writeModel(
      identityModel([
        { name: "categories", type: "int64", shape: ["batch", 2] },
        { name: "numbers", type: "float32", shape: ["batch", 1] },
        { name: "plan", type: "string", shape: ["batch"] },
      ]),
    );
    const model = await load(file, { inputs: { categories: ["a", "b"], numbers: ["c"] } });
    const frame = new Frame(
      ["unused", "plan", "a", "b", "c"],
      [
        numbers([9, 9]),
        { kind: "string", values: ["basic", null], missing: Uint8Array.of(0, 1) },
        { kind: "int", values: Float64Array.of(1, 2) },
        { kind: "bigint", values: BigInt64Array.of(3n, 4n), missing: Uint8Array.of(0, 0) },
        numbers([0.5, NaN], [0, 1]),
      ],
    );
    const out = await model.run<{ categories_out: number; numbers_out: number; plan_out: string }>(
      frame,
    );
    expect(Array.from(out.categories_out)).toEqual([1, 3, 2, 4]);
    expect(Array.from(out.numbers_out)).toEqual([0.5, NaN]);
    expect(out.plan_out).toEqual(["basic", ""]);
    expect(out.plan_out.dims).toEqual([2]);
  });

  it("fills an input of lists from a column of lists", async () => {
    const model = await loadIdentity("float32", ["batch", 1, 2]);
    const frame = new Frame(
      ["x", "id"],
      [{ kind: "json", values: [[[1, 2]], [[3, 4]]] }, numbers([7, 8])],
    );
    const out = await model.predict(frame);
    expect([Array.from(out), out.dims]).toEqual([
      [1, 2, 3, 4],
      [2, 1, 2],
    ]);
  });

  it("names the row and the column of a cell that does not fit", async () => {
    const model = await loadIdentity("int64", ["batch", 2], { features: ["a", "b"] });
    const masked = {
      kind: "bigint" as const,
      values: BigInt64Array.of(1n, 0n),
      missing: Uint8Array.of(0, 1),
    };
    const a = { kind: "int" as const, values: Float64Array.of(1, 2) };
    const bigint = await refusal(model.predict(new Frame(["a", "b"], [a, masked])));
    expect(bigint.message).toMatch(/row 1 of "b" must be a whole number, not missing/);
    const double = await refusal(model.predict(new Frame(["a", "b"], [a, numbers([1, 1.5])])));
    expect(double.facts.issues).toMatchObject([{ row: 1, column: "b", received: "1.5" }]);
  });

  it("has no dates and no texts for a model of numbers", async () => {
    const model = await loadIdentity("float32", ["batch", 1]);
    const date = Frame.of({ x: { kind: "date", values: Float64Array.of(0) } });
    expect((await refusal(model.predict(date))).message).toMatch(/must be a number, not a date/);
    const text = Frame.of({ x: { kind: "string", values: ["1"] } });
    expect((await refusal(model.predict(text))).message).toMatch(/must be a number, not "1"/);
  });

  it("counts booleans as 0 and 1, and keeps the missing ones apart", async () => {
    const model = await loadIdentity("float32", ["batch", 1]);
    const values = Uint8Array.of(1, 0, 0);
    const frame = Frame.of({ x: { kind: "boolean", values, missing: Uint8Array.of(0, 0, 1) } });
    expect(Array.from(await model.predict(frame))).toEqual([1, 0, NaN]);
  });

  it("is refused by a model of images", async () => {
    const model = await loadFixtureModel("torch-digits-cnn");
    const error = await refusal(model.predict([{ image: 1 }]));
    expect(error.message).toMatch(
      /\[batch, 1, 28, 28\], which 1 columns of single values cannot fill/,
    );
  });
});

describe("several inputs", () => {
  it("are refused with different numbers of rows", async () => {
    const model = await loadFixtureModel("torch-churn-tabular");
    const x_cat = [[1, 1, 1, 1, 1, 1, 1, 1]];
    const x_cont = [
      [0, 0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0],
    ];
    const error = await refusal(model.run({ x_cat, x_cont }));
    expect(error.code).toBe("MODEL_INPUT_INVALID");
    expect(error.message).toMatch(/"batch" is 1 in the input "x_cat" and 2 in "x_cont"/);
  });

  it("are refused when one is missing or all come as one", async () => {
    const model = await loadFixtureModel("torch-churn-tabular");
    const missing = await refusal(model.run({ x_cat: [[1]], x_cnt: [[1]] }));
    expect(missing.message).toMatch(/lacks the inputs "x_cont".*Did you mean "x_cnt"\?/);
    expect((await refusal(model.run([[1, 2]]))).message).toMatch(
      /has 2 inputs .*"x_cat", "x_cont"/,
    );
  });
});

it("an input that is not of the model stays out of the way of those that are", async () => {
  const file = writeModel(
    buildOnnx({
      inputs: [{ name: "x", type: "float32", shape: [null, 1] }],
      outputs: [{ name: "y", type: "float32", shape: [null, 1] }],
      nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
    }),
  );
  const model = await load(file);
  expect(Array.from(await model.predict({ x: [1, 2], id: ["a", "b"] }))).toEqual([-1, -2]);
});
