import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { xgboost } from "../../sdk/models/xgboost.js";
import { FIXTURES } from "./fixture.js";
import { toUbjson } from "./ubjson-printer.js";
import { loadDocument, toDocument, toStump, writeModel } from "./xgboost-document.js";

async function refusal(file: string): Promise<EkibenError> {
  const error = (await xgboost(file)
    .load({ name: "broken" })
    .catch((reason: unknown) => reason)) as EkibenError;
  expect(error).toBeInstanceOf(EkibenError);
  expect(error).toMatchObject({ code: "MODEL_FILE_INVALID" });
  expect(error.message).toContain(file);
  return error;
}

describe("a file that is no model says what it is and what to do", () => {
  it.each([
    [
      "xgb-legacy-binary.model",
      "is an XGBoost model in the old binary format",
      'Booster(model_file="xgb-legacy-binary.model").save_model("model.json")',
    ],
    [
      "xgb-config.json",
      "is an XGBoost configuration (save_config) without trees",
      'booster.save_model("model.json")',
    ],
    [
      "xgb-dump.json",
      "is a dump of XGBoost's trees (get_dump, dump_model)",
      'booster.save_model("model.json")',
    ],
    ["xgb-truncated.json", "is JSON that was cut off", "booster.save_model()"],
    ["xgb-truncated.ubj", "is UBJSON that was cut off", "booster.save_model()"],
    [
      "xgb-cycle.json",
      "tree 0: node 0 is the child of two nodes or of itself",
      "booster.save_model",
    ],
    ["xgb-child-out-of-range.json", "tree 0: node 0 has the child", "booster.save_model"],
    [
      "xgb-unknown-objective.json",
      'the objective "custom:secret" is unknown',
      'booster.set_param({"objective": "reg:squarederror"})',
    ],
    ["lfs-pointer.onnx", "is a Git LFS pointer", "git lfs pull"],
    ["empty.onnx", "is an empty file", "again"],
    ["sklearn.pkl", "is a Python pickle", 'save_model("model.json")'],
    ["text.onnx", "is a text file that begins with", "save_model"],
    ["truncated.onnx", "is neither JSON nor UBJSON", "save_model"],
    ["lgb-truncated.txt", "is a LightGBM model", "lightgbm(file)"],
    ["README.json", "is JSON without `learner`", "save_model"],
  ])("%s", async (name, what, hint) => {
    const error = await refusal(join(FIXTURES, "broken", name));
    expect(error.message).toContain(what);
    expect(error.facts.hint).toContain(hint);
  });

  it("a folder", async () => {
    expect((await refusal(join(FIXTURES, "broken"))).message).toContain("is a folder");
  });

  it("an old binary file without its mark", async () => {
    const legacy = readFileSync(join(FIXTURES, "broken/xgb-legacy-binary.model"));
    const file = writeModel(legacy.subarray(4), "old.bin");
    expect((await refusal(file)).message).toContain("old binary format");
  });

  it.each([
    ["JSON that is damaged", '{"learner": {"a": 1,}}', "is not valid JSON"],
    ["JSON of a list", "[1, 2]", "is a JSON list"],
    ["JSON of another library", '{"modelTopology": {}}', "is a TensorFlow.js model"],
    [
      "a learner without anything",
      '{"learner": {}, "version": [1, 7, 4]}',
      "learner.learner_model_param is not an object",
    ],
    ["UBJSON that is damaged", "{i\x07learner?", "is damaged UBJSON"],
  ])("%s", async (_, text, what) => {
    expect((await refusal(writeModel(Buffer.from(text, "latin1")))).message).toContain(what);
  });
});

