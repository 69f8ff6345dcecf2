import { EkibenError } from "../core/errors.js";
import { frameOf } from "../frame/lazy-data-frame.js";
import { isTypedArray } from "../tensor/tensor.js";
import { toBytes } from "./bytes.js";

/**
 * JSON text of an output, by the one rule for what JSON has no word for, which `outputs.md` tells.
 * @throws OUTPUT_INVALID for a value that refers to itself or whose `toJSON` throws.
 */
export function printJson(value: unknown): string {
  try {
    return JSON.stringify(isPlain(value) ? value : toPlain(value)) ?? "null";
  } catch (cause) {
    if (cause instanceof EkibenError) throw cause;
    const reason =
      cause instanceof RangeError
        ? "it refers to itself, or is nested too deeply"
        : (cause as Error).message;
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `An output cannot be written as JSON: ${reason}.`,
      hint: "Return plain values: objects, arrays, numbers and texts.",
      cause,
    });
  }
}

/** Whether `JSON.stringify` alone prints the value by the rule: the common case, without a copy. */
function isPlain(value: unknown): boolean {
  switch (typeof value) {
    case "number":
    case "string":
    case "boolean":
      return true;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    for (const inner of value) if (!isPlain(inner)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    const inner = (value as Record<string, unknown>)[key];
    if (inner !== undefined && !isPlain(inner)) return false;
  }
  return true;
}

function toPlain(value: unknown): unknown {
  if (typeof value === "bigint") {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(toPlain);
  if (isTypedArray(value)) return Array.from(value as Iterable<unknown>, toPlain);
  const bytes = toBytes(value);
  if (bytes !== undefined) return Array.from(bytes);
  if (value instanceof Set) return Array.from(value, toPlain);
  if (value instanceof Map) {
    return Object.fromEntries(Array.from(value, ([key, inner]) => [String(key), toPlain(inner)]));
  }
  const frame = frameOf(value);
  if (frame !== undefined) return toPlain(frame.toRecords());
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return toPlain(toJSON.call(value, ""));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]));
}
