import { EkibenError } from "../core/errors.js";
import { csvFault } from "./csv-fault.js";
import { findClosingQuote, unquote } from "./csv-quotes.js";
import { checkColumns, MOST_COLUMNS } from "./limits.js";

/** The names of the columns and the place where the rows start. */
export interface CsvHeader {
  names: string[];
  end: number;
}

const DELIMITERS = [",", ";", "\t"] as const;

/** The delimiter that the first line has most often outside of quotes; a comma when it has none. */
export function findDelimiter(text: string): string {
  const counts = DELIMITERS.map(() => 0);
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"') quoted = !quoted;
    else if (!quoted) {
      if (character === "\n" || character === "\r") break;
      const which = DELIMITERS.indexOf(character as ",");
      if (which !== -1) counts[which]!++;
    }
  }
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/**
 * Reads the first line.
 * @throws BODY_MALFORMED for quotes that are not right. @throws INPUT_INVALID for names that are no names.
 */
export function readHeader(text: string, delimiter: string): CsvHeader {
  if (text.length === 0) {
    throw new EkibenError("BODY_MALFORMED", {
      detail: "The body is empty.",
      expected: "a line with the names of the columns, then one line a row",
    });
  }
  const names: string[] = [];
  let at = 0;
  for (;;) {
    if (names.length === MOST_COLUMNS) checkColumns(MOST_COLUMNS + 1);
    if (text[at] === '"') {
      const close = findClosingQuote(text, at, delimiter);
      names.push(unquote(text, at, close));
      at = close + 1;
    } else {
      const from = at;
      while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") {
        if (text[at] === '"') throw strayQuote(text, at);
        at++;
      }
      names.push(text.slice(from, at));
    }
    if (text[at] !== delimiter) break;
    at++;
  }
  checkNames(names);
  if (text[at] === "\r" && text[at + 1] === "\n") at++;
  return { names, end: Math.min(at + 1, text.length) };
}

/** The error for a quote in a field that does not begin with one. */
export function strayQuote(
  text: string,
  offset: number,
  place: { row?: number; column?: string | undefined } = {},
): EkibenError {
  return csvFault(text, offset, {
    message: "a quote stands in a field that does not begin with one",
    hint: 'Put the whole field in quotes, from one delimiter to the next, and double the quotes in it: "5"" pipe".',
    ...place,
  });
}

function checkNames(names: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    if (name === "") {
      throw new EkibenError("INPUT_INVALID", {
        detail:
          names.length === 1
            ? "Line 1 is blank; it has to name the columns."
            : `Line 1 has no name for column ${index + 1} of ${names.length}.`,
        hint:
          index === 0 && names.length > 1
            ? "If that is the index of a pandas DataFrame, write it with to_csv(index=False)."
            : "Name every column in the first line.",
        expected: "a name for every column",
        received: "an empty field",
      });
    }
    const first = seen.get(name);
    if (first !== undefined) {
      throw new EkibenError("INPUT_INVALID", {
        detail: `Line 1 names two columns ${JSON.stringify(name)}: column ${first + 1} and column ${index + 1}.`,
        hint: "Give every column a name of its own.",
        expected: "different names",
        received: name,
      });
    }
    seen.set(name, index);
  }
}
