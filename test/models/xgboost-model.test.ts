import { describe, expect, it } from "vitest";
import { loadDocument, toDocument, toStump, type DocumentFacts } from "./xgboost-document.js";
import { toUbjson } from "./ubjson-printer.js";
import { writeModel } from "./xgboost-document.js";
import { xgboost } from "../../sdk/models/xgboost.js";

const f = Math.fround;
const low = { x: 0 };
const high = { x: 5 };

async function answer(facts: DocumentFacts, x: object = high): Promise<number[]> {
  const model = await loadDocument(toDocument(facts));
  return [...(await model.predict(x as never))];
}

describe("the base score", () => {
  const none = { trees: [], model: {} };
  it.each([
    ["reg:squarederror", "2E-1", 0.2],
    ["binary:logistic", "2E-1", -1.3862944],
    ["reg:logistic", "[2E-1]", -1.3862944],
    ["binary:logitraw", "2E-1", 0.2],
    ["binary:hinge", "2E-1", 0.2],
    ["count:poisson", "2E-1", -1.609438],
    ["reg:gamma", "2E-1", -1.609438],
    ["reg:tweedie", "2E-1", -1.609438],
    ["survival:cox", "2E-1", -1.609438],
    ["survival:aft", "2E-1", -1.609438],
    ["rank:ndcg", "0.200000", 0.2],
    ["reg:quantileerror", "[2E-1]", 0.2],
  ])("of %s, %s, is the margin %f", async (objective, baseScore, margin) => {
    const model = await loadDocument(toDocument({ ...none, objective, baseScore }));
    expect([...(await model.margin(low))]).toEqual([f(margin)]);
  });

  it("is one for all outputs, or one for each", async () => {
    const facts = { ...none, objective: "multi:softprob", numClass: 3 };
    const one = await loadDocument(toDocument({ ...facts, baseScore: "5E-1" }));
    const each = await loadDocument(toDocument({ ...facts, baseScore: "[1E0,-2E0,2.5E-1]" }));
    expect([...(await one.margin(low))]).toEqual([0.5, 0.5, 0.5]);
    expect([...(await each.margin(low))]).toEqual([1, -2, 0.25]);
  });

  it("of 0 and 1 is bounded, and near them only since 3.1", async () => {
    const margin = async (baseScore: string, version: number[]): Promise<number> => {
      const facts = { ...none, objective: "binary:logistic", baseScore, version };
      const model = await loadDocument(toDocument(facts));
      return (await model.margin(low))[0]!;
    };
    expect(await margin("0E0", [2, 1, 0])).toBeCloseTo(-13.8155, 3);
    expect(await margin("1E0", [3, 1, 0])).toBeCloseTo(13.81, 0);
    expect(await margin("1E-7", [2, 1, 0])).toBeCloseTo(-16.118, 3);
    expect(await margin("1E-7", [3, 1, 0])).toBeCloseTo(-13.8155, 3);
  });
});

describe("answers", () => {
  it("of a logistic objective are probabilities, also where float32 ends", async () => {
    const facts = { objective: "binary:logistic", baseScore: "5E-1", trees: [toStump(-200, 2)] };
    expect((await answer(facts))[0]).toBe(f(1 / f(f(Math.exp(-2)) + 1)));
    expect((await answer(facts, low))[0]).toBe(f(1 / f(f(Math.exp(f(88.7))) + 1)));
  });

  it("of hinge are 0 and 1", async () => {
    expect(await answer({ objective: "binary:hinge" })).toEqual([1]);
    expect(await answer({ objective: "binary:hinge" }, low)).toEqual([0]);
    expect(await answer({ objective: "binary:hinge", trees: [toStump(0, 0)] })).toEqual([0]);
  });

  it("of softmax are the first of the largest classes, one a row", async () => {
    const facts = {
      objective: "multi:softmax",
      numClass: 3,
      trees: [toStump(1, 0), toStump(2, 3), toStump(2, 3)],
      treeInfo: [0, 1, 2],
    };
    const model = await loadDocument(toDocument(facts));
    const classes = await model.predict({ x: [0, 5] });
    expect([...classes]).toEqual([1, 1]);
    expect(classes.dims).toEqual([2]);
    expect((await model.margin({ x: [0, 5] })).dims).toEqual([2, 3]);
    expect(model.describe()).toMatchObject({ classes: 3, outputs: [{ shape: [null] }] });
  });

  it("of several quantiles are sorted since 3.4", async () => {
    const facts = {
      objective: "reg:quantileerror",
      numTarget: 2,
      trees: [toStump(3, 1), toStump(2, 2)],
      treeInfo: [0, 1],
    };
    expect(await answer(facts, low)).toEqual([3, 2]);
    expect(await answer({ ...facts, version: [3, 4, 0] }, low)).toEqual([2, 3]);
  });
});

