import { printJson } from "./print-json.js";

export interface PrintedColumns {
  /** The names as JSON text with a colon. */
  readonly keys: readonly string[];
  readonly cells: readonly ArrayLike<unknown>[];
}

/**
 * The JSON text of rows `start` up to, without, `end` of a table, one object each: the same text as
 * of the objects themselves, so a cell that is `undefined` has no key.
 */
export function printRecords(
  { keys, cells }: PrintedColumns,
  [start, end]: readonly [number, number],
  separator: string,
): string {
  let text = "";
  for (let row = start; row < end; row++) {
    text += row > start ? `${separator}{` : "{";
    let isFirst = true;
    for (let column = 0; column < keys.length; column++) {
      const value = cells[column]![row];
      if (value === undefined) continue;
      text += (isFirst ? "" : ",") + keys[column]! + printCell(value);
      isFirst = false;
    }
    text += "}";
  }
  return text;
}

export function toKeys(names: readonly string[]): string[] {
  return names.map((name) => `${JSON.stringify(name)}:`);
}

/** Numbers are most of what is printed. */
function printCell(value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  return printJson(value);
}
