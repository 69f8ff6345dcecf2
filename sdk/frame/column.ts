/**
 * The kinds of columns. `int` holds integers as doubles, exact up to 2^53; `date` holds milliseconds
 * since 1970; `json` holds anything else that JSON can say.
 */
export type ColumnKind = "float64" | "int" | "bigint" | "boolean" | "string" | "date" | "json";

/** The bytes of a `missing` mask. */
export const IS_NULL = 1;
export const NOT_SENT = 2;

/**
 * One byte a row: 0 a value, 1 `null`, 2 not sent at all. A column has a mask when its schema allows
 * a missing value, whether or not one came. Columns in which nothing is missing may share one.
 */
export type MissingMask = Uint8Array;

/** A missing value is NaN. */
export interface NumberColumn {
  readonly kind: "float64" | "int" | "date";
  readonly values: Float64Array;
  readonly missing?: MissingMask;
}

/** A missing value is 0: read the mask. */
export interface BigIntColumn {
  readonly kind: "bigint";
  readonly values: BigInt64Array;
  readonly missing?: MissingMask;
}

/** 1 is true; a missing value is 0: read the mask. */
export interface BooleanColumn {
  readonly kind: "boolean";
  readonly values: Uint8Array;
  readonly missing?: MissingMask;
}

/** A missing value is `null`. */
export interface StringColumn {
  readonly kind: "string";
  readonly values: readonly (string | null)[];
  readonly missing?: MissingMask;
}

/** A missing value is `null`, one that was not sent `undefined`; there is no mask. */
export interface JsonColumn {
  readonly kind: "json";
  readonly values: readonly unknown[];
  readonly missing?: undefined;
}

export type Column = NumberColumn | BigIntColumn | BooleanColumn | StringColumn | JsonColumn;

/** The value of a cell as it was sent: `null`, and `undefined` when it was not sent at all. */
export function readCell(column: Column, row: number): unknown {
  const missing = column.missing?.[row];
  if (missing === IS_NULL) return null;
  if (missing === NOT_SENT) return undefined;
  switch (column.kind) {
    case "boolean":
      return column.values[row] === 1;
    case "date":
      return new Date(column.values[row]!);
    default:
      return column.values[row];
  }
}

/** The rows from `start` up to, without, `end`; typed values stay views of the same memory. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  if (column.kind === "string" || column.kind === "json") {
    const values = column.values.slice(start, end);
    return withMask({ kind: column.kind, values } as Column, column.missing?.subarray(start, end));
  }
  const values = column.values.subarray(start, end);
  return withMask({ kind: column.kind, values } as Column, column.missing?.subarray(start, end));
}

/** One column of all rows of several columns of the same kind. */
export function concatColumns(columns: readonly Column[]): Column {
  const { kind } = columns[0]!;
  const rows = columns.reduce((sum, column) => sum + column.values.length, 0);
  const missing = concatMasks(columns, rows);
  if (kind === "string" || kind === "json") {
    const values = columns.flatMap((column) => column.values as unknown[]);
    return withMask({ kind, values } as Column, missing);
  }
  const Values = columns[0]!.values.constructor as new (length: number) => Float64Array;
  const values = new Values(rows);
  let at = 0;
  for (const column of columns) {
    values.set(column.values as Float64Array, at);
    at += column.values.length;
  }
  return withMask({ kind, values } as unknown as Column, missing);
}

function concatMasks(columns: readonly Column[], rows: number): MissingMask | undefined {
  if (columns.every((column) => column.missing === undefined)) return undefined;
  const mask = new Uint8Array(rows);
  let at = 0;
  for (const column of columns) {
    if (column.missing !== undefined) mask.set(column.missing, at);
    at += column.values.length;
  }
  return mask;
}

/** The same cells as a `json` column, for columns that have to hold several kinds. */
export function toJsonColumn(column: Column): JsonColumn {
  if (column.kind === "json") return column;
  return {
    kind: "json",
    values: Array.from({ length: column.values.length }, (_, row) => readCell(column, row)),
  };
}

function withMask(column: Column, missing: MissingMask | undefined): Column {
  return missing === undefined ? column : ({ ...column, missing } as Column);
}
