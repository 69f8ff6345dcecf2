import { malformed, unsupported } from "./malformed.js";

/** The error for bytes that are no Parquet. */
export function brokenParquet(what: string, cause?: unknown): Error {
  return malformed("Parquet file", what, cause);
}

/** The error for a column that is right, but whose type or encoding is not read. */
export function unreadColumn(path: readonly string[], what: string, hint?: string): Error {
  return unsupported(
    `Column ${JSON.stringify(path.join("."))} ${what}, which is not read.`,
    hint ?? "Send numbers, text, truth values, dates, timestamps, or lists and structs of them.",
  );
}
