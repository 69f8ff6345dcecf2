import { csvFault } from "./csv-fault.js";

/** Where a quoted field stands, for errors. */
export interface CellPlace {
  row?: number;
  column?: string | undefined;
}

/**
 * The place of the quote that closes the field which one opens at `open`.
 * @throws BODY_MALFORMED when none does, or when text follows it.
 */
export function findClosingQuote(
  text: string,
  open: number,
  delimiter: string,
  place: CellPlace = {},
): number {
  let close = text.indexOf('"', open + 1);
  while (close !== -1 && text.charCodeAt(close + 1) === 0x22) close = text.indexOf('"', close + 2);
  if (close === -1) {
    throw csvFault(text, open, {
      message: "the quote that opens here is never closed",
      hint: "Double every quote within a quoted field.",
      expected: "a closing quote",
      received: "the end of the body",
      ...place,
    });
  }
  const next = text[close + 1];
  if (next === undefined || next === delimiter || next === "\n" || next === "\r") return close;
  throw csvFault(text, close + 1, {
    message: `${JSON.stringify(next)} follows the closing quote of a field`,
    hint: "Double every quote within a quoted field, and leave no blanks around the quotes.",
    expected: `${JSON.stringify(delimiter)} or the end of the line`,
    received: JSON.stringify(next),
    ...place,
  });
}

/** The text between two quotes, with doubled ones made single. */
export function unquote(text: string, open: number, close: number): string {
  const inner = text.slice(open + 1, close);
  return inner.includes('"') ? inner.replaceAll('""', '"') : inner;
}
