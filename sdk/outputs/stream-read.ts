import { EkibenError, ERROR_CATALOGUE, type Problem } from "../core/errors.js";
import { decodeText } from "./read-text.js";

/** What came of a stream. */
export interface StreamRead {
  values: unknown[];
  /** The problem document of a stream that broke. */
  problem?: unknown;
}

/** The values of a stream. @throws EkibenError with the code of its problem when it broke */
export function readStream(body: Uint8Array, read: (text: string) => StreamRead): unknown[] {
  const { values, problem } = read(decodeText(body));
  if (problem !== undefined) throw toError(problem as Partial<Problem>);
  return values;
}

function toError({
  code,
  detail,
  hint,
  expected,
  received,
  issues,
}: Partial<Problem>): EkibenError {
  const known = code !== undefined && Object.hasOwn(ERROR_CATALOGUE, code) ? code : "INTERNAL";
  return new EkibenError(known, {
    detail: detail ?? "The stream broke.",
    ...(hint === undefined ? {} : { hint }),
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    ...(issues === undefined ? {} : { issues }),
  });
}
