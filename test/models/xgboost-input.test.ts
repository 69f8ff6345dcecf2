import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EkibenError } from "../../sdk/core/errors.js";
import { createColumn } from "../../sdk/frame/frame-from-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { xgboost, type XGBoostModel, type XGBoostOptions } from "../../sdk/models/xgboost.js";
import { FIXTURES } from "./fixture.js";
import { loadDocument, toDocument } from "./xgboost-document.js";

const two = toDocument({ features: ["age", "monthly charges"] });
const unnamed = (() => {
  const document = toDocument({ features: ["a", "b"] }) as { learner: { feature_names: string[] } };
  document.learner.feature_names = [];
  return document;
})();

async function refusal(model: XGBoostModel, x: unknown): Promise<EkibenError> {
  try {
    await model.predict(x as never);
  } catch (error) {
    expect(error).toMatchObject({ code: "MODEL_INPUT_INVALID" });
    return error as EkibenError;
  }
  throw new Error("it was taken");
}

describe("a table", () => {
  it("that lacks a feature is refused with its name and the nearest one", async () => {
    const error = await refusal(await loadDocument(two), [{ age: 1, monthly_charge: 2 }]);
    expect(error.message).toContain('lacks the feature "monthly charges"; it has "age"');
    expect(error.facts.hint).toBe('Did you mean "monthly_charge"?');
    expect(error.facts.issues).toEqual([{ message: "is missing", column: "monthly charges" }]);
  });

  it("may be of other names when the author says which columns they are", async () => {
    const model = await loadDocument(two, { features: ["a", "b"] });
    expect([...(await model.predict([{ b: 0, a: 5 }]))]).toEqual([1]);
  });

  it("needs as many columns as features when the file has no names", async () => {
    const model = await loadDocument(unnamed);
    expect([...(await model.predict([{ p: 5, q: 0 }]))]).toEqual([1]);
    const error = await refusal(model, [{ p: 5, q: 0, r: 1 }]);
    expect(error.message).toContain("2 features without names, and the table has 3 columns");
    expect(error.facts.hint).toContain("`features`");
    const named = await loadDocument(unnamed, { features: ["q", "p"] });
    expect([...(await named.predict([{ p: 5, q: 0, r: 1 }]))]).toEqual([-1]);
  });

  it("may hold booleans, bigints and missing cells", async () => {
    const model = await loadDocument(two);
    const frame = (cells: unknown[]): Frame =>
      new Frame(
        ["age", "monthly charges"],
        [createColumn(cells), createColumn(cells.map(() => 0))],
      );
    expect([...(await model.predict(frame([true, false])))]).toEqual([1, -1]);
    expect([...(await model.predict(frame([true, null])))]).toEqual([1, -1]);
    expect([...(await model.predict(frame([5n, 0n])))]).toEqual([1, -1]);
    expect([...(await model.predict(frame([5, null])))]).toEqual([1, -1]);
    expect([...(await model.predict([{ age: 5, "monthly charges": undefined }]))]).toEqual([1]);
  });

  it.each([
    ["text", "old", '"old"'],
    ["a date", new Date(0), "a date"],
    ["a list", [1, 2], "a list of 2"],
  ])("is refused for %s in the place of a number", async (_, cell, printed) => {
    const model = await loadDocument(two);
    const rows = [
      { age: 1, "monthly charges": 1 },
      { age: cell, "monthly charges": 1 },
    ];
    const error = await refusal(model, rows);
    expect(error.message).toContain(`row 1 of "age" must be a number, not ${printed}.`);
    expect(error.facts.issues).toMatchObject([{ row: 1, column: "age", expected: "a number" }]);
  });

  it("is refused when its columns differ in length", async () => {
    const error = await refusal(await loadDocument(two), { age: [1, 2], "monthly charges": [1] });
    expect(error.message).toMatch(/"monthly charges" has 1 rows, and "age" has 2/);
  });

  it("may have no rows", async () => {
    const model = await loadDocument(two);
    expect(
      (
        await model.predict(
          new Frame(["age", "monthly charges"], [createColumn([]), createColumn([])]),
        )
      ).dims,
    ).toEqual([0]);
    expect([...(await model.predict([]))]).toEqual([]);
    expect((await model.leaves([])).dims).toEqual([0, 1]);
  });
});

describe("rows without names", () => {
  it.each([
    ["rows that are too short", [[1]], "row 0 has 1", "[N, 2]"],
    [
      "rows that differ",
      [
        [1, 2],
        [1, 2, 3],
      ],
      "row 1 has 3",
      "[N, 2]",
    ],
    ["elements that make no rows", [1, 2, 3], "was given 3 elements", "[N, 2]"],
    ["other dimensions", { data: [1, 2, 3, 4], dims: [4, 1] }, "was given [4, 1]", "[N, 2]"],
    ["dimensions of something else", { data: [1, 2], dims: [2, 2] }, "was given [2, 2]", "[N, 2]"],
    ["a mixture", [[1, 2], 3], "row 1 has 3", "[N, 2]"],
    ["a number", 5, "it was given 5", "DataFrame"],
    ["nothing", undefined, "it was given missing", "DataFrame"],
    ["text", "abc", 'it was given "abc"', "DataFrame"],
  ])("are refused: %s", async (_, x, message, hint) => {
    const error = await refusal(await loadDocument(two), x);
    expect(error.message).toContain(message);
    expect(error.facts.hint).toContain(hint);
  });

  it("name the feature of a cell that is no number", async () => {
    const error = await refusal(await loadDocument(two), [[1, "x"]]);
    expect(error.message).toContain('row 0 of "monthly charges" must be a number, not "x"');
  });
});

describe("options", () => {
  const churn = join(FIXTURES, "xgb-churn-categorical/model.json");
  it.each<[string, XGBoostOptions, RegExp, RegExp]>([
    ["a category of no feature", { categories: { plans: ["a"] } }, /no feature "plans"/, /"plan"/],
    [
      "categories of a number",
      { categories: { age: ["a"] } },
      /"age".* is a number/,
      /Leave it out/,
    ],
    ["a category twice", { categories: { plan: ["a", "a"] } }, /"plan" twice/, /once/],
    ["too few features", { features: ["plan"] }, /names 1/, /one column for every/],
  ])("are refused with %s", async (_, options, message, hint) => {
    const error = (await xgboost(churn, options)
      .load({ name: "churn" })
      .catch((reason: unknown) => reason)) as EkibenError;
    expect(error).toMatchObject({ code: "SERVICE_INVALID" });
    expect(error.message).toMatch(message);
    expect(error.facts.hint).toMatch(hint);
  });
});

it("has no leaves when it is linear", async () => {
  const file = join(FIXTURES, "xgb-diabetes-gblinear/model.json");
  const model = await xgboost(file).load({ name: "linear" });
  await expect(model.leaves(new Float32Array(10))).rejects.toThrow(/linear and has no leaves/);
  await expect(model.predict(new Float32Array(10), { iterations: 1 })).rejects.toThrow(/is linear/);
});
