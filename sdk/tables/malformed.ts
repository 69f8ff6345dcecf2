import { EkibenError } from "../core/errors.js";

/** The error for bytes that are no table of a format. */
export function malformed(format: string, what: string, cause?: unknown): EkibenError {
  return new EkibenError("BODY_MALFORMED", {
    detail: `The body is no whole ${format}: ${what}.`,
    hint: "Send the bytes exactly as the library that made them wrote them.",
    expected: format,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The error for a table that is right, but has something that is not read here. */
export function unsupported(detail: string, hint: string): EkibenError {
  return new EkibenError("INPUT_INVALID", { detail, hint });
}

/** The error for two columns of the same name. */
export function checkNames(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new EkibenError("INPUT_INVALID", {
        detail: `The table has two columns ${JSON.stringify(name)}.`,
        hint: "Give every column a name of its own.",
        expected: "different names",
        received: name,
      });
    }
    seen.add(name);
  }
}
