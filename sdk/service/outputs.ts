import { EkibenError } from "../core/errors.js";
import { frameOf } from "../frame/lazy-data-frame.js";
import { printJson } from "./print-json.js";

/** The outputs of a batch: one an item, in order, whatever form the handler gave them. */
export interface OutputBatch {
  readonly count: number;
  /** The JSON text of the outputs from `start` up to, without, `end`, as an array. */
  print(start: number, end: number): string;
  /** The single outputs, for checks. */
  values(start: number, end: number): unknown[];
}

/**
 * Reads what a handler returned for `expected` items.
 * @throws OUTPUT_COUNT_MISMATCH with both numbers.
 */
export function toOutputBatch(api: string, returned: unknown, expected: number): OutputBatch {
  const outputs = readOutputs(returned);
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

function items(count: number): string {
  return count === 1 ? "item" : "items";
}

function readOutputs(returned: unknown): OutputBatch | undefined {
  if (Array.isArray(returned)) return fromArray(returned);
  if (returned === null || typeof returned !== "object") return undefined;
  if (ArrayBuffer.isView(returned)) return fromTypedArray(returned);
  const frame = frameOf(returned);
  if (frame !== undefined) return fromArray(frame.toRecords());
  return fromColumns(returned as Record<string, unknown>);
}

function fromArray(outputs: readonly unknown[]): OutputBatch {
  return {
    count: outputs.length,
    print: (start, end) =>
      printJson(start === 0 && end === outputs.length ? outputs : outputs.slice(start, end)),
    values: (start, end) => outputs.slice(start, end),
  };
}

interface Rows {
  readonly dims: readonly number[];
  row(index: number): ArrayLike<unknown>;
}

/** A typed array is one number an item, or one row an item when it says that it has rows. */
function fromTypedArray(view: ArrayBufferView): OutputBatch | undefined {
  if (view instanceof DataView) return undefined;
  const flat = view as unknown as ArrayLike<unknown>;
  const { dims, row } = view as Partial<Rows>;
  if (dims !== undefined && row !== undefined && dims.length > 1) {
    return fromArray(
      Array.from({ length: dims[0]! }, (_, index) => Array.from(row.call(view, index))),
    );
  }
  return fromArray(Array.from(flat));
}

/** An object of columns of one length; printed without making the rows. */
function fromColumns(columns: Record<string, unknown>): OutputBatch | undefined {
  const entries = Object.entries(columns);
  const lengths = entries.map(([, column]) => columnLength(column));
  const count = lengths[0];
  if (count === undefined || lengths.some((length) => length !== count)) return undefined;
  const cells = entries.map(([, column]) => column as ArrayLike<unknown>);
  const keys = entries.map(([key], index) => `${index === 0 ? "{" : ","}${JSON.stringify(key)}:`);
  return {
    count,
    print(start, end) {
      let text = "[";
      for (let row = start; row < end; row++) {
        if (row > start) text += ",";
        for (let column = 0; column < cells.length; column++) {
          text += keys[column]! + printCell(cells[column]![row]);
        }
        text += "}";
      }
      return `${text}]`;
    },
    values: (start, end) =>
      Array.from({ length: end - start }, (_, offset) =>
        Object.fromEntries(entries.map(([key], column) => [key, cells[column]![start + offset]])),
      ),
  };
}

function columnLength(column: unknown): number | undefined {
  if (Array.isArray(column)) return column.length;
  if (ArrayBuffer.isView(column) && !(column instanceof DataView)) {
    return (column as unknown as ArrayLike<unknown>).length;
  }
  return undefined;
}

function printCell(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  return printJson(value);
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
