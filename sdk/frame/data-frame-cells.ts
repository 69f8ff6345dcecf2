import type { Column } from "./column.js";
import type { Frame } from "./frame.js";

/** The dtypes of danfojs. */
export type Dtype = "float32" | "int32" | "string" | "boolean";

/**
 * The dtype that a column has in danfojs. A column of integers that may be missing is `float32`: the
 * dtype `int32` cannot say NaN. Dates, bigints and nested values are text there: with values of
 * their own types `describe()` throws, and a column of bigints cannot be read at all.
 */
export function toDtype(column: Column): Dtype {
  switch (column.kind) {
    case "float64":
      return "float32";
    case "int":
      return column.missing === undefined ? "int32" : "float32";
    case "boolean":
      return "boolean";
    default:
      return "string";
  }
}

/**
 * The rows that danfojs keeps, made anew, so that changing them leaves the frame as it is. A missing
 * number is NaN (danfojs counts `null` as a value and adds it up as 0), any other missing value
 * `null` (a Series cannot begin with `undefined`).
 */
export function toDataFrameRows(frame: Frame): unknown[][] {
  const { columns, rowCount } = frame;
  const rows: unknown[][] = [];
  for (let row = 0; row < rowCount; row++) rows.push(new Array(columns.length));
  for (let at = 0; at < columns.length; at++) fillColumn(rows, at, columns[at]!);
  return rows;
}

/** One loop a kind, so that each sees one kind of array. */
function fillColumn(rows: unknown[][], at: number, column: Column): void {
  const { missing } = column;
  switch (column.kind) {
    case "float64":
    case "int": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) rows[row]![at] = values[row];
      return;
    }
    case "boolean": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) {
        rows[row]![at] = missing !== undefined && missing[row] !== 0 ? null : values[row] === 1;
      }
      return;
    }
    case "string": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) rows[row]![at] = values[row];
      return;
    }
    case "bigint": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) {
        rows[row]![at] = missing !== undefined && missing[row] !== 0 ? null : String(values[row]);
      }
      return;
    }
    case "date": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) {
        const time = values[row]!;
        rows[row]![at] = Number.isNaN(time) ? null : new Date(time).toISOString();
      }
      return;
    }
    case "json": {
      const { values } = column;
      for (let row = 0; row < rows.length; row++) rows[row]![at] = toFlatCell(values[row]);
    }
  }
}

function toFlatCell(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "bigint") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "object") return JSON.stringify(value, printBigInt);
  return value;
}

function printBigInt(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
