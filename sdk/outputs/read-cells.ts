import type { ColumnKind } from "../frame/column.js";
import { readNumberText } from "../tables/number-text.js";
import type { SourceTable } from "../tables/table-source.js";
import { SINGLE_COLUMN, type OutputTable } from "./output-columns.js";

/**
 * The outputs of a table that was read, as the schema says them. What is missing is `null`, and
 * without a schema a cell of CSV is text.
 */
export function readCells(source: SourceTable, table: OutputTable | undefined): unknown[] {
  const kinds = new Map(table?.columns.map(({ name, kind }) => [name, kind]));
  const columns = source.columns.map(({ name, values }) => {
    const kind = kinds.get(name);
    const read = source.text === true && kind !== undefined ? readers[kind] : undefined;
    return Array.from(values, (cell) =>
      typeof cell === "string" && read !== undefined ? read(cell) : (cell ?? null),
    );
  });
  const names = source.columns.map(({ name }) => name);
  const isSingle = table?.isSingle ?? (names.length === 1 && names[0] === SINGLE_COLUMN);
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

/** A nested value is JSON text, any other text is itself. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
