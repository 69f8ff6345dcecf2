import { EkibenError } from "../core/errors.js";
import { readCell, type Column } from "../frame/column.js";
import { frameOf } from "../frame/lazy-data-frame.js";
import { countElements, isTypedArray } from "../tensor/tensor.js";
import type { OutputSlice, ShapedElements } from "./output.js";
import { toKeys } from "./print-records.js";
import { findShaped } from "./shaped.js";
import { ArraySlice, ColumnSlice, TensorSlice } from "./output-slice.js";

/** The outputs of a batch: one an item, in order, whatever form the handler gave them. */
export interface OutputBatch {
  readonly count: number;
  /** The outputs from `start` up to, without, `end`. */
  slice(start: number, end: number): OutputSlice;
}

/**
 * Reads what a handler returned for `expected` items.
 * @throws OUTPUT_COUNT_MISMATCH with both numbers.
 */
export function toOutputBatch(api: string, returned: unknown, expected: number): OutputBatch {
  const outputs = readOutputs(returned, expected);
  if (outputs === undefined) {
    throw new EkibenError("OUTPUT_COUNT_MISMATCH", {
      detail: `The handler of "${api}" returned ${describe(returned)} for ${expected} ${items(expected)}.`,
      hint: "Return one output an item: an array, a DataFrame, or an object with one column a key.",
      expected,
      received: describe(returned),
    });
  }
  if (outputs.count !== expected) {
    throw new EkibenError("OUTPUT_COUNT_MISMATCH", {
      detail: `The handler of "${api}" returned ${outputs.count} ${outputs.count === 1 ? "output" : "outputs"} for ${expected} ${items(expected)}.`,
      hint: "Return exactly one output for each item of the batch, in the same order.",
      expected,
      received: outputs.count,
    });
  }
  return outputs;
}

/**
 * Reads what a handler returned for its only item; `rejected` when it has rejected that.
 * @throws OUTPUT_COUNT_MISMATCH when it returned nothing.
 */
export function toSingleOutput(api: string, returned: unknown, rejected: boolean): OutputBatch {
  if (returned === undefined && !rejected) {
    throw new EkibenError("OUTPUT_COUNT_MISMATCH", {
      detail: `The handler of "${api}" returned nothing.`,
      hint: "Return the output, or null if there is none.",
      expected: 1,
      received: "nothing",
    });
  }
  return { count: 1, slice: () => new ArraySlice([returned], 0, 1) };
}

function items(count: number): string {
  return count === 1 ? "item" : "items";
}

/**
 * What a handler returned as single outputs, or `undefined` when it is no such thing. `expected` tells
 * an object of the two columns `data` and `dims` from a tensor.
 */
export function readOutputs(returned: unknown, expected?: number): OutputBatch | undefined {
  if (returned === null || typeof returned !== "object") return undefined;
  // First of all: to ask a DataFrame for anything else would load danfojs.
  const frame = frameOf(returned);
  if (frame !== undefined)
    return fromCells(frame.names, frame.columns.map(toCells), frame.rowCount);
  const tensor = readTensor(returned);
  if (Array.isArray(returned))
    return tensor === undefined ? fromArray(returned) : fromTensor(tensor);
  if (tensor === undefined) return ArrayBuffer.isView(returned) ? undefined : fromColumns(returned);
  const columns = isTypedArray(returned) ? undefined : fromColumns(returned);
  // An object of the two columns `data` and `dims` is read as such wherever it can be.
  return columns !== undefined && columns.count === expected
    ? withTensor(columns, tensor)
    : fromTensor(tensor);
}

function fromArray(outputs: readonly unknown[]): OutputBatch {
  return {
    count: outputs.length,
    slice: (start, end) => new ArraySlice(outputs, start, end),
  };
}

function fromTensor(tensor: ShapedElements): OutputBatch {
  return {
    count: tensor.dims[0]!,
    slice: (start, end) => new TensorSlice(tensor, start, end),
  };
}

/** A tensor with a first dimension whose elements are as many as its dimensions say. */
function readTensor(value: object): ShapedElements | undefined {
  const shaped = findShaped(value);
  if (shaped === undefined || shaped.dims.length === 0) return undefined;
  return countElements(shaped.dims) === shaped.data.length ? shaped : undefined;
}

function withTensor(columns: OutputBatch, tensor: ShapedElements): OutputBatch {
  return {
    count: columns.count,
    slice(start, end) {
      const slice = columns.slice(start, end);
      const shaped = new TensorSlice(tensor, start, end);
      return Object.assign(slice, { tensor: () => shaped.tensor() });
    },
  };
}

/** An object of columns of one length; printed without making the rows. */
function fromColumns(columns: object): OutputBatch | undefined {
  const entries = Object.entries(columns);
  const lengths = entries.map(([, column]) => columnLength(column));
  const count = lengths[0];
  if (count === undefined || lengths.some((length) => length !== count)) return undefined;
  return fromCells(
    entries.map(([key]) => key),
    entries.map(([, column]) => toColumnRows(column as ArrayLike<unknown>, count)),
    count,
  );
}

function fromCells(
  names: readonly string[],
  cells: readonly ArrayLike<unknown>[],
  count: number,
): OutputBatch {
  const keys = toKeys(names);
  return {
    count,
    slice: (start, end) => new ColumnSlice({ names, keys, cells }, start, end),
  };
}

/** A column of a frame as the cells that its records would have. */
function toCells(column: Column): ArrayLike<unknown> {
  const { kind, values } = column;
  if (column.missing === undefined && kind !== "boolean" && kind !== "date") return values;
  return Array.from({ length: values.length }, (_, row) => readCell(column, row));
}

function columnLength(column: unknown): number | undefined {
  if (!Array.isArray(column) && !isTypedArray(column)) return undefined;
  const { dims } = column as Partial<ShapedElements>;
  return Array.isArray(dims) ? (dims[0] as number) : column.length;
}

/** A tensor of several elements a row is a column of arrays. */
function toColumnRows(column: ArrayLike<unknown>, count: number): ArrayLike<unknown> {
  if (column.length === count) return column;
  const { dims } = column as unknown as ShapedElements;
  return new TensorSlice({ data: column, dims }, 0, count).values();
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (typeof value !== "object") return `a ${typeof value}`;
  const lengths = Object.entries(value).map(
    ([key, column]) => `${key}: ${columnLength(column) ?? "no column"}`,
  );
  return `an object that is no table (${lengths.slice(0, 5).join(", ")})`;
}
