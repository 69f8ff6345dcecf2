import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { lightgbm } from "../../sdk/models/lightgbm.js";
import { FIXTURES } from "./fixture.js";
import { toFile, writeModel, type WrittenTree } from "./lightgbm-text.js";

const SPLIT: WrittenTree = {
  feature: 0,
  test: 1.5,
  missing: "none",
  defaultLeft: false,
  left: { leaf: 1 },
  right: {
    feature: 1,
    test: [1, 40],
    missing: "none",
    defaultLeft: false,
    left: { leaf: 2 },
    right: { leaf: 3 },
  },
};
const TEXT = writeModel({ objective: "regression", features: ["a", "b"], trees: [SPLIT, SPLIT] });
const LINEAR = writeModel({
  features: ["a"],
  trees: [{ leaf: 1, linear: { constant: 2, terms: [[0, 3]] } }],
});

async function refuse(content: string | Uint8Array, name?: string): Promise<EkibenError> {
  const file = toFile(content, name);
  const error: unknown = await lightgbm(file)
    .load({ name: "m" })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(EkibenError);
  const refused = error as EkibenError;
  expect(refused.code).toBe("MODEL_FILE_INVALID");
  expect(refused.message).toContain(file);
  expect(refused.facts.hint).toMatch(/\.$/);
  return refused;
}

describe("a file that is no LightGBM model", () => {
  it.each([
    ["an empty file", "", /empty file/],
    [
      "a Git LFS pointer",
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
      /Git LFS pointer/,
    ],
    ["a web page", "<!DOCTYPE html><html></html>", /web page/],
    ["text", "hello\n", /text file that begins with "hello"/],
    ["an XGBoost model", '{"learner": {"attributes": {}}}', /XGBoost/],
    ["bytes", Uint8Array.from([8, 7, 18, 4, 1, 2, 3, 4]), /binary file/],
  ])("is refused with what it is: %s", async (_, content, what) => {
    expect((await refuse(content)).message).toMatch(what);
  });

  it("is refused when it is a pickle, with how to save the model", async () => {
    const pickle = readFileSync(join(FIXTURES, "broken/sklearn.pkl"));
    const error = await refuse(pickle, "model.pkl");
    expect(error.message).toContain("pickle");
    expect(error.facts.hint).toContain('model.booster_.save_model("model.txt")');
  });

  it("is refused when it is a dump in JSON, with the line that saves the text", async () => {
    const dump =
      '{"name":"tree","version":"v4","num_class":1,"num_tree_per_iteration":1,"tree_info":[]}';
    const error = await refuse(dump, "model.json");
    expect(error.message).toContain("dump_model");
    expect(error.facts.hint).toContain('booster.save_model("model.txt")');
  });
});

