import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createForest, nextUp, type Forest } from "../../sdk/models/trees/forest.js";
import { fillSlots, toBlockSize } from "../../sdk/models/trees/slot-rows.js";
import { TreeFault, type TreeNodes } from "../../sdk/models/trees/tree.js";
import { addLeaves, findLeaves } from "../../sdk/models/trees/walk.js";

const FEATURES = 3;
const WIDTH = 2;

/** Values where comparisons are delicate. */
const EDGES = [0, -0, 1, -1, 1e-45, -1e-45, 3.4028235e38, -3.4028235e38, Infinity, -Infinity];
const edge = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.float({ noNaN: true }),
  fc.integer({ min: -3, max: 40 }),
);
const cell = fc.oneof(edge, fc.constant(Number.NaN), fc.constantFrom(16_777_215, 16_777_216, 2.5));

interface Split {
  feature: number;
  threshold: number;
  missingLeft: boolean;
  categories: number[] | undefined;
  left: Branch;
  right: Branch;
}
type Branch = Split | { leaf: number };

const leafValue = fc.double({ noNaN: true, noDefaultInfinity: true, min: -10, max: 10 });
const categories = fc.oneof(fc.constant(undefined), fc.uniqueArray(fc.nat(40), { minLength: 1 }));

function toBranch(depth: number): fc.Arbitrary<Branch> {
  const leaf = fc.record({ leaf: leafValue });
  if (depth === 0) return leaf;
  const split = fc.record({
    feature: fc.nat(FEATURES - 1),
    threshold: fc.oneof(edge, edge, fc.constant(Number.NaN)).map(Math.fround),
    missingLeft: fc.boolean(),
    categories,
    left: toBranch(depth - 1),
    right: toBranch(depth - 1),
  });
  return fc.oneof({ arbitrary: leaf, weight: 1 }, { arbitrary: split, weight: 4 });
}

const branch = toBranch(4);
const numeric: fc.Arbitrary<Branch> = branch.map(withoutCategories);

function withoutCategories(tree: Branch): Branch {
  if ("leaf" in tree) return tree;
  const [left, right] = [withoutCategories(tree.left), withoutCategories(tree.right)];
  return { ...tree, categories: undefined, left, right };
}

/** The tree as files have it, its nodes in the order of a walk. */
function toNodes(tree: Branch, output: number): TreeNodes {
  const left: number[] = [];
  const right: number[] = [];
  const feature: number[] = [];
  const missingLeft: boolean[] = [];
  const leaf: number[] = [];
  const threshold: number[] = [];
  const categories = new Map<number, number[]>();
  const write = (one: Branch): number => {
    const node = left.push(-1) - 1;
    right.push(-1);
    feature.push("leaf" in one ? 0 : one.feature);
    missingLeft.push("leaf" in one ? false : one.missingLeft);
    threshold.push("leaf" in one ? 0 : one.threshold);
    leaf.push("leaf" in one ? one.leaf : 0);
    if ("leaf" in one) return node;
    if (one.categories !== undefined) categories.set(node, one.categories);
    left[node] = write(one.left);
    right[node] = write(one.right);
    return node;
  };
  write(tree);
  const floats = Float32Array.from(threshold);
  return { left, right, feature, threshold: floats, missingLeft, categories, leaf, output };
}

/** The rule of XGBoost, word for word. */
function goesLeft(split: Split, value: number): boolean {
  if (Number.isNaN(value)) return split.missingLeft;
  if (split.categories === undefined) return value < split.threshold;
  if (value < 0 || value >= 16_777_216) return true;
  return !split.categories.includes(Math.trunc(value));
}

function findBranchLeaf(tree: Branch, row: readonly number[]): number {
  let at = tree;
  while (!("leaf" in at)) at = goesLeft(at, Math.fround(row[at.feature]!)) ? at.left : at.right;
  return at.leaf;
}

function toSlots(forest: Forest, rows: readonly (readonly number[])[]): Float32Array {
  const values = new Float32Array(rows.length * forest.slots.features.length);
  const source = { rows: rows.length, matrix: Float64Array.from(rows.flat()) };
  if (rows.length > 0) {
    fillSlots(values, source, forest, { from: 0, to: rows.length, missing: Number.NaN });
  }
  return values;
}

