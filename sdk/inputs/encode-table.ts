import { writeOrient, type Orient } from "../tables/orients.js";
import type { TableColumns } from "../tables/table-columns.js";
import { toJsonBytes } from "./json-bytes.js";
import type { SentCell } from "./sent-cell.js";

/** Rows as a caller sends them in JSON. @throws INPUT_INVALID when JSON cannot say a value. */
export function encodeTable(
  rows: unknown,
  orient: Orient | undefined,
  cells: readonly SentCell[],
): Uint8Array {
  const table = orient === undefined || orient === "records" ? undefined : toSentTable(rows, cells);
  // What is no list of rows is sent as it is: reading it says what is wrong.
  if (table === undefined) return toJsonBytes(rows);
  if (orient === "index") return toJsonBytes(Object.fromEntries((rows as unknown[]).entries()));
  if (orient === "values") {
    const known = pickColumns(table, cells);
    return Buffer.from(writeOrient(known, orient, printJson), "utf8");
  }
  return Buffer.from(writeOrient(table, orient!, printJson), "utf8");
}

/** JSON text of a value as `toJsonBytes` writes it. */
export function printJson(value: unknown): string {
  return Buffer.from(toJsonBytes(value)).toString("utf8");
}

/** The columns that rows have, those of the schema first, in its order; `undefined` for other values. */
export function toSentTable(rows: unknown, cells: readonly SentCell[]): TableColumns | undefined {
  if (!Array.isArray(rows) || !rows.every(isRow)) return undefined;
  const keys = new Set(rows.flatMap((row) => Object.keys(row)));
  const known = cells.map(({ name }) => name);
  // A table without rows still has its columns.
  const names =
    rows.length === 0 ? known : [...new Set([...known.filter((name) => keys.has(name)), ...keys])];
  return { rowCount: rows.length, names, columns: names.map((name) => pick(rows, name)) };
}

function pickColumns(table: TableColumns, cells: readonly SentCell[]): TableColumns {
  const { rowCount } = table;
  const empty = { length: rowCount };
  const found = new Map(table.names.map((name, at) => [name, table.columns[at]!]));
  return {
    rowCount,
    names: cells.map(({ name }) => name),
    columns: cells.map(({ name }) => found.get(name) ?? Array.from(empty, () => null)),
  };
}

function pick(rows: readonly Record<string, unknown>[], name: string): unknown[] {
  return rows.map((row) => (Object.hasOwn(row, name) ? row[name] : undefined));
}

function isRow(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
