/**
 * A column as a file format brought it, before a schema was asked. A cell is a number, bigint,
 * string, boolean, Date, plain array or object, `null`, or `undefined` when it was not sent at all;
 * a column in which nothing is missing may be a typed array, which is for reading only.
 */
export interface SourceColumn {
  readonly name: string;
  readonly values: ArrayLike<unknown>;
}

/** Columns of one length with different names, in the order of the file. */
export interface SourceTable {
  readonly rowCount: number;
  readonly columns: readonly SourceColumn[];
  /** The cells are text, still to be read by the type of their column. */
  readonly text?: boolean;
}
