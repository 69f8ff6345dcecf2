import { EkibenError } from "../core/errors.js";

/** A table to be written: its columns, each with one value a row, `undefined` as `null`. */
export interface TableColumns {
  readonly rowCount: number;
  /** The names of the columns, each once. */
  readonly names: readonly string[];
  readonly columns: readonly ArrayLike<unknown>[];
}

/** The JSON text of one value; a writer is given one, so that all formats say a value alike. */
export type PrintValue = (value: unknown) => string;

/**
 * The columns of rows: every key that a row has, in the order in which they first appear.
 * @throws OUTPUT_INVALID for a row that is no object.
 */
export function toTableColumns(rows: readonly unknown[]): TableColumns {
  const rowCount = rows.length;
  const columns = new Map<string, unknown[]>();
  for (let row = 0; row < rowCount; row++) {
    const record = rows[row];
    if (!isRecord(record)) throw refuseRow(record, row);
    for (const name of Object.keys(record)) {
      let column = columns.get(name);
      if (column === undefined) {
        column = Array.from<unknown>({ length: rowCount }).fill(undefined);
        columns.set(name, column);
      }
      column[row] = record[name];
    }
  }
  return { rowCount, names: [...columns.keys()], columns: [...columns.values()] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return false;
  return !NO_RECORDS.some((kind) => value instanceof kind);
}

const NO_RECORDS = [Array, Date, Map, Set, ArrayBuffer] as const;

function refuseRow(value: unknown, row: number): EkibenError {
  const received = describe(value);
  return new EkibenError("OUTPUT_INVALID", {
    detail: `Output ${row} is ${received}, which is no row of a table.`,
    hint: "Return one object with a key for each column, or ask for JSON.",
    expected: "an object with one key a column",
    received,
    issues: [{ message: "no row of a table", row, received }],
  });
}

function describe(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = (value.constructor as { name?: string } | undefined)?.name ?? "object";
  return /^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`;
}
