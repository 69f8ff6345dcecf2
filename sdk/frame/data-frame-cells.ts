import type { Column } from "./column.js";
import type { Frame } from "./frame.js";

/** The dtypes of danfojs. */
export type Dtype = "float32" | "int32" | "string" | "boolean";

type Cells = ArrayLike<unknown>;
type RowMaker = (columns: readonly Cells[], rowCount: number) => unknown[][];

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
  return createRowMaker(frame.columns.length)(frame.columns.map(toCells), frame.rowCount);
}

/** What is in a column by row, as danfojs holds it. */
function toCells(column: Column): Cells {
  switch (column.kind) {
    case "float64":
    case "int":
    case "string":
      return column.values;
    case "boolean":
      return mapPresent(column, (value: number) => value === 1);
    case "bigint":
      return mapPresent(column, (value: bigint) => String(value));
    case "date":
      return mapPresent(column, (value: number) =>
        Number.isNaN(value) ? null : new Date(value).toISOString(),
      );
    case "json":
      return column.values.map(toFlatCell);
  }
}

function mapPresent<Value>(column: Column, print: (value: Value) => unknown): unknown[] {
  const { missing, values } = column;
  return Array.from(values as ArrayLike<Value>, (value, row) =>
    missing !== undefined && missing[row] !== 0 ? null : print(value),
  );
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

const makers = new Map<number, RowMaker>();
/** Code for more columns than this is slower to make than it saves. */
const MOST_COLUMNS = 512;

/**
 * A function that makes the rows of a number of columns. As generated code with one array literal a
 * row it is ten times as fast as a loop over the columns.
 */
function createRowMaker(columns: number): RowMaker {
  if (columns > MOST_COLUMNS) return makeRows;
  let maker = makers.get(columns);
  if (maker === undefined) {
    maker = compileRowMaker(columns) ?? makeRows;
    makers.set(columns, maker);
  }
  return maker;
}

function compileRowMaker(columns: number): RowMaker | undefined {
  const names = Array.from({ length: columns }, (_, at) => `c${at}`);
  const body = `
    const [${names.join(", ")}] = columns;
    const rows = [];
    for (let row = 0; row < rowCount; row++) rows.push([${names.map((c) => `${c}[row]`).join(", ")}]);
    return rows;`;
  try {
    return new Function("columns", "rowCount", body) as RowMaker;
  } catch {
    // The process runs with --disallow-code-generation-from-strings.
    return undefined;
  }
}

function makeRows(columns: readonly Cells[], rowCount: number): unknown[][] {
  return Array.from({ length: rowCount }, (_, row) => columns.map((cells) => cells[row]));
}