describe("vectors in leaves", () => {
  const facts = { objective: "reg:squarederror", numTarget: 2 };

  it("lie among the weights of all nodes before 3.1", async () => {
    const tree = toStump(0, 0, {
      base_weights: [9, 9, 1, 2, 3, 4],
      tree_param: { size_leaf_vector: "2" },
    });
    expect(await answer({ ...facts, trees: [tree, tree] }, low)).toEqual([2, 4]);
    expect(await answer({ ...facts, trees: [tree] })).toEqual([3, 4]);
  });

  it("lie in a list of their own since, where a leaf finds them by its right child", async () => {
    const tree = toStump(0, 0, {
      right_children: [2, 1, 0],
      base_weights: [9],
      leaf_weights: [1, 2, 3, 4],
      tree_param: { size_leaf_vector: "2" },
    });
    expect(await answer({ ...facts, trees: [tree] }, low)).toEqual([3, 4]);
    expect(await answer({ ...facts, trees: [tree] })).toEqual([1, 2]);
    const model = await loadDocument(toDocument({ ...facts, trees: [tree, tree] }));
    expect([...(await model.leaves({ x: [0, 5] }))]).toEqual([1, 1, 2, 2]);
    expect(model.describe().rounds).toEqual({ all: 2, used: 2 });
  });
});

