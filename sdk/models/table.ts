import type { DataFrame } from "danfojs-node";
import { readCell, type Column } from "../frame/column.js";
import type { Frame } from "../frame/frame.js";
import { frameOf } from "../frame/lazy-data-frame.js";
import type { NumberTable } from "../frame/number-table.js";

/** What holds columns by name. */
export type TabularValue = DataFrame | Frame;

/** A table as models see it: cells by the name of their column, `null` where one is missing. */
export interface Table {
  readonly rows: number;
  readonly names: readonly string[];
  /** All of it, where it is numbers row after row. */
  readonly numbers?: NumberTable | undefined;
  /** The cells of a column, `undefined` when there is none; `position` is where it may well be. */
  cells(name: string, position?: number): ArrayLike<unknown> | undefined;
}

/** A table from a list of plain objects; a key that an object lacks is a missing cell. */
export function fromRecords(records: readonly Readonly<Record<string, unknown>>[]): Table {
  const names = new Set<string>();
  for (const record of records) for (const name of Object.keys(record)) names.add(name);
  return {
    rows: records.length,
    names: [...names],
    cells: (name) => (names.has(name) ? records.map((record) => record[name] ?? null) : undefined),
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (value === null || typeof value !== "object") return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The table of a frame or DataFrame, `undefined` for other values; it copies no numbers. */
export function toTable(value: unknown): Table | undefined {
  const frame = frameOf(value);
  if (frame === undefined) return undefined;
  return {
    rows: frame.rowCount,
    names: frame.names,
    numbers: frame.numbers,
    cells(name, position = -1) {
      // Frames index their names at the first question: most tables are in the right order.
      const inPlace = frame.names[position] === name;
      const column = inPlace ? frame.columns[position] : frame.column(name);
      return column === undefined ? undefined : toCells(column);
    },
  };
}

function toCells(column: Column): ArrayLike<unknown> {
  switch (column.kind) {
    case "float64":
    case "int":
    case "string":
    case "json":
      return column.values;
    case "date":
      // A model takes no dates: as milliseconds they would pass for numbers that it knows.
      return readCells(column);
    default:
      return column.missing?.some((mark) => mark !== 0) ? readCells(column) : column.values;
  }
}

function readCells(column: Column): unknown[] {
  return Array.from({ length: column.values.length }, (_, row) => readCell(column, row) ?? null);
}
