import { CATEGORY, NUMBER, type LightgbmForest } from "./lightgbm-forest.js";

/** Rows with all features side by side, in which what is as good as zero is zero. */
export interface DenseRows {
  readonly values: Float64Array;
  readonly count: number;
  readonly width: number;
}

/** The trees from `from` up to, without, `to`; both are whole iterations. */
export interface TreeRange {
  readonly from: number;
  readonly to: number;
}

/** Where the answers of rows go: `width` values a row, from `start` on. */
export interface RowTarget<Values> {
  readonly values: Values;
  readonly start: number;
  readonly width: number;
}

/**
 * Adds the leaves of trees to the sums, in the order of the trees, as LightGBM does: another order
 * would round otherwise. Tree `t` adds to the output `t mod width`.
 */
export function addLeaves(
  forest: LightgbmForest,
  rows: DenseRows,
  sums: RowTarget<Float64Array>,
  { from, to }: TreeRange,
): void {
  for (let tree = from; tree < to; tree += 1) {
    if (forest.linear?.[tree] !== undefined) addLinear(forest, tree, rows, sums);
    else if (forest.plain[tree] === 1) addPlain(forest, tree, rows, sums);
    else addAny(forest, tree, rows, sums);
  }
}

/** Writes which of its leaves each tree of the range ends in. */
export function writeLeaves(
  forest: LightgbmForest,
  { values, count, width }: DenseRows,
  leaves: RowTarget<Int32Array>,
  { from, to }: TreeRange,
): void {
  for (let tree = from; tree < to; tree += 1) {
    const first = forest.firstLeaves[tree]!;
    for (let row = 0; row < count; row += 1) {
      const leaf = findLeaf(forest, forest.roots[tree]!, values, row * width);
      leaves.values[leaves.start + row * leaves.width + tree - from] = leaf - first;
    }
  }
}

/** Comparisons with NaN are false: whether a value is missing is asked only when it is not less. */
function addPlain(
  forest: LightgbmForest,
  tree: number,
  { values: x, count, width }: DenseRows,
  sums: RowTarget<Float64Array>,
): void {
  const { nodes, thresholds, values } = forest;
  const { values: out, width: outputs } = sums;
  const root = forest.roots[tree]!;
  let o = sums.start + (tree % outputs);
  for (let row = 0, at = 0; row < count; row += 1, at += width, o += outputs) {
    let node = root;
    while (node >= 0) {
      const value = x[at + nodes[node]!]!;
      if (value <= thresholds[node >> 2]!) node = nodes[node + 1]!;
      else node = value === value ? nodes[node + 2]! : nodes[node + 3]!;
    }
    out[o]! += values[~node]!;
  }
}

function addAny(
  forest: LightgbmForest,
  tree: number,
  { values: x, count, width }: DenseRows,
  sums: RowTarget<Float64Array>,
): void {
  const root = forest.roots[tree]!;
  let o = sums.start + (tree % sums.width);
  for (let row = 0, at = 0; row < count; row += 1, at += width, o += sums.width) {
    sums.values[o]! += forest.values[findLeaf(forest, root, x, at)]!;
  }
}

/** The leaf that a row ends in, through any kind of node. */
function findLeaf(forest: LightgbmForest, root: number, values: Float64Array, at: number): number {
  const { nodes, thresholds, kinds } = forest;
  let node = root;
  while (node >= 0) {
    const x = values[at + nodes[node]!]!;
    const number = node >> 2;
    const kind = kinds[number];
    if (x !== x) node = nodes[node + 3]!;
    else if (kind === CATEGORY) {
      node = nodes[node + (hasCategory(forest, thresholds[number]!, x) ? 1 : 2)]!;
    } else if (kind !== NUMBER && x === 0) node = nodes[node + 3]!;
    else node = nodes[node + (x <= thresholds[number]! ? 1 : 2)]!;
  }
  return ~node;
}

/** A fraction counts as the category nearer to zero; a negative one is in no set. */
function hasCategory({ sets, words }: LightgbmForest, set: number, x: number): boolean {
  if (!(x > -1 && x < 2 ** 31)) return false;
  const category = x | 0;
  const word = sets[set]! + (category >> 5);
  return word < sets[set + 1]! && ((words[word]! >>> (category & 31)) & 1) === 1;
}

/** A leaf with a missing value among its features answers its plain value. */
function addLinear(
  forest: LightgbmForest,
  tree: number,
  { values: x, count, width }: DenseRows,
  sums: RowTarget<Float64Array>,
): void {
  const { starts, constants, features, coefficients } = forest.linear![tree]!;
  const first = forest.firstLeaves[tree]!;
  for (let row = 0; row < count; row += 1) {
    const at = row * width;
    const leaf = findLeaf(forest, forest.roots[tree]!, x, at) - first;
    let value = constants[leaf]!;
    for (let i = starts[leaf]!; i < starts[leaf + 1]!; i += 1) {
      const feature = x[at + features[i]!]!;
      if (feature !== feature) {
        value = forest.values[first + leaf]!;
        break;
      }
      value += coefficients[i]! * feature;
    }
    sums.values[sums.start + row * sums.width + (tree % sums.width)]! += value;
  }
}