describe("a damaged model", () => {
  it("is refused when it ends in a tree", async () => {
    const cut = readFileSync(join(FIXTURES, "broken/lgb-truncated.txt"));
    expect((await refuse(cut)).message).toMatch(/ends in tree 21/);
  });

  it("is refused wherever it is cut in its trees, or in its parameters", async () => {
    const trees = TEXT.indexOf("end of trees") + "end of trees".length;
    const parameters = TEXT.indexOf("parameters:\n") + "parameters:".length;
    const end = TEXT.indexOf("end of parameters") + "end of parameters".length;
    const length = fc.oneof(fc.nat(trees - 1), fc.integer({ min: parameters, max: end - 1 }));
    await fc.assert(
      fc.asyncProperty(length, async (at) => {
        await refuse(TEXT.slice(0, at));
      }),
    );
  });

  it("is refused when it is cut in the categories of pandas", async () => {
    const text = writeModel({ features: ["a"], trees: [{ leaf: 1 }], pandas: [["x", "y"]] });
    expect((await refuse(text.slice(0, -4))).message).toContain("pandas_categorical");
  });

  it.each([
    [
      "a cycle",
      TEXT.replace("left_child=-1 -2", "left_child=0 -2"),
      /two parents or is in a cycle/,
    ],
    [
      "a leaf twice",
      TEXT.replace("left_child=-1 -2", "left_child=-2 -2"),
      /leaf 1 of tree 0 has two parents/,
    ],
    ["a node of its own", TEXT.replace("right_child=1 -3", "right_child=-3 1"), /no path reaches/],
    [
      "a child out of range",
      TEXT.replace("right_child=1 -3", "right_child=7 -3"),
      /right_child of tree 0 holds 7/,
    ],
    [
      "a leaf out of range",
      TEXT.replace("right_child=1 -3", "right_child=1 -9"),
      /right_child of tree 0 holds -9/,
    ],
    [
      "a feature out of range",
      TEXT.replace("split_feature=0 1", "split_feature=0 2"),
      /split_feature of tree 0 holds 2/,
    ],
    [
      "too few leaves",
      TEXT.replace("leaf_value=1 2 3", "leaf_value=1 2"),
      /leaf_value of tree 0 has 2 values where 3 belong/,
    ],
    [
      "too many leaves",
      TEXT.replace("leaf_value=1 2 3", "leaf_value=1 2 3 4"),
      /has 4 values where 3 belong/,
    ],
    ["a wrong number of leaves", TEXT.replace("num_leaves=3", "num_leaves=4"), /where 3 belong/],
    ["more leaves than memory", TEXT.replace("num_leaves=3", "num_leaves=134217728"), /belong/],
    ["no leaves", TEXT.replace("num_leaves=3", "num_leaves=0"), /no leaf/],
    [
      "words for numbers",
      TEXT.replace("leaf_value=1 2 3", "leaf_value=1 two 3"),
      /"1 two 3", not numbers/,
    ],
    ["half a number", TEXT.replace("leaf_value=1 2 3", "leaf_value=1 2e 3"), /"2e", not numbers/],
    ["hexadecimal numbers", TEXT.replace("leaf_value=1 2 3", "leaf_value=1 0x2 3"), /not numbers/],
    [
      "a threshold that is none",
      TEXT.replace("threshold=1.5 0", "threshold=nan 0"),
      /not a number/,
    ],
    [
      "a set of categories too many",
      TEXT.replace("threshold=1.5 0", "threshold=1.5 1"),
      /set 1 of categories/,
    ],
    ["sets that shrink", TEXT.replace("cat_boundaries=0 2", "cat_boundaries=2 0"), /ascend/],
    [
      "too few words of categories",
      TEXT.replace(/cat_threshold=\d+ /, "cat_threshold="),
      /cat_threshold of tree 0 has 1 values/,
    ],
    [
      "an unknown decision",
      TEXT.replace("decision_type=0 1", "decision_type=0 17"),
      /decision_type of tree 0 holds 17/,
    ],
    ["a missing line", TEXT.replace(/left_child=.*\n/, ""), /left_child of tree 0/],
    [
      "a tree too few",
      TEXT.replace(/Tree=1[^]*end of trees/, "end of trees"),
      /1 trees where tree_sizes tells of 2/,
    ],
    ["no trees", TEXT.replace(/Tree=0[^]*end of trees/, "end of trees"), /no trees/],
    ["trees in disorder", TEXT.replace("Tree=1", "Tree=5"), /"Tree=5" where tree 1 belongs/],
    [
      "half an iteration",
      TEXT.replace("num_tree_per_iteration=1", "num_tree_per_iteration=3"),
      /no whole number of iterations/,
    ],
    [
      "a name too few",
      TEXT.replace("feature_names=a b", "feature_names=a"),
      /feature_names has 1 entries/,
    ],
    ["a newer version", TEXT.replace("version=v4", "version=v5"), /version "v5"/],
    [
      "an unknown objective",
      TEXT.replace("objective=regression", "objective=foo"),
      /objective "foo"/,
    ],
    [
      "an objective without its slope",
      TEXT.replace("objective=regression", "objective=binary"),
      /positive sigmoid/,
    ],
    [
      "a wrong number of classes",
      TEXT.replace("objective=regression", "objective=multiclass num_class:3"),
      /takes 3 trees an iteration/,
    ],
    [
      "linear leaves that ask for no feature",
      LINEAR.replace("leaf_features=0", "leaf_features=4"),
      /leaf_features of tree 0 holds 4/,
    ],
    [
      "linear leaves without coefficients",
      LINEAR.replace("leaf_coeff=3", "leaf_coeff="),
      /leaf_coeff of tree 0 has 0 values/,
    ],
  ])("is refused: %s", async (_, text, message) => {
    expect([TEXT, LINEAR]).not.toContain(text);
    expect((await refuse(text)).message).toMatch(message);
  });

  it("answers or is refused, whatever character is changed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(TEXT.length - 1),
        fc.constantFrom(..."0123456789-=. \nea"),
        async (at, character) => {
          const file = toFile(TEXT.slice(0, at) + character + TEXT.slice(at + 1));
          try {
            const model = await lightgbm(file).load({ name: "m" });
            await model.predict(new Float64Array(model.features.length));
          } catch (error) {
            expect((error as EkibenError).code).toMatch(/^MODEL_(FILE|INPUT)_INVALID$/);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("a model that is written in another way", () => {
  const answer = async (text: string | Uint8Array): Promise<number[]> => {
    const model = await lightgbm(toFile(text)).load({ name: "m" });
    return Array.from(
      await model.predict([
        [1, 0],
        [2, 40],
        [2, 41],
        [Number.NaN, Number.NaN],
      ]),
    );
  };
  const wanted = [2, 4, 6, 2];

  it.each([
    [
      "by LightGBM 2",
      TEXT.replace("version=v4", "version=v2")
        .replaceAll(/is_linear.*\n/g, "")
        .replace(/end of trees[^]*/, "feature importances:\n"),
    ],
    ["with the line ends of Windows", TEXT.replaceAll("\n", "\r\n")],
    ["without its parameters, as the command line writes it", TEXT.replace(/parameters:[^]*/, "")],
    ["without an objective", TEXT.replace("objective=regression\n", "")],
    ["with a custom objective", TEXT.replace("objective=regression", "objective=custom")],
  ])("answers the same: %s", async (_, text) => {
    expect(text).not.toBe(TEXT);
    expect(await answer(TEXT)).toEqual(wanted);
    expect(await answer(text)).toEqual(wanted);
  });

  it("walks trees of any depth", async () => {
    let tree: WrittenTree = { leaf: 0 };
    for (let depth = 1; depth <= 2000; depth += 1) {
      tree = {
        feature: 0,
        test: 2000 - depth,
        missing: "nan",
        defaultLeft: false,
        left: { leaf: depth },
        right: tree,
      };
    }
    const model = await lightgbm(toFile(writeModel({ features: ["a"], trees: [tree] }))).load({
      name: "deep",
    });
    expect(Array.from(await model.margin([-1, 0.5, 5000, Number.NaN]))).toEqual([2000, 1999, 0, 0]);
  });

  it("takes names outside of ASCII", async () => {
    const text = writeModel({ features: ["größe", "年齢"], trees: [SPLIT] });
    const model = await lightgbm(toFile(text)).load({ name: "m" });
    expect(Array.from(await model.predict({ 年齢: 40, größe: 3 }))).toEqual([2]);
  });
});

it("says which version, objective, features and trees a model has", async () => {
  const model = await lightgbm(join(FIXTURES, "lgb-iris-multiclass/model.txt")).load({ name: "m" });
  expect(model.describe()).toEqual({
    kind: "lightgbm",
    version: "v4",
    objective: "multiclass num_class:3",
    boosting: "gbdt",
    features: ["sepal_length", "sepal_width", "petal_length", "petal_width"].map((name) => ({
      name,
      type: "number",
    })),
    classes: 3,
    trees: 60,
    iterations: { all: 20, used: 20 },
    bytes: 84_062,
    inputs: [{ name: "features", dtype: "float64", shape: [null, 4] }],
    outputs: [{ name: "prediction", dtype: "float64", shape: [null, 3] }],
  });
});

it.each([
  ["dart", "lgb-churn-dart"],
  ["rf", "lgb-churn-rf"],
])("says that a model was boosted by %s", async (boosting, id) => {
  const model = await lightgbm(join(FIXTURES, id, "model.txt")).load({ name: "m" });
  expect(model.describe()).toMatchObject({ boosting, classes: 2, objective: "binary sigmoid:1" });
});
