import { EkibenError } from "../core/errors.js";

/** More columns than this are taken for a mistake or an attack. */
export const MOST_COLUMNS = 10_000;

/**
 * How many cells a body of so many bytes may hold. A compressed format says a million equal cells in
 * a few bytes, so the size of a body alone does not bound the memory that its table takes.
 */
export function mostCells(byteLength: number): number {
  return 4_000_000 + byteLength;
}

/** @throws INPUT_INVALID when a table has more cells than a body of this size may hold. */
export function checkCells(rows: number, columns: number, byteLength: number): void {
  checkColumns(columns);
  const most = mostCells(byteLength);
  // Rows without columns are still looked at one by one.
  if (rows * Math.max(columns, 1) <= most) return;
  throw new EkibenError("INPUT_INVALID", {
    detail: `The table has ${rows} rows of ${columns} columns, which is more than a body of ${byteLength} bytes may hold.`,
    hint: "Send fewer rows at once.",
    expected: `at most ${most} cells`,
    received: `${rows} rows of ${columns} columns`,
  });
}

/** @throws INPUT_INVALID */
export function checkColumns(columns: number): void {
  if (columns <= MOST_COLUMNS) return;
  throw new EkibenError("INPUT_INVALID", {
    detail: `The table has more than ${MOST_COLUMNS} columns.`,
    hint: "Send only the columns that the schema names.",
    expected: `at most ${MOST_COLUMNS} columns`,
    received: columns,
  });
}
