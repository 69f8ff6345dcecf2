import type { OutputHints } from "../outputs/output.js";

/** The rows of a table in JSON, whichever its orient; without names they stay arrays. */
export function readTable(value: unknown, { orient, columns = [] }: OutputHints): unknown {
  switch (orient) {
    case "values":
      return columns.length === 0 || !isLists(value)
        ? value
        : value.map((cells) => toRow(columns, cells));
    case "split": {
      const { columns: names, data } = (value ?? {}) as { columns?: string[]; data?: unknown };
      return Array.isArray(names) && isLists(data)
        ? data.map((cells) => toRow(names, cells))
        : value;
    }
    case "index":
      return isObject(value) ? Object.values(value) : value;
    case "columns": {
      if (!isObject(value)) return value;
      const rows: Record<string, unknown>[] = [];
      for (const [name, cells] of Object.entries(value)) {
        Object.values(cells as object).forEach((cell, at) => define((rows[at] ??= {}), name, cell));
      }
      return rows;
    }
    default:
      return value;
  }
}

function toRow(names: readonly string[], cells: readonly unknown[]): object {
  const row = {};
  names.forEach((name, at) => define(row, name, cells[at]));
  return row;
}

/** A column may be called `__proto__`. */
function define(row: object, name: string, value: unknown): void {
  Object.defineProperty(row, name, { value, enumerable: true, writable: true, configurable: true });
}

function isLists(value: unknown): value is unknown[][] {
  return Array.isArray(value) && value.every(Array.isArray);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
