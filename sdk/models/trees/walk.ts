import { countCategory } from "./category-sets.js";
import { STRIDE, type Forest } from "./forest.js";

/** Rows as a forest takes them: `count` times the values of its slots, one row after the other. */
export interface SlotRows {
  readonly values: Float32Array;
  readonly count: number;
}

/** Sums of leaves: `width` outputs a row, beginning at `start`. */
export interface Sums {
  readonly values: Float32Array;
  readonly start: number;
  readonly width: number;
}

/** The trees from `from` up to, without, `to`. */
export interface TreeRange {
  readonly from: number;
  readonly to: number;
}

/** Steps after which a walk looks whether it is at its end; most trees are not deeper. */
const STEPS = 8;

/**
 * Adds the leaves of trees to what the sums hold, tree by tree, each addition rounded to float32.
 *
 * Four trees are walked at a time: a walk waits for memory at every step, and four that know nothing
 * of each other wait together. A walk takes as many steps as the deepest of the four and stays in
 * its leaf, since a loop that ends at each leaf would be mispredicted once a tree.
 */
export function addLeaves(forest: Forest, rows: SlotRows, sums: Sums, range: TreeRange): void {
  if (forest.vectors !== undefined) {
    addVectors(forest, rows, sums, range);
    return;
  }
  const { plain } = forest;
  let tree = range.from;
  while (tree < range.to) {
    const isFour =
      tree + 4 <= range.to &&
      (plain[tree]! & plain[tree + 1]! & plain[tree + 2]! & plain[tree + 3]!) === 1;
    if (isFour) {
      addFour(forest, rows, sums, tree);
      tree += 4;
    } else {
      addOne(forest, rows, sums, tree);
      tree += 1;
    }
  }
}

function addFour(forest: Forest, rows: SlotRows, sums: Sums, tree: number): void {
  const { ints, floats, roots, depths, outputs } = forest;
  const { values, count } = rows;
  const { values: out, width } = sums;
  const size = forest.slots.features.length;
  const [root0, root1] = [roots[tree]!, roots[tree + 1]!];
  const [root2, root3] = [roots[tree + 2]!, roots[tree + 3]!];
  const [out0, out1] = [outputs[tree]!, outputs[tree + 1]!];
  const [out2, out3] = [outputs[tree + 2]!, outputs[tree + 3]!];
  const steps = Math.max(depths[tree]!, depths[tree + 1]!, depths[tree + 2]!, depths[tree + 3]!);
  for (let row = 0, at = 0, o = sums.start; row < count; row += 1, at += size, o += width) {
    let a = root0;
    let b = root1;
    let c = root2;
    let d = root3;
    for (let rest = steps; ; rest -= STEPS) {
      for (let step = rest < STEPS ? rest : STEPS; step > 0; step -= 1) {
        a = ints[a]! + (+(values[at + ints[a + 1]!]! >= floats[a + 2]!) << 2);
        b = ints[b]! + (+(values[at + ints[b + 1]!]! >= floats[b + 2]!) << 2);
        c = ints[c]! + (+(values[at + ints[c + 1]!]! >= floats[c + 2]!) << 2);
        d = ints[d]! + (+(values[at + ints[d + 1]!]! >= floats[d + 2]!) << 2);
      }
      if (rest <= STEPS) break;
      if (ints[a] === a && ints[b] === b && ints[c] === c && ints[d] === d) break;
    }
    out[o + out0]! += floats[a + 3]!;
    out[o + out1]! += floats[b + 3]!;
    out[o + out2]! += floats[c + 3]!;
    out[o + out3]! += floats[d + 3]!;
  }
}

function addOne(forest: Forest, rows: SlotRows, sums: Sums, tree: number): void {
  const { floats } = forest;
  const { values, count } = rows;
  const { values: out, width } = sums;
  const size = forest.slots.features.length;
  const root = forest.roots[tree]!;
  let o = sums.start + forest.outputs[tree]!;
  for (let row = 0, at = 0; row < count; row += 1, at += size, o += width) {
    out[o]! += floats[findLeaf(forest, root, values, at) + 3]!;
  }
}

function addVectors(
  forest: Forest,
  { values, count }: SlotRows,
  { values: out, start, width }: Sums,
  { from, to }: TreeRange,
): void {
  const vectors = forest.vectors!;
  const size = forest.slots.features.length;
  for (let tree = from; tree < to; tree += 1) {
    const root = forest.roots[tree]!;
    for (let row = 0; row < count; row += 1) {
      const leaf = findLeaf(forest, root, values, row * size);
      const vector = forest.ints[leaf + 3]!;
      const o = start + row * width;
      for (let i = 0; i < width; i += 1) out[o + i]! += vectors[vector + i]!;
    }
  }
}

/** Where numbers of leaves go: one a tree of the range, row after row. */
export interface LeafNumbers {
  readonly values: Int32Array;
  readonly start: number;
}

/** Writes the number of the leaf that each row ends in, for each tree of the range. */
export function findLeaves(
  forest: Forest,
  { values, count }: SlotRows,
  { values: leaves, start }: LeafNumbers,
  { from, to }: TreeRange,
): void {
  const size = forest.slots.features.length;
  let o = start;
  for (let row = 0; row < count; row += 1) {
    for (let tree = from; tree < to; tree += 1, o += 1) {
      const leaf = findLeaf(forest, forest.roots[tree]!, values, row * size);
      leaves[o] = forest.nodeIds[leaf / STRIDE]!;
    }
  }
}

/** Walks from a root to the leaf of one row, through any kind of node. */
function findLeaf(forest: Forest, root: number, values: Float32Array, at: number): number {
  const { ints, floats } = forest;
  let n = root;
  for (let first = ints[n]!; first !== n; first = ints[n]!) {
    const slot = ints[n + 1]!;
    if (slot >= 0) n = values[at + slot]! >= floats[n + 2]! ? first + STRIDE : first;
    else {
      const value = values[at + ~slot]!;
      const isMissing = value !== value;
      n =
        first +
        (isMissing ? ints[n + 2]! : countCategory(forest.sets, ints[n + 3]!, value) * STRIDE);
    }
  }
  return n;
}