describe("categories in the file", () => {
  const tree = toStump(-1, 1, {
    split_type: [1, 0, 0],
    split_conditions: [Number.NaN, -1, 1],
    categories: [1, 2],
    categories_nodes: [0],
    categories_segments: [0],
    categories_sizes: [2],
    default_left: [0, 0, 0],
  });
  const bytes = [...Buffer.from("ärgüne")];
  const strings = {
    // ä | rg | üne, as signed bytes.
    offsets: [0, 2, 4, 8],
    values: bytes.map((byte) => (byte > 127 ? byte - 256 : byte)),
  };
  const facts = (enc: object): DocumentFacts => ({
    version: [3, 1, 0],
    features: ["plan", "age"],
    types: ["c", "float"],
    trees: [tree],
    model: { cats: { enc: [enc, { offsets: [], values: [] }] } },
  });

  it("are found by their value", async () => {
    const model = await loadDocument(toDocument(facts(strings)));
    expect(model.features).toEqual([
      { name: "plan", type: "category", categories: ["ä", "rg", "üne"] },
      { name: "age", type: "number" },
    ]);
    const plan = ["ä", "rg", "üne", null];
    expect([...(await model.predict({ plan, age: [1, 1, 1, 1] }))]).toEqual([-1, 1, 1, 1]);
  });

  it("count as missing when training did not know them, or are refused", async () => {
    const document = toDocument(facts(strings));
    const row = { plan: "Rg", age: 1 };
    const lax = await loadDocument(document);
    expect([...(await lax.predict(row))]).toEqual([1]);
    const strict = await loadDocument(document, { unknownCategory: "error" });
    await expect(strict.predict(row)).rejects.toThrow(
      /row 0 of "plan" must be one of "ä", "rg", "üne", not "Rg"/,
    );
  });

  it("may be numbers, which stand for themselves in tables and for codes in arrays", async () => {
    const model = await loadDocument(toDocument(facts({ type: 13, values: [10, 20, 30] })));
    expect([...(await model.predict({ plan: [10, 20, 40], age: [1, 1, 1] }))]).toEqual([-1, 1, 1]);
    expect([
      ...(await model.predict([
        [0, 1],
        [1, 1],
        [10, 1],
      ])),
    ]).toEqual([-1, 1, -1]);
    await expect(model.predict({ plan: "10", age: 1 })).rejects.toThrow(
      /must be one of "10", "20", "30"/,
    );
  });

  it("may be unsigned numbers in signed bytes", async () => {
    const document = toDocument(facts({ type: 10, values: Int8Array.of(1, -56, 3) }));
    const file = writeModel(toUbjson(document), "model.ubj");
    const model = await xgboost(file).load({ name: "made" });
    expect(model.features[0]!.categories).toEqual([1, 200, 3]);
  });

  it("can be given for files that do not have them", async () => {
    const bare = toDocument({ ...facts(strings), model: {} });
    const model = await loadDocument(bare, { categories: { plan: ["a", "b"] } });
    expect([...(await model.predict({ plan: ["a", "b"], age: [0, 0] }))]).toEqual([-1, 1]);
    const nameless = await loadDocument(bare);
    expect([...(await nameless.predict({ plan: [0, 1, 7, -1], age: [0, 0, 0, 0] }))]).toEqual([
      -1, 1, -1, -1,
    ]);
    await expect(nameless.predict({ plan: "a", age: 0 })).rejects.toThrow(/categories: \{ "plan"/);
  });
});

describe("the rounds that answers come from", () => {
  const trees = [1, 2, 4, 8].map((value) => toStump(value, value));
  const sums = async (facts: DocumentFacts, iterations?: never): Promise<number> => {
    const model = await loadDocument(toDocument({ trees, ...facts }));
    return (await model.predict(high, { iterations }))[0]!;
  };
  const best = { best_iteration: "1" };

  it("are all of a Booster, and the best of a scikit-learn wrapper", async () => {
    expect(await sums({})).toBe(15);
    expect(await sums({ attributes: best })).toBe(15);
    expect(await sums({ attributes: { ...best, scikit_learn: "{}" } })).toBe(3);
    expect(await sums({ attributes: { scikit_learn: "{}" } })).toBe(15);
  });

  it("can be chosen, for the model or a run", async () => {
    const facts = { trees, attributes: best };
    const model = await loadDocument(toDocument(facts), { iterations: "best" });
    expect(model.describe().rounds).toEqual({ all: 4, used: 2 });
    expect([...(await model.predict(high))]).toEqual([3]);
    expect([...(await model.predict(high, { iterations: "all" }))]).toEqual([15]);
    expect([...(await model.margin(high, { iterations: [1, 3] }))]).toEqual([6]);
    expect((await model.leaves(high, { iterations: 3 })).dims).toEqual([1, 3]);
    expect([...(await model.predict(high, { iterations: 0 }))]).toEqual([0]);
  });

  it("are those of iteration_indptr, or of num_parallel_tree", async () => {
    const parallel = { gbtree_model_param: { num_parallel_tree: "2", num_trees: "4" } };
    expect(await sums({ model: parallel }, 1 as never)).toBe(3);
    expect(await sums({ model: { iteration_indptr: [0, 3, 4] } }, 1 as never)).toBe(7);
  });

  it("must exist", async () => {
    const model = await loadDocument(toDocument({ trees }));
    for (const iterations of [5, -1, 1.5, [3, 2], [0, 5], "best"] as never[]) {
      await expect(model.predict(high, { iterations })).rejects.toThrow(
        /The iterations .* are not to be had/,
      );
    }
    await expect(loadDocument(toDocument({ trees }), { iterations: 9 })).rejects.toMatchObject({
      code: "SERVICE_INVALID",
    });
  });
});

describe("the missing marker", () => {
  it("is compared after both sides became float32", async () => {
    const missing = 1234.56789;
    const right = toStump(-1, 1, { default_left: [0, 0, 0], split_conditions: [9999, -1, 1] });
    const model = await loadDocument(toDocument({ trees: [right] }), { missing });
    const near = f(missing);
    expect([...(await model.predict({ x: [missing, near, 1234, Number.NaN] }))]).toEqual([
      1, 1, -1, 1,
    ]);
    expect([...(await model.predict(Float32Array.of(near, 1234)))]).toEqual([1, -1]);
    expect([...(await model.predict(Float64Array.of(missing, 1234)))]).toEqual([1, -1]);
  });

  it("comes from the notes of a scikit-learn wrapper", async () => {
    const right = toStump(-1, 1, { default_left: [0, 0, 0], split_conditions: [9999, -1, 1] });
    const of = (missing: string): DocumentFacts => ({
      trees: [right],
      attributes: { scikit_learn: `{"n_jobs": 1, "missing": ${missing}}` },
    });
    expect(await answer(of("-999"), { x: -999 })).toEqual([1]);
    expect(await answer(of("NaN"), { x: -999 })).toEqual([-1]);
    expect(await answer({ trees: [right], attributes: { scikit_learn: "?" } }, low)).toEqual([-1]);
  });
});

it("describes itself", async () => {
  const model = await loadDocument(toDocument({ objective: "binary:logistic", baseScore: "5E-1" }));
  const { bytes, ...described } = model.describe();
  expect(bytes).toBeGreaterThan(500);
  expect(described).toEqual({
    kind: "xgboost",
    version: "2.1.0",
    booster: "gbtree",
    objective: "binary:logistic",
    features: [{ name: "x", type: "number" }],
    classes: 2,
    trees: 1,
    rounds: { all: 1, used: 1 },
    inputs: [{ name: "features", dtype: "float32", shape: [null, 1] }],
    outputs: [{ name: "prediction", dtype: "float32", shape: [null] }],
  });
});

it("is warm after a run in which everything is missing", async () => {
  const model = await loadDocument(toDocument());
  expect(await model.warmup()).toMatchObject({ inputs: { features: [64, 1] } });
  model.release();
  await expect(model.warmup()).rejects.toThrow(/released/);
});
