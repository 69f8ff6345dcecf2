import { EkibenError, type ErrorFacts } from "../core/errors.js";

/** A place in a text, both counting from 1. */
export interface TextPlace {
  line: number;
  column: number;
}

/** Where a character stands; CRLF, LF and CR end a line, also within quotes, as editors count. */
export function placeOf(text: string, offset: number): TextPlace {
  let line = 1;
  let start = 0;
  for (let i = 0; i < offset; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x0a || (code === 0x0d && text.charCodeAt(i + 1) !== 0x0a)) {
      line++;
      start = i + 1;
    }
  }
  return { line, column: offset - start + 1 };
}

/** What is wrong with a text, and where. */
export interface CsvFault {
  message: string;
  hint?: string;
  expected?: string;
  received?: string;
  /** The index of the row, where it is not the header that is wrong. */
  row?: number | undefined;
  column?: string | undefined;
}

/** The error for text that is not CSV as RFC 4180 has it. */
export function csvFault(text: string, offset: number, fault: CsvFault): EkibenError {
  const { line, column } = placeOf(text, offset);
  const { message, hint, expected, received } = fault;
  const facts: ErrorFacts = {
    detail: `Line ${line}, column ${column}: ${message}.`,
    ...(hint === undefined ? {} : { hint }),
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    issues: [
      {
        message,
        path: `line ${line}, column ${column}`,
        ...(fault.row === undefined ? {} : { row: fault.row }),
        ...(fault.column === undefined ? {} : { column: fault.column }),
        ...(expected === undefined ? {} : { expected }),
        ...(received === undefined ? {} : { received }),
      },
    ],
  };
  return new EkibenError("BODY_MALFORMED", facts);
}
