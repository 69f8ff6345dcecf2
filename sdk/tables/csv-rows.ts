import type { EkibenError } from "../core/errors.js";
import { csvFault } from "./csv-fault.js";
import { strayQuote } from "./csv-header.js";
import { findClosingQuote, unquote } from "./csv-quotes.js";

/** The text of a field; `null` for one that is empty and not quoted. */
export type CsvCell = string | null;

const QUOTE = 0x22;
const FEED = 0x0a;
const RETURN = 0x0d;

/** CSV text and how it is to be read. */
export interface CsvSource {
  readonly text: string;
  readonly delimiter: string;
  readonly names: readonly string[];
  readonly missing: ReadonlySet<string>;
}

/** Reads all rows from a place on into the columns, and counts them. */
export function readRows(source: CsvSource, start: number, columns: readonly CsvCell[][]): number {
  const { text, missing } = source;
  const width = columns.length;
  const end = text.length;
  const delimiter = source.delimiter.charCodeAt(0);
  // Most characters are above all that end a field, so that one comparison passes them.
  const highest = Math.max(delimiter, QUOTE);
  const marked = missing.size > 0;
  let at = start;
  let row = 0;
  while (at < end) {
    const rowStart = at;
    let field = 0;
    for (;;) {
      let cell: CsvCell = null;
      let code = text.charCodeAt(at);
      if (code === QUOTE) {
        const place = { row, column: source.names[field] };
        const close = findClosingQuote(text, at, source.delimiter, place);
        cell = unquote(text, at, close);
        at = close + 1;
        code = text.charCodeAt(at);
      } else {
        const from = at;
        for (;;) {
          while (code > highest) code = text.charCodeAt(++at);
          if (code === delimiter || code === FEED || code === RETURN || at >= end) break;
          if (code === QUOTE) {
            throw strayQuote(text, at, { row, column: source.names[field] });
          }
          code = text.charCodeAt(++at);
        }
        if (at > from) {
          cell = text.slice(from, at);
          if (marked && missing.has(cell)) cell = null;
        }
      }
      if (field < width) columns[field]!.push(cell);
      field++;
      if (code !== delimiter) break;
      at++;
    }
    if (field !== width) {
      if (at === rowStart && /^[\r\n]*$/.test(text.slice(at))) {
        columns[0]?.pop();
        return row;
      }
      throw raggedRow(source, { rowStart, row, field, blank: at === rowStart });
    }
    at += text.charCodeAt(at) === RETURN && text.charCodeAt(at + 1) === FEED ? 2 : 1;
    row++;
  }
  return row;
}

function raggedRow(
  { text, names }: CsvSource,
  { rowStart, row, field, blank }: { rowStart: number; row: number; field: number; blank: boolean },
): EkibenError {
  const width = names.length;
  const count = blank ? "no field" : field === 1 ? "1 field" : `${field} fields`;
  return csvFault(text, rowStart, {
    message: blank
      ? `the line is blank, but rows follow it`
      : `the row has ${count}, but there are ${width} columns`,
    hint: "Write an empty field for a missing value, and put a field that holds the delimiter or a line break in quotes.",
    expected: width === 1 ? "1 field" : `${width} fields`,
    received: count,
    row,
    ...(field < width && !blank ? { column: names[field] } : {}),
  });
}
