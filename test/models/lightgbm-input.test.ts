import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EkibenError, type ErrorCode } from "../../sdk/core/errors.js";
import { lightgbm, type LightgbmModel, type LightgbmOptions } from "../../sdk/models/lightgbm.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { FIXTURES } from "./fixture.js";
import { toFile, writeModel, type WrittenTree } from "./lightgbm-text.js";

function load(text: string, options?: LightgbmOptions): Promise<LightgbmModel> {
  return lightgbm(toFile(text), options).load({ name: "m" });
}

async function catchError(
  act: () => Promise<unknown>,
  code: ErrorCode = "MODEL_INPUT_INVALID",
): Promise<EkibenError> {
  try {
    await act();
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    expect((error as EkibenError).code).toBe(code);
    return error as EkibenError;
  }
  throw new Error("It was not refused.");
}

/** Answers 1 for the given feature above a half, otherwise 0. */
function step(feature: number): WrittenTree {
  return {
    feature,
    test: 0.5,
    missing: "nan",
    defaultLeft: true,
    left: { leaf: 0 },
    right: { leaf: 1 },
  };
}

describe("columns by name", () => {
  const text = writeModel({ features: ["mean_radius", "b", "size_(cm)"], trees: [step(0)] });

  it("are taken from columns whose blanks and signs are underscores in the file", async () => {
    const model = await load(text);
    for (const x of [
      [{ "size (cm)": 0, b: 0, "mean radius": 1 }],
      { b: [0], mean_radius: [1], "size [cm]": [0], more: ["left out"] },
      { b: 0, "mean-radius": 1, "size_(cm)": 0 },
    ]) {
      expect(Array.from(await model.predict(x))).toEqual([1]);
    }
  });

  it("prefer the exact name", async () => {
    const model = await load(text);
    const x = { "mean radius": [0], mean_radius: [1], b: [0], "size_(cm)": [0] };
    expect(Array.from(await model.predict(x))).toEqual([1]);
  });

  it("are refused when two columns could be meant", async () => {
    const model = await load(text);
    const x = { "mean radius": [0], "mean.radius": [1], b: [0], "size_(cm)": [0] };
    expect((await catchError(() => model.predict(x))).message).toMatch(
      /"mean radius", "mean.radius"/,
    );
  });

  it("are refused when one is missing, with the nearest name", async () => {
    const model = await load(text);
    const error = await catchError(() => model.predict([{ mean_radios: 1, b: 0, "size_(cm)": 0 }]));
    expect(error.message).toContain('lacks the feature "mean_radius"');
    expect(error.facts.hint).toBe('Did you mean "mean_radios"?');
  });

  it("are named by the option features", async () => {
    const model = await load(text, { features: ["r", "b", "s"] });
    expect(Array.from(await model.predict([{ r: 1, b: 0, s: 0, mean_radius: 0 }]))).toEqual([1]);
    await expect(load(text, { features: ["r"] })).rejects.toMatchObject({
      code: "SERVICE_INVALID",
    });
  });

  it("go by position in a model that was trained without names", async () => {
    const model = await load(writeModel({ features: ["Column_0", "Column_1"], trees: [step(1)] }));
    expect(Array.from(await model.predict([{ x: 0, y: 1 }]))).toEqual([1]);
    expect(Array.from(await model.predict([{ Column_1: 1, Column_0: 0 }]))).toEqual([1]);
    expect((await catchError(() => model.predict([{ x: 0 }]))).message).toMatch(
      /2 features without names/,
    );
  });
});

describe("numbers by position", () => {
  it("come as lists, typed arrays and tensors, with an answer a row", async () => {
    const model = await load(writeModel({ features: ["a", "b"], trees: [step(1)] }));
    const cells = [0, 0, 0, 1, 0, Number.NaN];
    for (const x of [
      [
        [0, 0],
        [0, 1],
        [0, null],
      ],
      Float64Array.from(cells),
      Float32Array.from(cells),
      createTensorArray(Float64Array.from(cells), [3, 2]),
      { data: cells, dims: [3, 2] },
    ]) {
      const answer = await model.predict(x);
      expect(Array.from(answer)).toEqual([0, 1, 0]);
      expect(answer.dims).toEqual([3]);
      expect((await model.leaves(x)).dims).toEqual([3, 1]);
    }
  });

  it("of no rows have an empty answer", async () => {
    const model = await load(writeModel({ features: ["a", "b"], trees: [step(1), step(0)] }));
    expect((await model.predict({ data: [], dims: [0, 2] })).dims).toEqual([0]);
    expect((await model.leaves({ data: [], dims: [0, 2] })).dims).toEqual([0, 2]);
  });

  it("are refused with another width, and cells that are no numbers", async () => {
    const model = await load(writeModel({ features: ["a", "b"], trees: [step(1)] }));
    expect((await catchError(() => model.predict([[1, 2, 3]]))).message).toMatch(
      /2 features a row/,
    );
    expect((await catchError(() => model.predict([{ a: "1", b: 2 }]))).message).toMatch(
      /row 0 of "a" must be a number, not "1"/,
    );
  });

  it("are not changed", async () => {
    const model = await load(writeModel({ features: ["a"], trees: [step(0)] }));
    const x = Float64Array.of(1e-36, 1);
    await model.predict(x);
    expect(Array.from(x)).toEqual([1e-36, 1]);
  });
});

