import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lightgbm } from "../../sdk/models/lightgbm.js";
import { FIXTURES } from "./fixture.js";
import { toFile, writeModel, type WrittenTree } from "./lightgbm-text.js";

const ZERO = Math.fround(1e-35);

/** One decision, as the format explains it; slow and plain. */
function goesLeft(node: Exclude<WrittenTree, { leaf: number }>, value: number): boolean {
  if (typeof node.test !== "number") {
    const category = Math.trunc(value);
    return category >= 0 && node.test.includes(category);
  }
  let x = value;
  if (Number.isNaN(x) && node.missing !== "nan") x = 0;
  if (node.missing === "zero" && Math.abs(x) <= ZERO) return node.defaultLeft;
  if (node.missing === "nan" && Number.isNaN(x)) return node.defaultLeft;
  return x <= node.test;
}

function predict(tree: WrittenTree, row: readonly number[]): number {
  if ("leaf" in tree) {
    if (tree.linear === undefined) return tree.leaf;
    let value = tree.linear.constant;
    for (const [feature, coefficient] of tree.linear.terms) {
      if (Number.isNaN(row[feature])) return tree.leaf;
      value += coefficient * row[feature]!;
    }
    return value;
  }
  return predict(goesLeft(tree, row[tree.feature]!) ? tree.left : tree.right, row);
}

const WIDTH = 3;
const EDGES = [
  0,
  -0,
  ZERO,
  -ZERO,
  1e-36,
  -1e-36,
  2e-35,
  -2e-35,
  1,
  -1,
  -0.5,
  31,
  32,
  63,
  1e300,
  -1e300,
  2 ** 31,
  2 ** 32 + 1,
];
const value = fc.oneof(
  fc.constantFrom(...EDGES, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.double({ noNaN: true, min: -100, max: 100 }),
);
const threshold = fc.oneof(
  fc.constantFrom(...EDGES, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  fc.double({ noNaN: true, min: -100, max: 100 }),
);
const feature = fc.nat(WIDTH - 1);
const leafValue = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });

function trees(linear: boolean): fc.Arbitrary<WrittenTree> {
  const leaf: fc.Arbitrary<WrittenTree> = linear
    ? fc.record({
        leaf: leafValue,
        linear: fc.record({
          constant: leafValue,
          terms: fc.array(fc.tuple(feature, leafValue), { maxLength: 3 }),
        }),
      })
    : fc.record({ leaf: leafValue });
  return fc.letrec<{ tree: WrittenTree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc.record({
        feature,
        test: fc.oneof(
          { weight: 3, arbitrary: threshold },
          { weight: 1, arbitrary: fc.uniqueArray(fc.nat(100), { minLength: 1, maxLength: 9 }) },
        ),
        missing: fc.constantFrom("none" as const, "zero" as const, "nan" as const),
        defaultLeft: fc.boolean(),
        left: tie("tree"),
        right: tie("tree"),
      }),
    ),
  })).tree;
}

describe("models at random", () => {
  it("answer as a plain reading of the format", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean().chain((linear) => fc.array(trees(linear), { minLength: 1, maxLength: 5 })),
        fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 20 }),
        fc.constantFrom("v2", "v3", "v4"),
        async (forest, rows, version) => {
          const text = writeModel({ version, features: ["a", "b", "c"], trees: forest });
          const model = await lightgbm(toFile(text)).load({ name: "random" });
          const wanted = rows.map((row) => {
            // What is as good as zero is zero before any tree sees it.
            const seen = row.map((x) => (Math.abs(x) <= ZERO ? 0 : x));
            return forest.reduce((sum, tree) => sum + predict(tree, seen), 0);
          });
          expect(Array.from(await model.margin(rows))).toEqual(wanted);
        },
      ),
      { numRuns: 300 },
    );
  });
});

interface SmallModel {
  id: string;
  objective: string;
  kind: string;
  text: string;
  rows: (number | string | null)[][];
  margin: (number | string | null)[][];
  leaf: number[][];
  prediction: (number | string | null)[][];
}

const toNumber = (cell: number | string | null): number =>
  cell === null ? Number.NaN : Number(cell);

describe("small models, with the answers of LightGBM 4.7", () => {
  const models = JSON.parse(
    readFileSync(join(FIXTURES, "lgb-small-models/models.json"), "utf8"),
  ) as SmallModel[];

  it.each(models)("$id: $objective, $kind", async ({ text, rows, margin, leaf, prediction }) => {
    const model = await lightgbm(toFile(text)).load({ name: "small" });
    const x = rows.map((row) => row.map(toNumber));
    // Adding 0 makes 0 of -0, which these files cannot tell apart.
    expect(Array.from(await model.margin(x), (value) => value + 0)).toEqual(
      margin.flat().map((cell) => toNumber(cell) + 0),
    );
    expect(Array.from(await model.leaves(x))).toEqual(leaf.flat());
    const answers = await model.predict(x);
    prediction.flat().forEach((cell, i) => {
      const wanted = toNumber(cell);
      if (!Number.isFinite(wanted)) expect(answers[i]).toBe(wanted);
      else {
        const difference = Math.abs(answers[i]! - wanted);
        // The powers of two libraries may differ in the last bit.
        expect(difference, `row ${i}`).toBeLessThanOrEqual(4 * Number.EPSILON * Math.abs(wanted));
      }
    });
  });
});
