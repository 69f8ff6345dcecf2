import { parse, stringify } from "devalue";

/** What devalue prints itself, though it is no plain object. */
const KNOWN: ReadonlySet<unknown> = new Set([
  Object,
  Array,
  Date,
  Map,
  Set,
  RegExp,
  BigInt,
  Boolean,
  Number,
  String,
  URL,
  URLSearchParams,
  ArrayBuffer,
  DataView,
]);

/**
 * Prints a value as `JSON.stringify` sees it, by its `toJSON` or its fields, but exactly: NaN, the
 * infinities, -0, `undefined`, Maps, Sets, Dates and typed arrays come back as what they were.
 * @throws Error for functions and whatever else is no data
 */
export function printJsonValue(value: unknown): string {
  return stringify([value], { Plain: toPlain });
}

/** @throws SyntaxError or Error for text that `printJsonValue` did not print */
export function readJsonValue(text: string): unknown {
  const list: unknown = parse(text, { Plain: (plain: unknown) => plain });
  if (Array.isArray(list) && list.length === 1) return list[0];
  throw new Error("it holds no value");
}

function toPlain(value: unknown): unknown {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return undefined;
  const prototype = Object.getPrototypeOf(value) as { constructor?: unknown } | null;
  const own = (value as { toJSON?: unknown }).toJSON;
  if (prototype === null || KNOWN.has(prototype.constructor)) {
    const isPlain = prototype?.constructor === Object && typeof own === "function";
    return isPlain ? (own as () => unknown).call(value) : undefined;
  }
  if (typeof own === "function") return own.call(value) as unknown;
  // As JSON does: the fields of an instance, without its functions.
  return Object.fromEntries(
    Object.entries(value).filter(([, field]) => typeof field !== "function"),
  );
}
