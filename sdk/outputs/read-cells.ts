import type { ColumnKind } from "../frame/column.js";
import { readNumberText } from "../tables/number-text.js";
import type { SourceTable } from "../tables/table-source.js";
import { SINGLE_COLUMN, type OutputTable } from "./output-columns.js";
import { printJson } from "./print-json.js";

/**
 * The outputs of a table that was read, said as JSON says them: dates are ISO 8601 text, and integers
 * numbers while that is exact. What is missing is `null`; without a schema a cell of CSV is text.
 */
export function readCells(source: SourceTable, promised: OutputTable | undefined): unknown[] {
  const kinds = new Map(promised?.columns.map(({ name, kind }) => [name, kind]));
  const columns = source.columns.map(({ name, values }) => {
    const kind = kinds.get(name);
    const readText = kind === undefined ? undefined : readers[kind];
    const read = source.text === true || kind === "json" ? readText : undefined;
    return Array.from(values, (cell) => {
      if (typeof cell === "string") return read === undefined ? cell : read(cell);
      return typeof cell === "number" ? cell : (JSON.parse(printJson(cell)) as unknown);
    });
  });
  const names = source.columns.map(({ name }) => name);
  const isSingle = promised?.isSingle ?? (names.length === 1 && names[0] === SINGLE_COLUMN);
  return Array.from({ length: source.rowCount }, (_, row) =>
    isSingle
      ? columns[0]![row]
      : Object.fromEntries(names.map((name, index) => [name, columns[index]![row]])),
  );
}

const readers: Readonly<Partial<Record<ColumnKind, (text: string) => unknown>>> = {
  float64: (text) => readNumberText(text) ?? text,
  int: (text) => readNumberText(text) ?? text,
  bigint: readInteger,
  boolean: (text) => (text === "true" ? true : text === "false" ? false : text),
  json: readJson,
};

/** As in JSON: a number while that is exact. */
function readInteger(text: string): unknown {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** A nested value is JSON text; any other text is itself. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
