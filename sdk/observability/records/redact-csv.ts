import type { Redacted } from "./redact.js";

const DELIMITERS = [",", ";", "\t", "|"];

/** Replaces the columns of these names in a table whose first line names them. */
export function redactCsv(text: string, names: ReadonlySet<string>): Redacted {
  const start = text.startsWith("\uFEFF") ? 1 : 0;
  let header = splitRow(text, start, ",");
  for (const delimiter of DELIMITERS) {
    const other = splitRow(text, start, delimiter);
    if (other.fields.length > header.fields.length) header = other;
  }
  const hidden = header.fields.map((field) => names.has(unquote(field).trim()));
  if (!hidden.includes(true)) {
    // A name that is there but heads no column is in a table of a kind that this does not know.
    const known = Array.from(names).some((name) => text.includes(name));
    return { text: known ? undefined : text, changed: false };
  }
  let written = text.slice(0, header.end);
  let at = header.end;
  while (at < text.length) {
    const row = splitRow(text, at, header.delimiter);
    const fields = row.fields.map((field, column) =>
      hidden[column] === true && field !== "" ? "[REDACTED]" : field,
    );
    written += fields.join(header.delimiter) + text.slice(row.ended, row.end);
    at = row.end;
  }
  return { text: written, changed: true };
}

interface Row {
  /** As they are written, with their quotes. */
  fields: string[];
  /** Where the line feed begins, and where the next row does. */
  ended: number;
  end: number;
  delimiter: string;
}

/** One row of RFC 4180, in which a quoted field may hold line feeds. */
function splitRow(text: string, from: number, delimiter: string): Row {
  const fields: string[] = [];
  let begin = from;
  let quoted = false;
  let at = from;
  for (; at < text.length; at++) {
    const letter = text[at]!;
    if (letter === '"') quoted = !quoted;
    if (quoted) continue;
    if (letter === delimiter) {
      fields.push(text.slice(begin, at));
      begin = at + 1;
    } else if (letter === "\n" || letter === "\r") break;
  }
  fields.push(text.slice(begin, at));
  let end = at;
  if (text[end] === "\r") end++;
  if (text[end] === "\n") end++;
  return { fields, ended: at, end, delimiter };
}

function unquote(field: string): string {
  const trimmed = field.trim();
  return trimmed.startsWith('"') && trimmed.endsWith('"') && trimmed.length > 1
    ? trimmed.slice(1, -1).replaceAll('""', '"')
    : field;
}
