import type { ParquetParsers, SchemaElement } from "hyparquet";
import { printClock } from "./clock-text.js";
import { brokenParquet } from "./parquet-fault.js";
import type { ParquetColumn } from "./parquet-schema.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** How hyparquet is to make values of bytes, where its own way loses something. */
export const PARSERS: Partial<ParquetParsers> = {
  stringFromBytes: (bytes) => (bytes === undefined ? undefined : utf8.decode(bytes)),
  jsonFromBytes: (bytes) => (bytes === undefined ? undefined : JSON.parse(utf8.decode(bytes))),
  // Times before 1970 are rounded down too, as everywhere else.
  timestampFromMicroseconds: (micros) => toDate(micros, 1000n),
  timestampFromNanoseconds: (nanos) => toDate(nanos, 1_000_000n),
};

function toDate(time: bigint, divisor: bigint): Date {
  const milliseconds = time / divisor;
  return new Date(Number(time % divisor < 0n ? milliseconds - 1n : milliseconds));
}

/**
 * The values of a column as a source has them: what hyparquet leaves as typed arrays stays that,
 * everything else is an array with `null` for what is missing.
 */
export function toSourceValues(
  column: ParquetColumn,
  values: ArrayLike<unknown>,
): ArrayLike<unknown> {
  if (column.leaves.length > 1 || column.leaves[0]!.path.length > 1) {
    return Array.from(values, (value) => toPlain(value, column));
  }
  const { element } = column;
  const convert = converterOf(element);
  if (element.repetition_type === "REPEATED") {
    return Array.from(values, (list) => Array.from(list as unknown[], convert ?? identity));
  }
  if (ArrayBuffer.isView(values) && convert === undefined) return values;
  const converted: unknown[] = [];
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    // Of a value that is missing hyparquet makes null; undefined is an index out of a dictionary.
    if (value === undefined) throw brokenParquet("a dictionary lacks a value");
    converted.push(value === null || convert === undefined ? value : convert(value));
  }
  return converted;
}

const identity = (value: unknown): unknown => value;

/** Decimals are rounded to their scale: hyparquet multiplies, so that 3 tenths are 0.30000000000000004. */
function converterOf(element: SchemaElement): ((value: unknown) => unknown) | undefined {
  const { converted_type: converted, logical_type: logical } = element;
  if (converted === "DECIMAL") {
    const scale = Math.min(Math.max(element.scale ?? 0, 0), 100);
    return (value) => Number((value as number).toFixed(scale));
  }
  if (logical?.type === "TIME") {
    const perSecond = { MILLIS: 1000, MICROS: 1_000_000, NANOS: 1_000_000_000 }[logical.unit];
    return (value) => clockOf(value, perSecond);
  }
  if (converted === "TIME_MILLIS") return (value) => clockOf(value, 1000);
  if (converted === "TIME_MICROS") return (value) => clockOf(value, 1_000_000);
  return undefined;
}

function clockOf(value: unknown, perSecond: number): string {
  const text = printClock(Number(value), perSecond);
  if (text === undefined) throw brokenParquet("a time is none of a day");
  return text;
}

/** Nested values as plain ones. A map whose key is `__proto__` has made another prototype of its value. */
function toPlain(value: unknown, column: ParquetColumn): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || value instanceof Date) return value;
  if (Array.isArray(value)) return value.map((inner) => toPlain(inner, column));
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>);
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw brokenParquet(`column ${JSON.stringify(column.name)} has a map with the key "__proto__"`);
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, toPlain(inner, column)]),
  );
}