describe("categories of pandas", () => {
  // The margins that LightGBM 4.7 answered for these rows as pandas categories.
  it("are strings, numbers and booleans, and unknown ones are missing", async () => {
    const model = await lightgbm(join(FIXTURES, "lgb-pandas/plain.txt")).load({ name: "m" });
    const rows = [
      { colour: "pink", zone: 30, flag: true, x: 0.08365797896292382, b: true },
      { colour: "red", zone: null, flag: false, x: 0.8965755003643204, b: false },
      { colour: "blue", zone: 20, flag: false, x: 2.203824123451556, b: false },
      { colour: "red", zone: 30, flag: false, x: 0.7317788401264059, b: true },
      { colour: "green", zone: 30, flag: false, x: -1.4043285465488287, b: false },
      { colour: "blue", zone: 10, flag: false, x: -2.656944947302302, b: false },
    ];
    expect(Array.from(await model.margin(rows))).toEqual([
      2.850162424117828, 3.561767064926263, 4.778356946219867, 3.561767064926263,
      1.8566133108990321, 1.8566133108990321,
    ]);
    expect(model.features.slice(0, 3)).toEqual([
      { name: "colour", type: "category", categories: ["blue", "green", "red"] },
      { name: "zone", type: "category", categories: [10, 20, 30] },
      { name: "flag", type: "category", categories: [false, true] },
    ]);
  });

  it("that are ordered were trained as numbers, and are named by the option categories", async () => {
    const file = join(FIXTURES, "lgb-pandas/ordered.txt");
    const rows = [
      { size: "L", colour: "blue", x: 0.08365797896292382 },
      { size: "M", colour: "red", x: 0.8965755003643204 },
      { size: "M", colour: "blue", x: 2.203824123451556 },
      { size: "S", colour: "red", x: 0.7317788401264059 },
    ];
    const plain = await lightgbm(file).load({ name: "m" });
    expect((await catchError(() => plain.margin(rows))).message).toMatch(
      /row 0 of "size" must be a number/,
    );
    const categories = { size: ["S", "M", "L"], colour: ["blue", "green", "red"] };
    const model = await lightgbm(file, { categories }).load({ name: "m" });
    expect(Array.from(await model.margin(rows))).toEqual([
      3.3262770212217245, 4.270898620639017, 4.057910338204768, 3.4539300408656586,
    ]);
  });
});

describe("categories", () => {
  const tree: WrittenTree = {
    feature: 0,
    test: [0, 2, 33],
    missing: "nan",
    defaultLeft: true,
    left: { leaf: 1 },
    right: { leaf: 0 },
  };
  const text = writeModel({ features: ["plan"], infos: ["-1:0:1:2"], trees: [tree] });

  it("that are in no set go right: missing, negative and beyond, with fractions cut off", async () => {
    const model = await load(text);
    const codes = [0, 1, 2.9, -0.5, -1, 33, 34, 64, 2 ** 32, Infinity, Number.NaN];
    expect(Array.from(await model.predict(codes))).toEqual([1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0]);
  });

  it("come as strings by the option categories, and unknown ones as the option says", async () => {
    const categories = { plan: ["basic", "plus", "pro"] };
    const rows = [
      { plan: "basic" },
      { plan: "plus" },
      { plan: "pro" },
      { plan: "none" },
      { plan: null },
    ];
    const model = await load(text, { categories });
    expect(Array.from(await model.predict(rows))).toEqual([1, 0, 1, 0, 0]);
    const strict = await load(text, { categories, unknownCategory: "error" });
    expect((await catchError(() => strict.predict(rows))).message).toMatch(
      /row 3 of "plan" must be one of/,
    );
  });

  it("that the file does not hold are asked for", async () => {
    const model = await load(text);
    expect((await catchError(() => model.predict([{ plan: "pro" }]))).message).toMatch(
      /option categories: \{ "plan"/,
    );
    await expect(load(text, { categories: { plans: ["a"] } })).rejects.toMatchObject({
      code: "SERVICE_INVALID",
    });
  });

  it("of pandas are not taken when a code lies outside of the list", async () => {
    const model = await load(
      writeModel({ features: ["plan"], infos: ["-1:0:1:2"], trees: [tree], pandas: [["a", "b"]] }),
    );
    expect(model.features).toEqual([{ name: "plan", type: "category" }]);
  });
});

describe("iterations", () => {
  const text = writeModel({
    features: ["a"],
    average: true,
    trees: [1, 2, 4].map((leaf) => ({ leaf })),
  });

  it("are all, the first ones, or some of them", async () => {
    const model = await load(text);
    const x = [0];
    expect(Array.from(await model.margin(x))).toEqual([7]);
    expect(Array.from(await model.margin(x, { iterations: 2 }))).toEqual([3]);
    expect(Array.from(await model.margin(x, { iterations: [1, 3] }))).toEqual([6]);
    // A random forest answers the average of what was used, and the margin is the plain sum.
    expect(Array.from(await model.predict(x, { iterations: [1, 3] }))).toEqual([3]);
    expect((await model.leaves(x, { iterations: [1, 3] })).dims).toEqual([1, 2]);
  });

  it.each([0, 4, 1.5, [2, 2], [0, 4]])(
    "are refused when the model lacks them: %j",
    async (iterations) => {
      const model = await load(text);
      await catchError(() => model.predict([0], { iterations: iterations as number }));
      await expect(load(text, { iterations: iterations as number })).rejects.toMatchObject({
        code: "SERVICE_INVALID",
      });
    },
  );
});
