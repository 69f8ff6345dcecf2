/**
 * JSON text of an output. The rule for what JSON has no word for: NaN and the infinities are null,
 * a bigint is a number while that is exact and a string otherwise, typed arrays and sets are arrays,
 * maps are objects, dates are ISO 8601 in UTC, and undefined is null.
 */
export function printJson(value: unknown): string {
  return JSON.stringify(isPlain(value) ? value : toPlain(value)) ?? "null";
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
  if (ArrayBuffer.isView(value)) {
    return value instanceof DataView
      ? null
      : Array.from(value as Iterable<unknown> & ArrayBufferView, toPlain);
  }
  if (value instanceof Set) return Array.from(value, toPlain);
  if (value instanceof Map) {
    return Object.fromEntries(Array.from(value, ([key, inner]) => [String(key), toPlain(inner)]));
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
    return value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]));
}
