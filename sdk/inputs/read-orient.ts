import { EkibenError, type ErrorFacts, type Issue } from "../core/errors.js";
import type { SentColumns } from "./column-reader.js";
import { findOrient, isObject, type OrientOptions } from "./find-orient.js";
import { describeValue, shortName } from "./findings.js";
import { findLabels } from "./label-order.js";
import { readNames } from "./split-names.js";

/** A table as JSON said it: by rows, or by columns. */
export type SentTable = { rows: unknown[] } | SentColumns;

/**
 * Reads a table in JSON in any of the orients of pandas. `bytes` is where the value came from:
 * it tells the order of rows whose labels are integers, which objects of JavaScript do not keep.
 * @throws INPUT_INVALID
 */
export function readOrient(value: unknown, options: OrientOptions, bytes?: Uint8Array): SentTable {
  const { orient, inner, path } = findOrient(value, options);
  switch (orient) {
    case "records":
      return { rows: inner as unknown[] };
    case "values":
      return readValues(inner as unknown[], options.names);
    case "split":
      return readSplit(inner as SplitTable);
    case "columns":
      return readColumns(inner as Record<string, unknown>, path, bytes);
    case "index": {
      const rows = inner as Record<string, unknown>;
      return { rows: inOrder(rows, Object.keys(rows), path, bytes).map((label) => rows[label]) };
    }
  }
}

function readValues(data: readonly unknown[], names: readonly string[]): SentColumns {
  return toColumns(data, names, "as the schema has columns");
}

/** A table in the orient `split`. */
interface SplitTable {
  columns: unknown[];
  index?: unknown[];
  data: unknown[];
}

function readSplit({ columns, index, data }: SplitTable): SentColumns {
  const names = readNames(columns);
  if (index !== undefined && index.length !== data.length) {
    throw invalid({
      detail: `The index has ${index.length} labels, data has ${data.length} rows.`,
      hint: "Send one label a row, or leave the index out.",
      expected: data.length,
      received: index.length,
    });
  }
  return toColumns(data, names, "as columns has names");
}

/** The columns of rows that are arrays. */
function toColumns(data: readonly unknown[], names: readonly string[], why: string): SentColumns {
  const width = names.length;
  const columns = names.map((): unknown[] => []);
  for (let row = 0; row < data.length; row++) {
    const cells = data[row];
    if (!Array.isArray(cells) || cells.length !== width) throw refuseRow(row, cells, width, why);
    for (let at = 0; at < width; at++) columns[at]!.push(cells[at]);
  }
  return { rowCount: data.length, columns: new Map(names.map((name, at) => [name, columns[at]!])) };
}

function refuseRow(row: number, cells: unknown, width: number, why: string): EkibenError {
  const received = describeValue(cells);
  const expected = `array of ${width}`;
  const issue: Issue = {
    row,
    message: `expected ${expected}, received ${received}`,
    expected,
    received,
  };
  return invalid({
    detail: `Row ${row} is not valid: expected ${expected}, ${why}, received ${received}.`,
    expected,
    received,
    issues: [issue],
  });
}

function readColumns(
  table: Readonly<Record<string, unknown>>,
  path: readonly string[],
  bytes: Uint8Array | undefined,
): SentColumns {
  const names = Object.keys(table);
  const [first] = names;
  if (first === undefined) return { rowCount: 0, columns: new Map() };
  return Array.isArray(table[first])
    ? readLists(table, names)
    : readLabelled(table, names, path, bytes);
}

/** Columns as lists: no orient of pandas, but what `DataFrame.to_dict("list")` gives. */
function readLists(table: Readonly<Record<string, unknown>>, names: string[]): SentColumns {
  const columns = new Map<string, unknown[]>();
  const rowCount = (table[names[0]!] as unknown[]).length;
  for (const name of names) {
    const values = table[name];
    if (!Array.isArray(values) || values.length !== rowCount) {
      throw refuseColumn(name, `array of ${rowCount}`, describeValue(values), names[0]!);
    }
    columns.set(name, values);
  }
  return { rowCount, columns };
}

