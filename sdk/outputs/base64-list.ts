import { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
import { asBuffer } from "./bytes.js";
import { parseText } from "./read-text.js";

/** Bytes in JSON, one object an output. */
export function printBase64(parts: readonly Uint8Array[]): string {
  return `[${parts.map((bytes) => `{"b64":"${asBuffer(bytes).toString("base64")}"}`).join(",")}]`;
}

/** Reads what `printBase64` writes. @throws OUTPUT_INVALID */
export function parseBase64(body: Uint8Array): Uint8Array[] {
  const parts = parseText(body);
  if (Array.isArray(parts) && parts.every(isPart)) {
    return parts.map(({ b64 }) => Uint8Array.from(Buffer.from(b64, "base64")));
  }
  throw new EkibenError("OUTPUT_INVALID", {
    detail: 'The answer is not a list of objects such as {"b64": "…"}.',
  });
}

function isPart(part: unknown): part is { b64: string } {
  return typeof (part as { b64?: unknown } | null)?.b64 === "string";
}

export function describeBase64(): JsonSchema {
  return {
    type: "array",
    items: {
      type: "object",
      required: ["b64"],
      properties: { b64: { type: "string", contentEncoding: "base64" } },
    },
  };
}
