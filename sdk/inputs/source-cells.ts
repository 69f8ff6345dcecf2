import { readNumberText } from "../tables/number-text.js";
import type { SentCell } from "./sent-cell.js";

/** How text says what it says. */
export interface TextConventions {
  /** The sign before the fraction of a number. */
  readonly decimal: "." | ",";
  /** Texts that say that a value is missing, in columns in which one may be missing. */
  readonly missing: ReadonlySet<string>;
}

export const JSON_TEXT: TextConventions = { decimal: ".", missing: new Set() };

const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);
const LONGEST_TRUTH = 5;
/** As pandas and SQL write a date with time: a blank in place of the T. */
const BLANK_DATE = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}/;

/**
 * The texts of a column as the values that JSON would have brought. Text that is none of what the
 * column takes stays as it is, for the schema to refuse and to show.
 */
export function readTexts(
  texts: ArrayLike<unknown>,
  cell: SentCell,
  conventions: TextConventions,
): unknown[] {
  const { missing } = conventions;
  const mayMiss = cell.nullable || cell.optional;
  const read = createTextReader(cell, conventions.decimal);
  const takesEmpty = cell.types.has("text") || cell.choices.has("");
  const values: unknown[] = [];
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row] as string | null | undefined;
    if (text === null || text === undefined) {
      // An empty field says nothing; where something has to be said it can only be the empty text.
      values.push(!mayMiss && takesEmpty ? "" : null);
    } else if (mayMiss && missing.size > 0 && missing.has(text)) values.push(null);
    else values.push(read(text));
  }
  return values;
}

type ReadText = (text: string) => unknown;

function createTextReader(cell: SentCell, decimal: "." | ","): ReadText {
  const { types, choices } = cell;
  if (types.has("text")) return (text) => text;
  const readers: ReadText[] = [];
  if (types.has("number")) readers.push((text) => readNumberText(text, decimal));
  if (types.has("bigint")) readers.push(readInteger);
  if (types.has("boolean")) readers.push(readTruth);
  if (types.has("date")) readers.push(readDate);
  if (types.has("json")) readers.push(readJsonText);
  const [only] = readers;
  if (readers.length === 1 && choices.size === 0) return (text) => only!(text) ?? text;
  return (text) => {
    if (choices.has(text)) return text;
    for (const read of readers) {
      const value = read(text);
      if (value !== undefined) return value;
    }
    return text;
  };
}

function readInteger(text: string): string | undefined {
  const bare = text.trim();
  return /^[+-]?\d+$/.test(bare) ? bare.replace("+", "") : undefined;
}

function readTruth(text: string): boolean | undefined {
  const bare = text.length > LONGEST_TRUTH ? text.trim() : text;
  return TRUTH.get(bare) ?? TRUTH.get(bare.trim().toLowerCase());
}

function readDate(text: string): string | undefined {
  const bare = text.trim();
  if (BLANK_DATE.test(bare)) return bare.replace(" ", "T");
  return /^[+-]?\d{4}/.test(bare) ? bare : undefined;
}

/** A value that is written as JSON text; `undefined` for other text. */
export function readJsonText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * The values of a column, as a format with types brought them, as the values that JSON would have
 * brought: NaN is a missing value, and what JSON has no type for is kept where the column takes it.
 */
export function readTyped(values: ArrayLike<unknown>, cell: SentCell): ArrayLike<unknown> {
  if (
    ArrayBuffer.isView(values) &&
    !(values instanceof BigInt64Array || values instanceof BigUint64Array)
  ) {
    return values;
  }
  const { types } = cell;
  const keepsBigInt = types.has("bigint");
  const keepsDate = types.has("date");
  const read = (value: unknown): unknown => {
    if (typeof value === "bigint") return keepsBigInt ? value : toJsonNumber(value);
    if (typeof value !== "object" || value === null) return value;
    return keepsDate && value instanceof Date ? value : toJsonValue(value);
  };
  for (let row = 0; row < values.length; row++) {
    const value = values[row];
    if (read(value) !== value) return Array.from(values, read);
  }
  return values;
}

function toJsonNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/** A nested value as JSON says it. */
function toJsonValue(value: unknown): unknown {
  if (typeof value === "bigint") return toJsonNumber(value);
  if (typeof value === "number") return Number.isNaN(value) ? null : value;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(toJsonValue);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, toJsonValue(each)]));
}