/** Columns as objects, one property a row under the label of the row. */
function readLabelled(
  table: Readonly<Record<string, unknown>>,
  names: string[],
  path: readonly string[],
  bytes: Uint8Array | undefined,
): SentColumns {
  const first = table[names[0]!] as Record<string, unknown>;
  const sorted = Object.keys(first);
  const labels = inOrder(first, sorted, [...path, names[0]!], bytes);
  const rows = {
    labels,
    counted: labels.every((label, at) => label === String(at)),
    first: names[0]!,
  };
  const columns = new Map<string, unknown[]>();
  for (const name of names) {
    const cells = table[name];
    if (!isObject(cells)) {
      throw refuseColumn(
        name,
        `object of ${labels.length} labels`,
        describeValue(cells),
        names[0]!,
      );
    }
    columns.set(name, readCells(cells, name, rows));
  }
  return { rowCount: labels.length, columns };
}

/** The rows that the first column has. */
interface LabelledRows {
  labels: readonly string[];
  /** Whether the labels count the rows from 0. */
  counted: boolean;
  first: string;
}

function readCells(
  cells: Readonly<Record<string, unknown>>,
  name: string,
  { labels, counted, first }: LabelledRows,
): unknown[] {
  // Objects list integer labels in order, so that labels 0, 1, 2 … need not be looked up.
  const inside = Object.values(cells);
  if (counted && inside.length === labels.length && hasAll(cells, labels.length)) return inside;
  const values: unknown[] = [];
  for (const label of labels) {
    if (!Object.hasOwn(cells, label)) throw refuseLabels(name, first, label, "is missing in");
    values.push(cells[label]);
  }
  if (inside.length !== labels.length) {
    const known = new Set(labels);
    const other = Object.keys(cells).find((label) => !known.has(label))!;
    throw refuseLabels(name, first, other, "is only in");
  }
  return values;
}

/** Whether there are the labels from 0 up to, without, `count`. */
function hasAll(cells: Readonly<Record<number, unknown>>, count: number): boolean {
  for (let at = 0; at < count; at++) if (cells[at] === undefined) return false;
  return true;
}

function refuseColumn(
  name: string,
  expected: string,
  received: string,
  first: string,
): EkibenError {
  const column = shortName(name);
  const message = `expected ${expected} as in column ${JSON.stringify(shortName(first))}, received ${received}`;
  return invalid({
    detail: `The columns do not have the same rows: column ${JSON.stringify(column)}: ${message}.`,
    expected,
    received,
    issues: [{ column, message, expected, received }],
  });
}

function refuseLabels(name: string, first: string, label: string, problem: string): EkibenError {
  const column = shortName(name);
  const labelled = JSON.stringify(shortName(label));
  return invalid({
    detail: `The columns ${JSON.stringify(shortName(first))} and ${JSON.stringify(column)} do not have the same row labels: ${labelled} ${problem} column ${JSON.stringify(column)}.`,
    hint: "Send the same rows in each column.",
    issues: [{ column, message: `the row labelled ${labelled} ${problem} this column` }],
  });
}

/** What JavaScript takes for the index of an array, and puts before all other keys. */
const INTEGER = /^(?:0|[1-9]\d{0,9})$/;

/** The labels of an object in the order in which they were sent. */
function inOrder(
  object: object,
  labels: string[],
  path: readonly string[],
  bytes: Uint8Array | undefined,
): string[] {
  if (bytes === undefined || labels.length < 2 || !INTEGER.test(labels[0]!)) return labels;
  const sent = findLabels(bytes, path);
  return sent.length === labels.length && sent.every((label) => Object.hasOwn(object, label))
    ? sent
    : labels;
}

function invalid(facts: ErrorFacts): EkibenError {
  return new EkibenError("INPUT_INVALID", facts);
}
