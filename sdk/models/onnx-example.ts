import { countElements, createElements, type Tensor, type TensorSlot } from "../tensor/tensor.js";
import { hasRows, type Feeds, type RowPolicy } from "./row-runs.js";
import { stackRows, takeRows } from "./row-tensors.js";
import type { Feed } from "./tensor-value.js";

/** Rows to try a model with, by number: 0 and so on, each different from the others. */
export type ExampleRows = (rows: readonly number[]) => Feeds;

/** The size of free dimensions other than the rows in an example that is made. */
const FREE_SIZE = 16;

/** A larger example would cost more at the start than it tells. */
const MOST_ELEMENTS = 1 << 24;

/**
 * Some models abort the whole process on an empty dimension, and layers that shrink a sequence can
 * leave one for those that read it step by step. How long theirs must be, only their author knows.
 */
const STEPPING = ["LSTM", "GRU", "RNN", "Scan", "Loop"];
const SHRINKING = ["Conv", "MaxPool", "AveragePool", "LpPool", "Slice"];

/**
 * The rows that an author gave. Where there are too few, the first ones come again with smaller
 * numbers, which a model that takes the one takes too.
 */
export function toExampleRows(
  slots: readonly TensorSlot[],
  feeds: Readonly<Record<string, Feed>>,
  policy: RowPolicy,
): ExampleRows {
  const fixed = slots.filter((slot) => !hasRows(slot, feeds[slot.name]!, policy));
  const pools = slots
    .filter((slot) => !fixed.includes(slot))
    .map(({ name }) => {
      const feed = feeds[name]!;
      // Rows of other shapes than the first cannot share its run.
      return [
        name,
        Array.isArray(feed) ? (feed as readonly Tensor[])[0]! : (feed as Tensor),
      ] as const;
    });
  const count = Math.min(...pools.map(([, pool]) => pool.dims[0]!));
  return (rows) => ({
    ...Object.fromEntries(fixed.map(({ name }) => [name, feeds[name] as Tensor])),
    ...Object.fromEntries(
      pools.map(([name, pool]) => [name, stackRows(rows.map((row) => toRow(pool, row, count)))]),
    ),
  });
}

function toRow(pool: Tensor, row: number, count: number): Tensor {
  const own = takeRows(pool, [row % count]);
  const round = Math.floor(row / count);
  const { data } = own;
  if (round === 0 || !(data instanceof Float32Array || data instanceof Float64Array)) return own;
  return { ...own, data: data.map((value) => value / (1 + round)) };
}

/**
 * Rows that a model may well take; `undefined` when its declaration says too little. Numbers are small, so that they are valid as codes and tokens too.
 */
export function makeExample(
  slots: readonly TensorSlot[],
  operators: ReadonlySet<string>,
  size: number | null,
): ExampleRows | undefined {
  if (slots.some((slot) => slot.shape.length === 0)) return undefined;
  const rest = slots.map((slot) => slot.shape.slice(1));
  const open = rest.some((shape) => shape.includes(null));
  const has = (names: readonly string[]): boolean => names.some((name) => operators.has(name));
  if (open && has(STEPPING) && has(SHRINKING)) return undefined;
  const dims = rest.map((shape) => shape.map((length) => length ?? FREE_SIZE));
  if (dims.some((shape) => countElements(shape) > MOST_ELEMENTS)) return undefined;
  return (rows) =>
    Object.fromEntries(
      slots.map((slot, k) => {
        const perRow = slot.shape[0] === null || size !== null;
        const own = perRow ? rows : Array.from({ length: slot.shape[0]! }, (_, row) => row);
        return [slot.name, makeTensor(slot, dims[k]!, own)];
      }),
    );
}

function makeTensor(slot: TensorSlot, dims: readonly number[], rows: readonly number[]): Tensor {
  const length = countElements(dims);
  const data = createElements(slot.dtype, rows.length * length);
  const isMask = /mask/i.test(slot.name);
  rows.forEach((row, i) => {
    for (let k = 0; k < length; k += 1) {
      data[i * length + k] = makeElement(
        slot,
        isMask ? 1 : (k * (row + 1) + row) % 2,
        k + row,
      ) as never;
    }
  });
  return { type: slot.dtype, dims: [rows.length, ...dims], data };
}

function makeElement({ dtype }: TensorSlot, bit: number, at: number): unknown {
  switch (dtype) {
    case "float32":
    case "float64":
      // From 0.1 to 0.9; the step has no divisor in common with the usual sizes of a row.
      return (((at * 7) % 17) + 1 + bit) / 20;
    case "int64":
    case "uint64":
      return BigInt(bit);
    case "string":
      return bit === 0 ? "a" : "b";
    default:
      return bit;
  }
}
