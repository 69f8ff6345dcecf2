import type { FeatureSource } from "./trees/feature-source.js";

/** What a row must have to be walked with: the values of features, some of them negated. */
export interface Slots {
  readonly features: Int32Array;
  /** 1, or -1 for the negated value. */
  readonly signs: Float64Array;
}

/** Numbers the slots as they are asked for. */
export function createSlots(): {
  find(feature: number, negated: boolean): number;
  all(): Slots;
} {
  const numbers = new Map<number, number>();
  return {
    find(feature, negated) {
      const key = 2 * feature + Number(negated);
      const known = numbers.get(key);
      if (known !== undefined) return known;
      numbers.set(key, numbers.size);
      return numbers.size - 1;
    },
    all() {
      const keys = Array.from(numbers.keys());
      // A leaf looks at a slot as nodes do, if only to stay where it is: there is always one.
      if (keys.length === 0) keys.push(0);
      return {
        features: Int32Array.from(keys, (key) => key >> 1),
        signs: Float64Array.from(keys, (key) => (key % 2 === 0 ? 1 : -1)),
      };
    },
  };
}

/** LightGBM's `kZeroThreshold`: a float32, held as a double. */
const ZERO = Math.fround(1e-35);

/** Rows in one block: few enough that their slots stay in the nearest cache. */
const MOST_ROWS = 64;
const MOST_VALUES = 4096;

/** How many rows of these slots make a block. */
export function toBlockSize({ features }: Slots): number {
  return Math.max(4, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / features.length)));
}

/**
 * Fills a block with the slots of the rows from `from` up to, without, `to`. What is as near to zero
 * as 1e-35 becomes zero: LightGBM leaves it out of the rows that it predicts from arrays and tables.
 */
export function fillSlots(
  target: Float64Array,
  source: FeatureSource,
  slots: Slots,
  { from, to }: { from: number; to: number },
): void {
  if ("columns" in source) {
    const size = slots.features.length;
    for (let slot = 0; slot < size; slot += 1) {
      const column = source.columns[slots.features[slot]!]!;
      const sign = slots.signs[slot]!;
      for (let row = from, at = slot; row < to; row += 1, at += size) {
        target[at] = clean(column[row]!) * sign;
      }
    }
    return;
  }
  const { matrix } = source;
  const width = (matrix.length / source.rows) | 0;
  // Each kind of array gets a loop that sees only that kind.
  if (matrix instanceof Float64Array) fillFromDoubles(target, matrix, slots, { from, to, width });
  else fillFromFloats(target, matrix, slots, { from, to, width });
}

interface MatrixRows {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

function fillFromDoubles(
  target: Float64Array,
  matrix: Float64Array,
  { features, signs }: Slots,
  { from, to, width }: MatrixRows,
): void {
  let at = 0;
  for (let row = from, start = from * width; row < to; row += 1, start += width) {
    for (let slot = 0; slot < features.length; slot += 1, at += 1) {
      target[at] = clean(matrix[start + features[slot]!]!) * signs[slot]!;
    }
  }
}

function fillFromFloats(
  target: Float64Array,
  matrix: Float32Array,
  { features, signs }: Slots,
  { from, to, width }: MatrixRows,
): void {
  let at = 0;
  for (let row = from, start = from * width; row < to; row += 1, start += width) {
    for (let slot = 0; slot < features.length; slot += 1, at += 1) {
      target[at] = clean(matrix[start + features[slot]!]!) * signs[slot]!;
    }
  }
}

function clean(value: number): number {
  return value <= ZERO && value >= -ZERO ? 0 : value;
}
