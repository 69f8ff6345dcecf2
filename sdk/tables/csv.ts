import { EkibenError } from "../core/errors.js";
import { findDelimiter, readHeader } from "./csv-header.js";
import { readRows, type CsvCell } from "./csv-rows.js";
import { decodeText } from "../core/decode-text.js";
import type { PrintValue, TableColumns } from "./table-columns.js";
import type { SourceTable } from "./table-source.js";

/** What is known of CSV text beside its bytes. */
export interface CsvOptions {
  /** One character. @default the one of comma, semicolon and tab that the first line has most often */
  delimiter?: string;
  /** As in a content type. @default "utf-8" */
  charset?: string;
  /** Unquoted fields that say that a value is missing, besides the empty one. @default [] */
  missing?: readonly string[];
  /** The columns, for a body whose first line is a row already (`header=absent`). */
  names?: readonly string[];
}

/**
 * Reads CSV as RFC 4180 describes it: cells are text, and an empty field that is not quoted is
 * `null`. Lines end in CRLF, LF or CR; blank lines may end the body, and in a table of one column a
 * blank line is a row whose cell is missing.
 * @throws BODY_MALFORMED with line and column for text that is no CSV.
 * @throws INPUT_INVALID for names of columns that are empty or not different.
 * @throws MEDIA_TYPE_UNSUPPORTED for a charset that is not read.
 */
export function readCsv(bytes: Uint8Array, options: CsvOptions = {}): SourceTable {
  const { delimiter: given, charset, missing = [], names: givenNames } = options;
  if (given !== undefined) checkDelimiter(given);
  const text = decodeText(bytes, charset);
  const delimiter = given ?? findDelimiter(text);
  const { names, end } =
    givenNames === undefined ? readHeader(text, delimiter) : { names: givenNames, end: 0 };
  const columns: CsvCell[][] = names.map(() => []);
  const rowCount = readRows({ text, delimiter, names, missing: new Set(missing) }, end, columns);
  return {
    rowCount,
    columns: names.map((name, index) => ({ name, values: columns[index]! })),
    text: true,
  };
}

function checkDelimiter(delimiter: string): void {
  if (delimiter.length === 1 && !'"\r\n'.includes(delimiter)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `${JSON.stringify(delimiter)} cannot delimit the fields of CSV.`,
    expected: "one character that is no quote and ends no line",
    received: JSON.stringify(delimiter),
  });
}

/** What a reader would take for something else, or take away. */
const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;

/**
 * CSV as RFC 4180 describes it: a line with the names, then one a row, each ended by CRLF, as the
 * media type asks for. A missing value, NaN and the infinities are an empty field and an empty text
 * is `""`; numbers are the shortest text of the same double, dates are ISO 8601 in UTC, and nested
 * values are JSON.
 *
 * Text is written as it is, also where a spreadsheet would take it for a formula (`=1+2`): a mark
 * before it would be part of the value for everybody else, and no mark is safe in all of them.
 */
export function writeCsv({ rowCount, names, columns }: TableColumns, print: PrintValue): string {
  let text = "";
  for (let index = 0; index < names.length; index++) {
    text += (index === 0 ? "" : ",") + quote(names[index]!);
  }
  text += "\r\n";
  for (let row = 0; row < rowCount; row++) {
    for (let index = 0; index < columns.length; index++) {
      if (index > 0) text += ",";
      text += printField(columns[index]![row], print);
    }
    text += "\r\n";
  }
  return text;
}

function printField(value: unknown, print: PrintValue): string {
  switch (typeof value) {
    case "number":
      return Number.isFinite(value) ? String(value) : "";
    case "string":
      return quote(value);
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      if (value === null) return "";
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? "" : value.toISOString();
      return quote(print(value));
    default:
      return "";
  }
}

function quote(text: string): string {
  if (text !== "" && !NEEDS_QUOTES.test(text)) return text;
  return text.includes('"') ? `"${text.replaceAll('"', '""')}"` : `"${text}"`;
}
