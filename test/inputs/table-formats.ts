import * as arrow from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { RequestBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { printJson } from "./tables.js";

/** Rows as JSON says them; what is not sent has no key. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A body with its content type. */
export function toBody(bytes: Uint8Array | string, contentType = "application/json"): RequestBody {
  return { bytes: Buffer.from(bytes as string), ...parseMediaType(contentType) };
}

/** The columns of rows, `null` where a row does not have one. */
function cellsOf(rows: Rows, name: string): unknown[] {
  return rows.map((row) => (Object.hasOwn(row, name) ? row[name] : null));
}

function entriesText(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

type Label = (row: number) => string;

/** Writes rows in one orient of pandas; `label` names the rows. */
export const ORIENT_WRITERS = {
  records: (rows: Rows, _names: readonly string[] = []) => printJson(rows),
  columns: (rows: Rows, names: readonly string[], label: Label = String) =>
    entriesText(
      names.map((name) => [
        name,
        entriesText(cellsOf(rows, name).map((cell, row) => [label(row), printJson(cell)])),
      ]),
    ),
  lists: (rows: Rows, names: readonly string[]) =>
    entriesText(names.map((name) => [name, printJson(cellsOf(rows, name))])),
  values: (rows: Rows, names: readonly string[]) =>
    printJson(rows.map((_, row) => names.map((name) => cellsOf(rows, name)[row]))),
  split: (rows: Rows, names: readonly string[], label: Label = String) =>
    entriesText([
      ["columns", printJson(names)],
      ["index", printJson(rows.map((_, row) => label(row)))],
      ["data", printJson(rows.map((_, row) => names.map((name) => cellsOf(rows, name)[row])))],
    ]),
  index: (rows: Rows, _names: readonly string[], label: Label = String) =>
    entriesText(rows.map((row, at) => [label(at), printJson(row)])),
} as const;

export function writeCsvText(rows: Rows, names: readonly string[], delimiter = ","): string {
  const field = (value: unknown): string => {
    if (value === null) return "";
    const text = typeof value === "string" ? value : printJson(value);
    return `"${text.replaceAll('"', '""')}"`;
  };
  const lines = [names, ...rows.map((_, row) => names.map((name) => cellsOf(rows, name)[row]))];
  return lines.map((line) => `${line.map(field).join(delimiter)}\n`).join("");
}

/** The types of a column in the formats that have some. */
export interface ColumnFormat {
  arrow: () => arrow.DataType;
  parquet: "DOUBLE" | "INT32" | "INT64" | "STRING" | "BOOLEAN" | "TIMESTAMP";
  /** A value as these formats hold it. */
  native?: (value: unknown) => unknown;
}

export function writeArrow(
  rows: Rows,
  formats: Readonly<Record<string, ColumnFormat>>,
  kind: "stream" | "file",
): Uint8Array {
  const vectors = Object.entries(formats).map(([name, { arrow: type, native }]) => {
    const cells = cellsOf(rows, name).map((cell) =>
      cell === null || native === undefined ? cell : native(cell),
    );
    return [name, arrow.vectorFromArray(cells, type())] as const;
  });
  return arrow.tableToIPC(new arrow.Table(Object.fromEntries(vectors)), kind);
}

export function writeParquet(
  rows: Rows,
  formats: Readonly<Record<string, ColumnFormat>>,
): Uint8Array {
  const columnData = Object.entries(formats).map(([name, { parquet, native }]) => ({
    name,
    type: parquet,
    data: cellsOf(rows, name).map((cell) =>
      cell === null || native === undefined ? cell : native(cell),
    ),
  }));
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
