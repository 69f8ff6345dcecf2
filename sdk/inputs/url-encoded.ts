import { EkibenError } from "../core/errors.js";
import { decodeText } from "../core/decode-text.js";

export const URL_ENCODED_TYPE = "application/x-www-form-urlencoded";

/**
 * The fields of a URL-encoded form in order. `URLSearchParams` would put other characters in the place
 * of what it cannot read.
 * @throws BODY_MALFORMED for percent signs that begin no byte, and for bytes that are not UTF-8.
 */
export function readFields(bytes: Uint8Array, maxFields: number): [name: string, text: string][] {
  const pairs = decodeText(bytes)
    .split("&", maxFields + 1)
    .filter((pair) => pair !== "");
  if (pairs.length > maxFields) throw malformed(`The form has more than ${maxFields} fields.`);
  return pairs.map((pair) => {
    const equals = pair.indexOf("=");
    const end = equals === -1 ? pair.length : equals;
    return [decode(pair.slice(0, end)), decode(pair.slice(end + 1))];
  });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch (cause) {
    throw malformed("The form is not URL-encoded UTF-8.", cause);
  }
}

function malformed(detail: string, cause?: unknown): EkibenError {
  return new EkibenError("BODY_MALFORMED", {
    detail,
    hint: "Encode it as URLSearchParams does.",
    expected: URL_ENCODED_TYPE,
    ...(cause === undefined ? {} : { cause }),
  });
}
