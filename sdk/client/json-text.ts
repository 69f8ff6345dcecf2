import { refuseCall } from "./client-error.js";

/**
 * A value as JSON text. The rule for what JSON has no word for: NaN and the infinities are null, a
 * bigint is decimal text, a date is ISO 8601 in UTC, typed arrays and sets are arrays, maps are
 * objects, and what is undefined is left out of objects and null in arrays.
 * @throws CALL_INVALID for a function, a circle or nothing.
 */
export function printJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value, toPlain);
  } catch (error) {
    throw refuseCall(`The input cannot be written as JSON: ${(error as Error).message}`);
  }
  if (text !== undefined) return text;
  throw refuseCall(`The input is ${typeof value}, which JSON has no word for.`);
}

/** Sees what `toJSON` has not yet changed: a Buffer would write an object. */
function toPlain(this: unknown, key: string, printed: unknown): unknown {
  const value = (this as Record<string, unknown>)[key];
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return printed;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return Array.from(value as Set<unknown>);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<unknown>);
  }
  return printed;
}
