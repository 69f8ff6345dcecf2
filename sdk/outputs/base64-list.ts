import { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
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

/** The bytes of any view or buffer, or `undefined` for other values. */
export function toBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
