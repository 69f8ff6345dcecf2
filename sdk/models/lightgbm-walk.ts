import { CATEGORY, NUMBER, STRIDE, type LightgbmForest } from "./lightgbm-forest.js";

/** Rows as a forest takes them: `count` times the values of its slots, one row after the other. */
export interface SlotRows {
  readonly values: Float64Array;
  readonly count: number;
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
  rows: SlotRows,
  sums: RowTarget<Float64Array>,
  { from, to }: TreeRange,
): void {
  const { plain, linear } = forest;
  for (let tree = from; tree < to;) {
    if (linear?.[tree] !== undefined) {
      addLinear(forest, rows, sums, tree);
      tree += 1;
    } else if (linear === undefined && tree + 4 <= to && isFour(plain, tree)) {
      addFour(forest, rows, sums, tree);
      tree += 4;
    } else {
      addOne(forest, rows, sums, tree);
      tree += 1;
    }
  }
}

function isFour(plain: Uint8Array, tree: number): boolean {
  return (plain[tree]! & plain[tree + 1]! & plain[tree + 2]! & plain[tree + 3]!) === 1;
}

/**
 * Walks four trees at a time: a walk waits for memory at every step, and four that know nothing of
 * each other wait together. No step is a jump that could be mispredicted; whether all four are in
 * their leaves, where they stay, is asked at every third step. `| 0` says that a place is a whole
 * number of 32 bits: the compiler then leaves the checks for others out, a quarter of the time.
 */
function addFour(
  { ints, doubles, values: leaves, roots, slots }: LightgbmForest,
  { values, count }: SlotRows,
  { values: out, start, width }: RowTarget<Float64Array>,
  tree: number,
): void {
  const size = slots.features.length;
  const [root0, root1, root2, root3] = [
    roots[tree]!,
    roots[tree + 1]!,
    roots[tree + 2]!,
    roots[tree + 3]!,
  ];
  const [out0, out1, out2, out3] = [
    tree % width,
    (tree + 1) % width,
    (tree + 2) % width,
    (tree + 3) % width,
  ];
  for (let row = 0, at = 0, o = start; row < count; row += 1, at += size, o += width) {
    let a = root0;
    let b = root1;
    let c = root2;
    let d = root3;
    let moved = 1;
    while (moved !== 0) {
      for (let step = 0; step < 3; step = (step + 1) | 0) {
        a =
          (ints[(a + 2) | 0]! +
            (+(values[(at + ints[(a + 3) | 0]!) | 0]! <= doubles[a >> 1]!) << 2)) |
          0;
        b =
          (ints[(b + 2) | 0]! +
            (+(values[(at + ints[(b + 3) | 0]!) | 0]! <= doubles[b >> 1]!) << 2)) |
          0;
        c =
          (ints[(c + 2) | 0]! +
            (+(values[(at + ints[(c + 3) | 0]!) | 0]! <= doubles[c >> 1]!) << 2)) |
          0;
        d =
          (ints[(d + 2) | 0]! +
            (+(values[(at + ints[(d + 3) | 0]!) | 0]! <= doubles[d >> 1]!) << 2)) |
          0;
      }
      moved =
        (ints[(a + 2) | 0]! - a) |
        (ints[(b + 2) | 0]! - b) |
        (ints[(c + 2) | 0]! - c) |
        (ints[(d + 2) | 0]! - d);
    }
    out[o + out0]! += leaves[a >> 2]!;
    out[o + out1]! += leaves[b >> 2]!;
    out[o + out2]! += leaves[c >> 2]!;
    out[o + out3]! += leaves[d >> 2]!;
  }
}

function addOne(
  forest: LightgbmForest,
  { values, count }: SlotRows,
  sums: RowTarget<Float64Array>,
  tree: number,
): void {
  const root = forest.roots[tree]!;
  const size = forest.slots.features.length;
  let o = sums.start + (tree % sums.width);
  for (let row = 0, at = 0; row < count; row += 1, at += size, o += sums.width) {
    sums.values[o]! += forest.values[findLeaf(forest, root, values, at)]!;
  }
}

/** A leaf with a missing value among its features answers its plain value. */
function addLinear(
  forest: LightgbmForest,
  { values, count }: SlotRows,
  sums: RowTarget<Float64Array>,
  tree: number,
): void {
  const { starts, constants, features, coefficients } = forest.linear![tree]!;
  const size = forest.slots.features.length;
  let o = sums.start + (tree % sums.width);
  for (let row = 0, at = 0; row < count; row += 1, at += size, o += sums.width) {
    const number = findLeaf(forest, forest.roots[tree]!, values, at);
    const leaf = forest.leaves[number]!;
    let value = constants[leaf]!;
    for (let i = starts[leaf]!; i < starts[leaf + 1]!; i += 1) {
      const x = values[at + features[i]!]!;
      if (x !== x) {
        value = forest.values[number]!;
        break;
      }
      value += coefficients[i]! * x;
    }
    sums.values[o]! += value;
  }
}

/** Writes which of its leaves each tree of the range ends in. */
export function writeLeaves(
  forest: LightgbmForest,
  { values, count }: SlotRows,
  leaves: RowTarget<Int32Array>,
  { from, to }: TreeRange,
): void {
  const size = forest.slots.features.length;
  for (let row = 0; row < count; row += 1) {
    let o = leaves.start + row * leaves.width;
    for (let tree = from; tree < to; tree += 1, o += 1) {
      const number = findLeaf(forest, forest.roots[tree]!, values, row * size);
      leaves.values[o] = forest.leaves[number]!;
    }
  }
}

/** Walks from a root to the leaf of one row, through any kind of node; answers its number. */
function findLeaf(forest: LightgbmForest, root: number, values: Float64Array, at: number): number {
  const { ints, doubles, kinds } = forest;
  let n = root;
  for (let first = ints[n + 2]!; first !== n; first = ints[n + 2]!) {
    const x = values[at + ints[n + 3]!]!;
    const kind = kinds[n >> 2];
    const isSecond =
      kind === CATEGORY
        ? hasCategory(forest, doubles[n >> 1]!, x)
        : x <= doubles[n >> 1]! && (kind === NUMBER || x !== 0);
    n = isSecond ? first + STRIDE : first;
  }
  return n >> 2;
}

/** A fraction counts as the category nearer to zero; a negative one and NaN are in no set. */
function hasCategory({ sets, words }: LightgbmForest, set: number, x: number): boolean {
  if (!(x > -1 && x < 2 ** 31)) return false;
  const category = x | 0;
  const word = sets[set]! + (category >> 5);
  return word < sets[set + 1]! && ((words[word]! >>> (category & 31)) & 1) === 1;
}
