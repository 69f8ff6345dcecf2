import type { FeatureMatrix, FeatureSource } from "./feature-source.js";
import { countCategory, type CategorySets } from "./category-sets.js";
import type { Slots } from "./slots.js";

/** Rows in one block: few enough that their slots stay in the nearest cache. */
const MOST_ROWS = 64;
const MOST_VALUES = 8192;

/** How many rows of these slots make a block. */
export function toBlockSize({ features }: Pick<Slots, "features">): number {
  return Math.max(4, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / features.length)));
}

/** Which rows to take, and the value that stands for a missing one besides NaN. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
  /** As float32: it is compared with values that are rounded. NaN for none. */
  readonly missing: number;
}

/** What a row must have, and the sets that it is compared with. */
export interface RowLayout {
  readonly slots: Slots;
  readonly sets: CategorySets;
}

/** Fills the slots of rows, one row after the other, as float32. */
export function fillSlots(
  target: Float32Array,
  source: FeatureSource,
  { slots, sets }: RowLayout,
  range: RowRange,
): void {
  if ("columns" in source) fillFromColumns(target, source.columns, slots, range);
  // Each kind of array gets a loop that sees only that kind.
  else if (source.matrix instanceof Float32Array) fillFromFloats(target, source, slots, range);
  else fillFromDoubles(target, source, slots, range);
  if (slots.members.slots.length > 0) lookUp(target, slots, sets, range.to - range.from);
}

/** Puts 1 or 0, whether it is in the set, in the place of a value; a missing one stays. */
function lookUp(target: Float32Array, slots: Slots, sets: CategorySets, rows: number): void {
  const { slots: places, sets: numbers, signs } = slots.members;
  const size = slots.features.length;
  for (let row = 0, start = 0; row < rows; row += 1, start += size) {
    for (let i = 0; i < places.length; i += 1) {
      const at = start + places[i]!;
      const value = target[at]!;
      // A product, since which of two values it is cannot be predicted.
      if (value === value) target[at] = countCategory(sets, numbers[i]!, value) * signs[i]!;
    }
  }
}

function fillFromColumns(
  target: Float32Array,
  columns: readonly Float64Array[],
  { features, signs }: Slots,
  { from, to, missing }: RowRange,
): void {
  const size = features.length;
  for (let slot = 0; slot < size; slot += 1) {
    const column = columns[features[slot]!]!;
    const sign = signs[slot]!;
    for (let row = from, at = slot; row < to; row += 1, at += size) {
      const value = Math.fround(column[row]!);
      target[at] = value === missing ? Number.NaN : value * sign;
    }
  }
}

function fillFromFloats(
  target: Float32Array,
  source: FeatureMatrix,
  { features, signs }: Slots,
  { from, to, missing }: RowRange,
): void {
  const matrix = source.matrix as Float32Array;
  const width = matrix.length / source.rows;
  let at = 0;
  for (let row = from, start = from * width; row < to; row += 1, start += width) {
    for (let slot = 0; slot < features.length; slot += 1, at += 1) {
      const value = matrix[start + features[slot]!]!;
      target[at] = value === missing ? Number.NaN : value * signs[slot]!;
    }
  }
}

function fillFromDoubles(
  target: Float32Array,
  source: FeatureMatrix,
  { features, signs }: Slots,
  { from, to, missing }: RowRange,
): void {
  const matrix = source.matrix as Float64Array;
  const width = matrix.length / source.rows;
  let at = 0;
  for (let row = from, start = from * width; row < to; row += 1, start += width) {
    for (let slot = 0; slot < features.length; slot += 1, at += 1) {
      const value = Math.fround(matrix[start + features[slot]!]!);
      target[at] = value === missing ? Number.NaN : value * signs[slot]!;
    }
  }
}
