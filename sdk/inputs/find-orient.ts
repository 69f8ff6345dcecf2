import { EkibenError } from "../core/errors.js";
import type { Orient } from "../tables/orients.js";
import { describeValue, shortName } from "./findings.js";

/** What a reader of tables in JSON is told. */
export interface OrientOptions {
  /** The columns that a sender writes, in order; empty when they are not known. */
  names: readonly string[];
  /** The only orient that is read. */
  orient?: Orient | undefined;
}

/** A table with the orient that it is in. */
export interface FoundOrient {
  orient: Orient;
  inner: unknown;
  /** The keys that lead to the table, outermost first. */
  path: string[];
}

/** The keys under which MLflow and TensorFlow Serving send a table, and the orient that they mean. */
const ENVELOPES: Readonly<Record<string, readonly Orient[]>> = {
  dataframe_split: ["split"],
  dataframe_records: ["records"],
  instances: ["records", "values"],
  inputs: ["columns", "records", "values"],
};

const EXAMPLES: Readonly<Record<Orient, string>> = {
  records: '[{"a": 1}, {"a": 2}]',
  columns: '{"a": {"0": 1, "1": 2}} or {"a": [1, 2]}',
  values: "[[1], [2]]",
  split: '{"columns": ["a"], "data": [[1], [2]]}',
  index: '{"0": {"a": 1}, "1": {"a": 2}}',
};

/**
 * Finds the orient of a table in JSON by its form and, where the form alone does not tell `columns`
 * from `index`, by which of the keys are columns of the schema.
 * @throws INPUT_INVALID for what is no table, or could be two.
 */
export function findOrient(value: unknown, options: OrientOptions): FoundOrient {
  const fixed = options.orient;
  if (fixed !== undefined)
    return { orient: checkOrient(value, fixed, options), inner: value, path: [] };
  const envelope = findEnvelope(value, options.names);
  if (envelope === undefined) return { orient: detect(value, options), inner: value, path: [] };
  const inner = (value as Record<string, unknown>)[envelope];
  const allowed = ENVELOPES[envelope]!;
  const orient =
    allowed.length === 1 ? checkOrient(inner, allowed[0]!, options) : detect(inner, options);
  if (!allowed.includes(orient))
    throw refuseShape(inner, allowed[0]!, `under ${JSON.stringify(envelope)} `);
  return { orient, inner, path: [envelope] };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The only key of an object, when it is one of the known ones and no column. */
function findEnvelope(value: unknown, names: readonly string[]): string | undefined {
  if (!isObject(value)) return undefined;
  const [key, ...others] = Object.keys(value);
  if (key === undefined || others.length > 0 || !Object.hasOwn(ENVELOPES, key)) return undefined;
  return names.includes(key) ? undefined : key;
}

function detect(value: unknown, options: OrientOptions): Orient {
  if (Array.isArray(value)) {
    return Array.isArray(value[0]) ? checkOrient(value, "values", options) : "records";
  }
  if (!isObject(value)) throw refuseShape(value, "records");
  const keys = Object.keys(value);
  // A frame without rows is `{}` in both orients.
  if (keys.length === 0) return "columns";
  if (looksSplit(value)) {
    if (keys.every((key) => options.names.includes(key))) throw refuseAmbiguous("split", "columns");
    return "split";
  }
  if (keys.every((key) => Array.isArray(value[key]))) return "columns";
  if (!keys.every((key) => isObject(value[key]))) throw refuseShape(value, "records");
  return detectNested(value, keys, options.names);
}

/** Objects in an object are columns or rows. */
function detectNested(
  value: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  names: readonly string[],
): Orient {
  const known = new Set(names);
  const inside = Object.keys(value[keys[0]!] as object);
  const columns = keys.some((key) => known.has(key));
  const index = inside.some((key) => known.has(key));
  if (columns && index) throw refuseAmbiguous("columns", "index");
  if (columns || index) return columns ? "columns" : "index";
  throw new EkibenError("INPUT_INVALID", {
    detail: `Neither the keys (${listNames(keys)}) nor those inside (${listNames(inside)}) are columns of the schema.`,
    hint: `The schema has ${listNames(names)}.`,
    expected: "columns of the schema as keys",
    received: "other keys",
  });
}

const SPLIT_KEYS: readonly string[] = ["columns", "index", "data"];

function looksSplit(value: Readonly<Record<string, unknown>>): boolean {
  return (
    Object.hasOwn(value, "columns") &&
    Object.hasOwn(value, "data") &&
    Object.keys(value).every((key) => SPLIT_KEYS.includes(key) && Array.isArray(value[key]))
  );
}

/** The orient, when a value has its form. */
function checkOrient(value: unknown, orient: Orient, { names }: OrientOptions): Orient {
  switch (orient) {
    case "records":
      if (!Array.isArray(value)) throw refuseShape(value, orient);
      return orient;
    case "values":
      if (!Array.isArray(value)) throw refuseShape(value, orient);
      if (names.length === 0 && value.length > 0) {
        throw new EkibenError("INPUT_INVALID", {
          detail: "Rows without names cannot be read here: a function makes the columns.",
          hint: `Send ${EXAMPLES.records}.`,
        });
      }
      return orient;
    case "split":
      if (!isObject(value) || !looksSplit(value)) throw refuseShape(value, orient);
      return orient;
    case "index":
      if (!isObject(value)) throw refuseShape(value, orient);
      return orient;
    case "columns": {
      const cells = isObject(value) ? Object.values(value)[0] : undefined;
      if (!isObject(value) || (cells !== undefined && !isObject(cells) && !Array.isArray(cells))) {
        throw refuseShape(value, orient);
      }
      return orient;
    }
  }
}

function refuseShape(value: unknown, orient: Orient, where = ""): EkibenError {
  const expected = orient === "records" ? "an array of rows" : `a table in the orient ${orient}`;
  const row = orient === "records" && isObject(value);
  const received = isObject(value) ? "an object" : describeValue(value);
  return new EkibenError("INPUT_INVALID", {
    detail: `Expected ${where}${expected}, got ${received}.`,
    hint: row ? "When this is one row, put it in [ ]." : `Send ${EXAMPLES[orient]}.`,
    expected,
    received,
  });
}

function refuseAmbiguous(one: Orient, other: Orient): EkibenError {
  return new EkibenError("INPUT_INVALID", {
    detail: `The body could be a table in the orient ${one} or ${other}: its keys are columns of the schema in both.`,
    hint: `Send ${EXAMPLES.records}; or the service fixes the orient: dataframe(row, { orient: "${one}" }).`,
    expected: "one orient",
    received: `${one} or ${other}`,
  });
}

const MOST_LISTED = 5;

function listNames(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, MOST_LISTED).map((name) => JSON.stringify(shortName(name)));
  return names.length > MOST_LISTED ? `${shown.join(", ")} …` : shown.join(", ");
}