describe.each([
  ["numbers", numeric, {}],
  ["numbers and categories, which have slots", branch, {}],
  ["numbers and categories, which it looks up", branch, { mostSets: 0 }],
])("a forest that splits on %s", (_, anyTree, options) => {
  const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 12 });
  const trees = fc.array(fc.tuple(anyTree, fc.nat(WIDTH - 1)), { minLength: 1, maxLength: 9 });

  it("sums the leaves that the rule leads to, in the order of the trees", () => {
    fc.assert(
      fc.property(trees, rows, (list, some) => {
        const forest = createForest(
          list.map(([tree, output]) => toNodes(tree, output)),
          FEATURES,
          options,
        );
        const sums = new Float32Array(some.length * WIDTH).fill(0.25);
        const slotRows = { values: toSlots(forest, some), count: some.length };
        addLeaves(
          forest,
          slotRows,
          { values: sums, start: 0, width: WIDTH },
          { from: 0, to: list.length },
        );
        const wanted = some.flatMap((row) => {
          const own = new Float32Array(WIDTH).fill(0.25);
          for (const [tree, output] of list) own[output]! += Math.fround(findBranchLeaf(tree, row));
          return [...own];
        });
        expect([...sums]).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  it("names leaves as the file numbers them", () => {
    fc.assert(
      fc.property(trees, rows, (list, some) => {
        const nodes = list.map(([tree, output]) => toNodes(tree, output));
        const forest = createForest(nodes, FEATURES, options);
        const found = new Int32Array(some.length * list.length);
        const slotRows = { values: toSlots(forest, some), count: some.length };
        findLeaves(forest, slotRows, { values: found, start: 0 }, { from: 0, to: list.length });
        some.forEach((row, r) => {
          list.forEach(([tree], t) => {
            const node = found[r * list.length + t]!;
            expect(nodes[t]!.left[node]).toBe(-1);
            expect(nodes[t]!.leaf[node]).toBe(findBranchLeaf(tree, row));
          });
        });
      }),
    );
  });
});

describe("createForest", () => {
  const stump: TreeNodes = {
    left: [1, -1, -1],
    right: [2, -1, -1],
    feature: [0, 0, 0],
    threshold: Float32Array.of(0.5, 0, 0),
    missingLeft: [1, 0, 0],
    categories: new Map(),
    leaf: [0, 1, 2],
    output: 0,
  };

  it.each([
    ["a node that is its own child", { left: [0, -1, -1] }, /tree 1: node 0 is the child of two/],
    ["a node with two parents", { right: [1, -1, -1] }, /tree 1: node 1 is the child of two/],
    ["a child beyond the nodes", { right: [3, -1, -1] }, /tree 1: node 0 has the child 3/],
    ["a negative child", { left: [-2, -1, -1] }, /tree 1: node 0 has the child -2/],
    ["no node", { left: [], right: [] }, /tree 1: there is no node/],
    ["a feature beyond them", { feature: [9, 0, 0] }, /tree 1: node 0 looks at feature 9/],
    [
      "a category that cannot be",
      { categories: new Map([[0, [-1]]]) },
      /tree 1: -1 is no category/,
    ],
  ])("refuses %s", (_, change, message) => {
    expect(() => createForest([stump, { ...stump, ...change }], FEATURES)).toThrow(TreeFault);
    expect(() => createForest([stump, { ...stump, ...change }], FEATURES)).toThrow(message);
  });

  it("gives one slot to features and sets that many nodes look at", () => {
    const isIn = { ...stump, categories: new Map([[0, [3, 1]]]) };
    const turned = { ...stump, categories: new Map([[0, [1, 3]]]), missingLeft: [0, 0, 0] };
    const { slots, sets } = createForest([stump, stump, isIn, isIn, turned], FEATURES);
    expect([...slots.features]).toEqual([0, 0, 0]);
    expect([...slots.members.slots]).toEqual([1, 2]);
    expect([...slots.members.signs]).toEqual([1, -1]);
    expect([...sets.words]).toEqual([0b1010]);
  });

  it("walks trees that are deeper than most", () => {
    const depth = 40;
    const size = 2 * depth + 1;
    const at = (of: (node: number) => number): number[] =>
      Array.from({ length: size }, (_, n) => of(n));
    const chain: TreeNodes = {
      left: at((n) => (n < depth ? depth + n : -1)),
      right: at((n) => (n < depth - 1 ? n + 1 : n === depth - 1 ? 2 * depth : -1)),
      feature: at(() => 0),
      threshold: Float32Array.from(at((n) => n)),
      missingLeft: at((n) => (n === 20 ? 1 : 0)),
      categories: new Map(),
      leaf: at((n) => n - depth),
      output: 0,
    };
    const forest = createForest([chain, chain, chain, chain, chain], 1);
    const rows = [[-1], [7.5], [8], [39.5], [Number.NaN]];
    const sums = new Float32Array(rows.length);
    const slotRows = { values: toSlots(forest, rows), count: rows.length };
    addLeaves(forest, slotRows, { values: sums, start: 0, width: 1 }, { from: 0, to: 5 });
    expect([...sums]).toEqual([0, 40, 45, 200, 100]);
  });

  it("leaves out nodes that no path reaches", () => {
    const pruned = { ...stump, left: [-1, -1, 1], right: [-1, -1, 0] };
    expect([...createForest([pruned], FEATURES).nodeIds]).toEqual([0]);
  });

  it("takes blocks that are small when there are many features", () => {
    const of = (count: number): number => toBlockSize({ features: new Int32Array(count) });
    expect([of(1), of(200), of(100_000)]).toEqual([64, 40, 4]);
  });
});

describe("nextUp", () => {
  it("answers the next float32 with none between", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const next = nextUp(value);
        expect(next).toBeGreaterThan(value);
        const middle = Math.fround(value / 2 + next / 2);
        expect(middle === Math.fround(value) || middle === next).toBe(true);
      }),
    );
    expect([nextUp(-0), nextUp(0), nextUp(-Infinity)]).toEqual([
      1.401298464324817e-45, 1.401298464324817e-45, -3.4028234663852886e38,
    ]);
    expect(nextUp(Infinity)).toBeNaN();
    expect(nextUp(Number.NaN)).toBeNaN();
  });
});
