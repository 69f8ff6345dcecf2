import type { FeatureSource } from "./trees/feature-source.js";

/** LightGBM's `kZeroThreshold`: a float32, held as a double. */
const ZERO = Math.fround(1e-35);

/** Rows in one block: their values stay in the caches while all trees walk over them. */
const MOST_ROWS = 256;
const MOST_VALUES = 8192;

/** How many rows of `width` features make a block. */
export function toBlockSize(width: number): number {
  return Math.max(4, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / width)));
}

/**
 * Fills a block with the rows from `from` up to, without, `to`. What is as near to zero as 1e-35
 * becomes zero: LightGBM leaves it out of the rows that it predicts from arrays and tables.
 */
export function fillRows(
  target: Float64Array,
  source: FeatureSource,
  width: number,
  { from, to }: { from: number; to: number },
): void {
  if ("columns" in source) {
    for (let feature = 0; feature < width; feature += 1) {
      const column = source.columns[feature]!;
      for (let row = from, at = feature; row < to; row += 1, at += width) {
        target[at] = clean(column[row]!);
      }
    }
    return;
  }
  // Each kind of array gets a loop that sees only that kind.
  if (source.matrix instanceof Float64Array)
    copyDoubles(target, source.matrix, from * width, to * width);
  else copyFloats(target, source.matrix, from * width, to * width);
}

function copyDoubles(target: Float64Array, matrix: Float64Array, from: number, to: number): void {
  for (let i = from; i < to; i += 1) target[i - from] = clean(matrix[i]!);
}

function copyFloats(target: Float64Array, matrix: Float32Array, from: number, to: number): void {
  for (let i = from; i < to; i += 1) target[i - from] = clean(matrix[i]!);
}

function clean(value: number): number {
  return value <= ZERO && value >= -ZERO ? 0 : value;
}
