import { EkibenError } from "../core/errors.js";

const UTF8 = new TextDecoder("utf-8");

export function decodeText(body: Uint8Array): string {
  return UTF8.decode(body);
}

/** The JSON value of an answer. @throws OUTPUT_INVALID for what is no JSON. */
export function parseText(body: Uint8Array | string): unknown {
  const text = typeof body === "string" ? body : decodeText(body);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `The answer is not JSON: ${(cause as Error).message}.`,
      received: text.slice(0, 60),
      cause,
    });
  }
}
