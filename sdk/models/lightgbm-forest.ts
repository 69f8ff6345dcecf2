import { LightgbmFault } from "./lightgbm-fault.js";
import { createSlots, type Slots } from "./lightgbm-slots.js";
import { orderTree, type LightgbmTree, type LinearLeaves } from "./lightgbm-tree.js";

/**
 * Trees in one block of memory, in double precision, made for walking. A node takes 16 bytes; at
 * `n = STRIDE · number` are
 *
 * - `doubles[n / 2]`: a value up to it goes to the second child. NaN in a leaf, which keeps a walk
 *   there. For categories: which of the sets is the node's.
 * - `ints[n + 2]`: where the first of its two children begins, the second follows it; a leaf's own place
 * - `ints[n + 3]`: the slot of a row that it looks at
 *
 * A comparison with NaN is false, so a missing value goes to the first child: for nodes that send
 * missing values left the left child is the first, and the test is turned around, `x > t` into
 * `-x <= next(-t)`. Hence the slots: a feature, as it is or negated.
 */
export interface LightgbmForest {
  readonly ints: Int32Array;
  readonly doubles: Float64Array;
  /** What a node compares, by its number: NUMBER, ZERO or CATEGORY. */
  readonly kinds: Uint8Array;
  /** The value of a leaf, by the number of its node. */
  readonly values: Float64Array;
  /** Which leaf of its tree a node is, by its number. */
  readonly leaves: Int32Array;
  readonly roots: Int32Array;
  /** 1: the tree has nodes of the kind NUMBER only. */
  readonly plain: Uint8Array;
  readonly slots: Slots;
  /** Sets of categories: set `i` is the words `sets[i]` up to, without, `sets[i + 1]`. */
  readonly sets: Int32Array;
  readonly words: Uint32Array;
  /** The linear models of each tree's leaves, when any tree has some. */
  readonly linear: readonly (LinearTree | undefined)[] | undefined;
}

/** Linear models; their features are slots here. */
export interface LinearTree extends LinearLeaves {
  /** Where the features of each leaf begin, and, one further, where they end. */
  readonly starts: Int32Array;
}

export const STRIDE = 4;
export const NUMBER = 0;
/** Zero goes where missing values go. */
export const ZERO = 1;
export const CATEGORY = 2;

/** The bits of `decision_type`; the third and fourth tell what is missing. */
const IS_CATEGORY = 1;
const DEFAULT_LEFT = 2;
const MISSING_ZERO = 1;
const MISSING_NAN = 2;

/**
 * Puts the trees of a file into one block.
 * @throws LightgbmFault when the children of a node are no tree.
 */
export function createForest(trees: readonly LightgbmTree[]): LightgbmForest {
  const size = sum(trees, (tree) => 2 * tree.leaves - 1);
  if (size * STRIDE > 2 ** 31 - 1) {
    throw new LightgbmFault(`its ${size} nodes are more than this release can hold`);
  }
  // Shared, so that worker threads walk the same trees.
  const block = new SharedArrayBuffer(size * STRIDE * 4);
  const ints = new Int32Array(block);
  const doubles = new Float64Array(block);
  const kinds = new Uint8Array(new SharedArrayBuffer(size));
  const values = new Float64Array(new SharedArrayBuffer(size * 8));
  const leaves = new Int32Array(new SharedArrayBuffer(size * 4));
  const roots = new Int32Array(trees.length);
  const plain = new Uint8Array(trees.length).fill(1);
  const sets = new Int32Array(sum(trees, (tree) => tree.boundaries.length - 1) + 1);
  const words = new Uint32Array(sum(trees, (tree) => tree.words.length));
  const slots = createSlots();
  let root = 0;
  let firstSet = 0;
  let firstWord = 0;

  trees.forEach((tree, t) => {
    const tests = Array.from({ length: tree.leaves - 1 }, (_, node) => toTest(tree, node));
    const order = orderTree(tree, t, (node) => tests[node]!.missingLeft);
    roots[t] = root * STRIDE;
    let child = root + 1;
    for (let i = 0; i < order.length; i += 1) {
      const number = root + i;
      const n = number * STRIDE;
      const index = order[i]!;
      if (index < 0) {
        doubles[n / 2] = Number.NaN;
        ints[n + 2] = n;
        values[number] = tree.values[~index]!;
        leaves[number] = ~index;
      } else {
        const { kind, threshold, missingLeft } = tests[index]!;
        doubles[n / 2] =
          kind === CATEGORY ? firstSet + threshold : missingLeft ? nextDown(-threshold) : threshold;
        ints[n + 2] = child * STRIDE;
        ints[n + 3] = slots.find(tree.features[index]!, missingLeft);
        kinds[number] = kind;
        if (kind !== NUMBER) plain[t] = 0;
        child += 2;
      }
    }
    words.set(tree.words, firstWord);
    for (let i = 1; i < tree.boundaries.length; i += 1) {
      sets[firstSet + i] = firstWord + tree.boundaries[i]!;
    }
    root += order.length;
    firstSet += tree.boundaries.length - 1;
    firstWord += tree.words.length;
  });
  const isLinear = trees.some((tree) => tree.linear !== undefined);
  const linear = isLinear ? trees.map((tree) => toLinearTree(tree.linear)) : undefined;
  return {
    ints,
    doubles,
    kinds,
    values,
    leaves,
    roots,
    plain,
    sets,
    words,
    linear,
    slots: slots.all(),
  };

  function toLinearTree(models: LinearLeaves | undefined): LinearTree | undefined {
    if (models === undefined) return undefined;
    const starts = new Int32Array(models.counts.length + 1);
    models.counts.forEach((count, leaf) => (starts[leaf + 1] = starts[leaf]! + count));
    const features = models.features.map((feature) => slots.find(feature, false));
    return { ...models, features, starts };
  }
}

interface Test {
  kind: number;
  threshold: number;
  missingLeft: boolean;
}

/**
 * How a node decides. Where a model was trained without missing values they count as 0, so they go
 * where 0 goes; where 0 was missing in training, both go to the default side. A missing category is
 * in no set, and goes right.
 * @see https://github.com/microsoft/LightGBM/blob/master/include/LightGBM/tree.h, `Decision`
 */
function toTest(tree: LightgbmTree, node: number): Test {
  const threshold = tree.thresholds[node]!;
  const decision = tree.decisions[node]!;
  if ((decision & IS_CATEGORY) !== 0) return { kind: CATEGORY, threshold, missingLeft: false };
  const missing = decision >> 2;
  const zeroLeft = threshold >= 0;
  const defaultLeft = (decision & DEFAULT_LEFT) !== 0;
  if (missing === MISSING_NAN) return { kind: NUMBER, threshold, missingLeft: defaultLeft };
  if (missing !== MISSING_ZERO) return { kind: NUMBER, threshold, missingLeft: zeroLeft };
  return { kind: defaultLeft === zeroLeft ? NUMBER : ZERO, threshold, missingLeft: defaultLeft };
}

function sum(trees: readonly LightgbmTree[], count: (tree: LightgbmTree) => number): number {
  return trees.reduce((total, tree) => total + count(tree), 0);
}

const double = new Float64Array(1);
const bits = new BigInt64Array(double.buffer);

/** The greatest double less than a double; NaN when there is none. */
function nextDown(value: number): number {
  if (value === Number.NEGATIVE_INFINITY) return Number.NaN;
  if (value === 0) return -Number.MIN_VALUE;
  double[0] = value;
  bits[0]! += value > 0 ? -1n : 1n;
  return double[0]!;
}
