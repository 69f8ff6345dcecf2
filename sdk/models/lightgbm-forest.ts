import { LightgbmFault } from "./lightgbm-fault.js";
import type { LightgbmTree, LinearLeaves } from "./lightgbm-tree.js";

/**
 * Trees in one block of memory, in double precision, made for walking. A node takes four integers,
 * at `STRIDE · number`, and one threshold, at its number:
 *
 * - `nodes[n]`: the feature that it looks at
 * - `nodes[n + 1]`: the child for `x <= threshold`, and for categories in the set
 * - `nodes[n + 2]`: the child for all other values
 * - `nodes[n + 3]`: the child for a missing value
 *
 * A child is where another node begins, or `~leaf`, a leaf among those of all trees. Nodes of one
 * tree lie in the order of a walk that goes left first: most steps go to the neighbour.
 */
export interface LightgbmForest {
  readonly nodes: Int32Array;
  readonly thresholds: Float64Array;
  /** What a node compares: NUMBER, ZERO or CATEGORY. */
  readonly kinds: Uint8Array;
  /** Where each tree begins: a node, or `~leaf`. */
  readonly roots: Int32Array;
  /** 1: the tree has nodes of the kind NUMBER only. */
  readonly plain: Uint8Array;
  readonly values: Float64Array;
  /** The first leaf of each tree, and, one further, the number of all leaves. */
  readonly firstLeaves: Int32Array;
  /** Sets of categories: set `i` is the words `sets[i]` up to, without, `sets[i + 1]`. */
  readonly sets: Int32Array;
  readonly words: Uint32Array;
  /** The linear models of each tree's leaves, when any tree has some. */
  readonly linear: readonly (LinearTree | undefined)[] | undefined;
}

export interface LinearTree extends LinearLeaves {
  /** Where the features of each leaf begin, and, one further, where they end. */
  readonly starts: Int32Array;
}

export const STRIDE = 4;
export const NUMBER = 0;
/** Zero goes where missing values go. */
export const ZERO = 1;
export const CATEGORY = 2;

/** The bits of `decision_type`. */
const IS_CATEGORY = 1;
const DEFAULT_LEFT = 2;
const MISSING_ZERO = 1;
const MISSING_NAN = 2;

/**
 * Puts the trees of a file into one block.
 * @throws LightgbmFault when the children of a node are no tree.
 */
export function createForest(trees: readonly LightgbmTree[]): LightgbmForest {
  const nodeCount = sum(trees, (tree) => tree.leaves - 1);
  const leafCount = sum(trees, (tree) => tree.leaves);
  if (nodeCount * STRIDE > 2 ** 31 - 1) {
    throw new LightgbmFault(`its ${nodeCount} nodes are more than this release can hold`);
  }
  const forest = {
    nodes: new Int32Array(nodeCount * STRIDE),
    thresholds: new Float64Array(nodeCount),
    kinds: new Uint8Array(nodeCount),
    roots: new Int32Array(trees.length),
    plain: new Uint8Array(trees.length),
    values: new Float64Array(leafCount),
    firstLeaves: new Int32Array(trees.length + 1),
    sets: new Int32Array(sum(trees, (tree) => tree.boundaries.length - 1) + 1),
    words: new Uint32Array(sum(trees, (tree) => tree.words.length)),
    linear: trees.some((tree) => tree.linear !== undefined)
      ? trees.map(({ linear }) => (linear === undefined ? undefined : toLinearTree(linear)))
      : undefined,
  };
  const ends = { node: 0, leaf: 0, set: 0, word: 0 };
  trees.forEach((tree, t) => {
    const { node, leaf, set, word } = ends;
    const order = orderNodes(tree, t);
    const places = new Int32Array(order.length);
    order.forEach((index, i) => (places[index] = (node + i) * STRIDE));
    const toPlace = (child: number): number => (child < 0 ? ~(leaf + ~child) : places[child]!);
    forest.roots[t] = tree.leaves === 1 ? ~leaf : node * STRIDE;
    forest.plain[t] = 1;
    order.forEach((index, i) => {
      const { kind, threshold, missingLeft } = toTest(tree, index);
      const left = toPlace(tree.left[index]!);
      const right = toPlace(tree.right[index]!);
      const feature = tree.features[index]!;
      forest.nodes.set([feature, left, right, missingLeft ? left : right], (node + i) * STRIDE);
      forest.thresholds[node + i] = kind === CATEGORY ? set + threshold : threshold;
      forest.kinds[node + i] = kind;
      if (kind !== NUMBER) forest.plain[t] = 0;
    });
    forest.values.set(tree.values, leaf);
    forest.words.set(tree.words, word);
    for (let i = 1; i < tree.boundaries.length; i += 1) {
      forest.sets[set + i] = word + tree.boundaries[i]!;
    }
    ends.node += order.length;
    ends.leaf += tree.leaves;
    ends.set += tree.boundaries.length - 1;
    ends.word += tree.words.length;
    forest.firstLeaves[t + 1] = ends.leaf;
  });
  return forest;
}

interface Test {
  kind: number;
  threshold: number;
  missingLeft: boolean;
}

/**
 * How a node decides. Where a model was trained without missing values they count as 0, so they go
 * where 0 goes; where 0 was missing in training, both go to the default side.
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

/** The nodes from the root down, left first, each reached once; without recursion. */
function orderNodes({ leaves, left, right }: LightgbmTree, tree: number): number[] {
  const order: number[] = [];
  if (leaves === 1) return order;
  const seen = new Uint8Array(left.length);
  const seenLeaves = new Uint8Array(leaves);
  const stack = [0];
  for (let child = stack.pop(); child !== undefined; child = stack.pop()) {
    const marks = child < 0 ? seenLeaves : seen;
    const place = child < 0 ? ~child : child;
    if (marks[place] === 1) {
      const what = child < 0 ? "leaf" : "node";
      throw new LightgbmFault(`${what} ${place} of tree ${tree} has two parents or is in a cycle`);
    }
    marks[place] = 1;
    if (child < 0) continue;
    order.push(child);
    stack.push(right[child]!, left[child]!);
  }
  if (order.length === left.length) return order;
  throw new LightgbmFault(`tree ${tree} has nodes that no path reaches`);
}

function toLinearTree(linear: LinearLeaves): LinearTree {
  const starts = new Int32Array(linear.counts.length + 1);
  linear.counts.forEach((count, leaf) => (starts[leaf + 1] = starts[leaf]! + count));
  return { ...linear, starts };
}

function sum(trees: readonly LightgbmTree[], count: (tree: LightgbmTree) => number): number {
  return trees.reduce((total, tree) => total + count(tree), 0);
}
