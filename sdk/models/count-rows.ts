import { Frame } from "../frame/frame.js";
import { untouchedFrameOf } from "../frame/lazy-data-frame.js";
import { isRecord } from "./table.js";
import { isShaped } from "./tensor-value.js";

/**
 * How many rows a model is given, by what can be seen without reading them; `undefined` where only
 * the model knows, as for a flat list of numbers.
 */
export function countRows(value: unknown): number | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  // First of all: to ask a DataFrame what it is looks for danfojs among all that was loaded.
  const untouched = untouchedFrameOf(value);
  if (untouched !== undefined) return untouched.rowCount;
  if (Array.isArray(value)) return typeof value[0] === "number" ? undefined : value.length;
  if (ArrayBuffer.isView(value)) return firstOf((value as { dims?: unknown }).dims);
  if (value instanceof Frame) return value.rowCount;
  if (isRecord(value)) return isShaped(value) ? value.dims[0] : countRecordRows(value);
  // A DataFrame answers the first without being built, and must not be asked for anything else.
  const { shape } = value as { shape?: unknown };
  if (shape !== undefined) return firstOf(shape);
  return isShaped(value) ? value.dims[0] : undefined;
}

function firstOf(dims: unknown): number | undefined {
  return Array.isArray(dims) && typeof dims[0] === "number" ? dims[0] : undefined;
}

/** A record holds one row, or the inputs of a model by name. */
function countRecordRows(record: Readonly<Record<string, unknown>>): number | undefined {
  let isRow = true;
  for (const value of Object.values(record)) {
    if (typeof value !== "object" || value === null) continue;
    isRow = false;
    const rows = countRows(value);
    if (rows !== undefined) return rows;
  }
  return isRow ? 1 : undefined;
}
