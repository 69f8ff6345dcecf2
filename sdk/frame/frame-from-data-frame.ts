import { IS_NULL, type Column, type ColumnKind } from "./column.js";
import { Frame } from "./frame.js";

/** What a danfojs DataFrame keeps, in any of its versions 1.x. */
export interface DataFrameInside {
  readonly $isSeries: false;
  readonly $data: readonly (readonly unknown[])[];
  readonly $columns: readonly (string | number)[];
  readonly $dtypes: readonly string[];
}

/** Known by what it holds: the process may have several copies of the class, or none that we see. */
export function isDataFrame(value: object): value is DataFrameInside {
  const inside = value as Partial<DataFrameInside>;
  return (
    inside.$isSeries === false && Array.isArray(inside.$data) && Array.isArray(inside.$columns)
  );
}

/**
 * The typed columns of a DataFrame as it is now. The kind of a column follows its values, since
 * danfojs's dtypes look at the first rows only. `origin` is the frame that the DataFrame was made
 * of: columns that danfojs holds as text get their own kind again when every text still is one.
 */
export function frameFromDataFrame(data: DataFrameInside, origin?: Frame): Frame {
  const names = data.$columns.map(String);
  const columns = names.map((name, at) => {
    const cells = data.$data.map((row) => row[at]);
    const before = origin?.column(name);
    return (
      (before === undefined ? undefined : restoreColumn(cells, before.kind)) ??
      createColumn(cells, data.$dtypes[at])
    );
  });
  return new Frame(names, columns, data.$data.length);
}

/** The column that values of one type make, a `json` column when they are of several. */
export function createColumn(cells: readonly unknown[], dtype?: string): Column {
  const kind = findKind(cells, dtype);
  if (kind === "json")
    return { kind, values: cells.map((cell) => (isMissing(cell) ? null : cell)) };
  return fill(kind, cells);
}

function isMissing(cell: unknown): boolean {
  return cell === null || cell === undefined || (typeof cell === "number" && Number.isNaN(cell));
}

function findKind(cells: readonly unknown[], dtype: string | undefined): ColumnKind {
  let kind: ColumnKind | undefined;
  for (const cell of cells) {
    if (isMissing(cell)) continue;
    const own = kindOf(cell);
    if (kind !== undefined && kind !== own) return "json";
    kind = own;
  }
  if (kind === undefined) return kindOfDtype(dtype);
  if (kind === "float64" && dtype === "int32" && cells.every(isIntegerOrMissing)) return "int";
  return kind;
}

function kindOf(cell: unknown): ColumnKind {
  switch (typeof cell) {
    case "number":
      return "float64";
    case "boolean":
    case "string":
      return typeof cell as "boolean" | "string";
    case "bigint":
      return BigInt.asIntN(64, cell) === cell ? "bigint" : "json";
    default:
      return cell instanceof Date && !Number.isNaN(cell.getTime()) ? "date" : "json";
  }
}

function kindOfDtype(dtype: string | undefined): ColumnKind {
  if (dtype === "float32" || dtype === "int32") return "float64";
  if (dtype === "string" || dtype === "boolean") return dtype;
  return "json";
}

function isIntegerOrMissing(cell: unknown): boolean {
  return isMissing(cell) || Number.isInteger(cell);
}

function fill(kind: Exclude<ColumnKind, "json">, cells: readonly unknown[]): Column {
  const rows = cells.length;
  let missing: Uint8Array | undefined;
  const miss = (row: number): void => {
    missing ??= new Uint8Array(rows);
    missing[row] = IS_NULL;
  };
  const values =
    kind === "string"
      ? cells.map(() => null)
      : kind === "bigint"
        ? new BigInt64Array(rows)
        : kind === "boolean"
          ? new Uint8Array(rows)
          : new Float64Array(rows).fill(Number.NaN);
  for (let row = 0; row < rows; row++) {
    const cell = cells[row];
    if (isMissing(cell)) miss(row);
    else (values as unknown[])[row] = kind === "date" ? (cell as Date).getTime() : toSlot(cell);
  }
  return { kind, values, ...(missing === undefined ? {} : { missing }) } as Column;
}

function toSlot(cell: unknown): unknown {
  return typeof cell === "boolean" ? Number(cell) : cell;
}

/** `undefined` when the cells are no longer what the frame wrote. */
function restoreColumn(cells: readonly unknown[], kind: ColumnKind): Column | undefined {
  switch (kind) {
    case "int":
      return cells.every(isIntegerOrMissing) ? fill("int", cells) : undefined;
    case "date":
      return restoreAll(cells, kind, (text) => {
        const date = new Date(text);
        return Number.isNaN(date.getTime()) ? undefined : date;
      });
    case "bigint":
      return restoreAll(cells, kind, (text) =>
        /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined,
      );
    case "json":
      return { kind, values: cells.map((cell) => (isMissing(cell) ? null : fromJsonText(cell))) };
    default:
      return undefined;
  }
}

function restoreAll(
  cells: readonly unknown[],
  kind: "date" | "bigint",
  read: (text: string) => unknown,
): Column | undefined {
  const values: unknown[] = [];
  for (const cell of cells) {
    const value = isMissing(cell) ? null : typeof cell === "string" ? read(cell) : undefined;
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values.every((value) => value === null) ? fill(kind, values) : createColumn(values);
}

function fromJsonText(cell: unknown): unknown {
  if (typeof cell !== "string" || !/^[[{]/.test(cell)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}
