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

function withMask(column: Column, missing: MissingMask | undefined): Column {
  return missing === undefined ? column : ({ ...column, missing } as Column);
}