describe("a document that is damaged is refused", () => {
  const learner = (change: object): object => {
    const document = toDocument() as { learner: object };
    return { ...document, learner: { ...document.learner, ...change } };
  };
  it.each<[string, object, string]>([
    ["no version", { ...toDocument(), version: undefined }, "version is not a list"],
    [
      "a booster that nobody knows",
      learner({ gradient_booster: { name: "gbforest", model: {} } }),
      'booster "gbforest" is unknown',
    ],
    [
      "fewer names than features",
      learner({ feature_names: ["a", "b"] }),
      "has 2 names, and there are 1 features",
    ],
    [
      "fewer trees than it says",
      toDocument({ model: { gbtree_model_param: { num_trees: "5" } } }),
      "has 1 trees, and should have 5",
    ],
    ["a base score that is none", toDocument({ baseScore: "[]" }), "base score"],
    ["base scores of other outputs", toDocument({ baseScore: "[1,2]" }), "base score"],
    [
      "an output that is not there",
      toDocument({ treeInfo: [3] }),
      "tree 0 adds to output 3, and there are 1",
    ],
    [
      "arrays of different lengths",
      toDocument({ trees: [toStump(1, 2, { split_indices: [0] })] }),
      "tree 0.split_indices has 1 elements, not 3",
    ],
    [
      "a feature that is not there",
      toDocument({ trees: [toStump(1, 2, { split_indices: [4, 0, 0] })] }),
      "tree 0: node 0 looks at feature 4",
    ],
    [
      "text among numbers",
      toDocument({ trees: [toStump(1, 2, { split_conditions: [1, "2", 3] })] }),
      "split_conditions[1] is not a number",
    ],
    [
      "a fraction for a node",
      toDocument({ trees: [toStump(1, 2, { left_children: [1.5, -1, -1] })] }),
      "left_children[0] is not a whole number",
    ],
    [
      "categories that are not there",
      toDocument({
        trees: [
          toStump(1, 2, {
            split_type: [1, 0, 0],
            categories_nodes: [0],
            categories_segments: [0],
            categories_sizes: [2],
          }),
        ],
      }),
      "node 0 has categories beyond the list",
    ],
    [
      "a split by category without any",
      toDocument({
        trees: [
          toStump(1, 2, {
            split_type: [1, 0, 0],
            categories_nodes: [1],
            categories_segments: [0],
            categories_sizes: [0],
          }),
        ],
      }),
      "node 0 has no categories",
    ],
    [
      "vectors of another size",
      toDocument({
        numTarget: 2,
        trees: [toStump(1, 2, { tree_param: { size_leaf_vector: "3" }, base_weights: [] })],
      }),
      "vectors of 3 for 2 outputs",
    ],
    [
      "a leaf without its vector",
      toDocument({
        numTarget: 2,
        trees: [toStump(1, 2, { tree_param: { size_leaf_vector: "2" }, base_weights: [1, 2] })],
      }),
      "leaf 1 has no vector",
    ],
    [
      "rounds beyond the trees",
      toDocument({ model: { iteration_indptr: [0, 2] } }),
      "iteration_indptr",
    ],
    [
      "more features than memory",
      learner({
        feature_names: [],
        learner_model_param: { base_score: "0", num_feature: "9007199254740991" },
      }),
      "more than any model has",
    ],
    [
      "more classes than memory",
      toDocument({ numClass: 4_000_000_000 }),
      "more than any model has",
    ],
    [
      "several expectiles",
      toDocument({ objective: "reg:expectileerror", numTarget: 2 }),
      "cannot be served",
    ],
  ])("%s", async (_, document, what) => {
    const error = await refusal(writeModel(JSON.stringify(document)));
    expect(error.message).toContain(what);
    expect(error.facts.hint).toMatch(/\w/);
  });
});

describe("a file is read", () => {
  const rows = [[0], [5], [Number.NaN]];
  it("in JSON and in UBJSON, whatever its name, with a mark at its start or not", async () => {
    const text = JSON.stringify(toDocument());
    for (const content of [
      text,
      `\uFEFF${text}`,
      `\n ${text}\n`,
      toUbjson(toDocument()),
      toUbjson(toDocument(), { counted: true }),
    ]) {
      const model = await xgboost(writeModel(content, "model.bin")).load({ name: "any" });
      expect([...(await model.predict(rows))]).toEqual([-1, 1, -1]);
    }
  });

  it("of the first versions, without categories and with booleans", async () => {
    const {
      categories_nodes: _1,
      split_type: _2,
      tree_param: _3,
      ...tree
    } = toStump(-1, 1, {
      default_left: [true, false, false],
    }) as Record<string, unknown>;
    const document = toDocument({ version: [1, 0, 0], baseScore: "0.500000", trees: [tree] });
    const model = await loadDocument(document);
    expect([...(await model.predict(rows))]).toEqual([-0.5, 1.5, -0.5]);
  });

  it("with NaN where JSON has no word for it", async () => {
    const text = JSON.stringify(toDocument()).replace(
      '"split_conditions":[1,',
      '"split_conditions":[NaN,',
    );
    const model = await xgboost(writeModel(text)).load({ name: "nan" });
    expect([...(await model.predict(rows))]).toEqual([1, 1, -1]);
  });
});

describe("whatever a file holds", () => {
  const text = readFileSync(join(FIXTURES, "xgb-forest-multitarget-missing/model.json"), "utf8");
  const ubjson = readFileSync(join(FIXTURES, "xgb-forest-multitarget-missing/model.ubj"));

  /** Every place of a document that can be changed. */
  function listPlaces(
    value: unknown,
    places: [Record<string, unknown>, string][] = [],
  ): [Record<string, unknown>, string][] {
    if (typeof value !== "object" || value === null) return places;
    // The first elements of a list stand for the others.
    for (const key of Object.keys(value).slice(0, 12)) {
      places.push([value as Record<string, unknown>, key]);
      listPlaces((value as Record<string, unknown>)[key], places);
    }
    return places;
  }

  async function expectModelOrRefusal(content: string | Uint8Array): Promise<void> {
    try {
      const model = await xgboost(writeModel(content)).load({ name: "changed" });
      await model.predict(new Float32Array(4 * model.features.length));
    } catch (error) {
      expect(error).toMatchObject({ code: "MODEL_FILE_INVALID" });
    }
  }

  it("it is a model or refused: changed JSON", async () => {
    const anything = fc.oneof(
      fc.constantFrom(null, "", "1", "-1", -1, 0, 1e300, 2 ** 31, 1.5, true, "NaN"),
      fc.constant([]),
      fc.constant({}),
      fc.nat(40),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), anything, async (at, value) => {
        const document: unknown = JSON.parse(text);
        const places = listPlaces(document);
        const [owner, key] = places[at % places.length]!;
        owner[key] = value;
        await expectModelOrRefusal(JSON.stringify(document));
      }),
      { numRuns: 120 },
    );
  });

  it("it is a model or refused: changed bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(ubjson.length - 1), fc.nat(255), async (at, byte) => {
        const bytes = Buffer.from(ubjson);
        bytes[at] = byte;
        await expectModelOrRefusal(bytes);
      }),
      { numRuns: 80 },
    );
  });
});
