import { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";

/**
 * A value that a schema allows, as a stand-in for an example: defaults and first choices where the
 * schema names any, otherwise 0, "text" and the like. `undefined` when none is found that is valid.
 */
export function toSample(schema: JsonSchema): unknown {
  const sample = makeSample(schema, { root: schema, depth: 0 });
  return sample === NONE || !isValid(schema, sample) ? undefined : sample;
}

/** Whether a schema allows a value; a schema that cannot be read allows nothing. */
export function isValid(schema: JsonSchema, value: unknown): boolean {
  try {
    return z.fromJSONSchema(schema as never).safeParse(value).success;
  } catch {
    return false;
  }
}

const NONE = Symbol("no value");
type Sample = unknown;

interface Place {
  root: JsonSchema;
  /** How many schemas it is inside of; one that holds itself ends here. */
  depth: number;
}

const DEEPEST = 12;

function makeSample(schema: unknown, place: Place): Sample {
  if (schema === true) return {};
  if (typeof schema !== "object" || schema === null || place.depth > DEEPEST) return NONE;
  const inner = { ...place, depth: place.depth + 1 };
  const {
    $ref: reference,
    allOf,
    anyOf,
    oneOf,
    ...rest
  } = schema as JsonSchema & { allOf?: JsonSchema[]; anyOf?: JsonSchema[]; oneOf?: JsonSchema[] };
  if ("default" in rest) return rest["default"];
  if ("const" in rest) return rest["const"];
  const [given] = (rest["examples"] ?? rest["enum"] ?? []) as unknown[];
  if (given !== undefined) return given;
  if (typeof reference === "string") return makeSample(resolve(reference, place.root), inner);
  if (allOf !== undefined) return makeSample(Object.assign({}, rest, ...allOf), inner);
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) {
    for (const choice of choices) {
      if (choice["type"] === "null") continue;
      const sample = makeSample({ ...rest, ...choice }, inner);
      if (sample !== NONE) return sample;
    }
    return NONE;
  }
  return makeTyped(rest, inner);
}

function resolve(reference: string, root: JsonSchema): unknown {
  if (reference === "#") return root;
  const [, where, name] = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) ?? [];
  return where === undefined ? undefined : (root[where] as JsonSchema | undefined)?.[name!];
}

function makeTyped(schema: JsonSchema, place: Place): Sample {
  const { type } = schema;
  const first = Array.isArray(type) ? (type.find((one) => one !== "null") ?? "null") : type;
  switch (first) {
    case "string":
      return makeText(schema);
    case "integer":
    case "number":
      return makeNumber(schema, first === "integer");
    case "boolean":
      return false;
    case "null":
      return null;
    case "array":
      return makeArray(schema, place);
    case "object":
      return makeObject(schema, place);
    default:
      // A schema without a type allows anything.
      return "properties" in schema ? makeObject(schema, place) : {};
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00",
  duration: "P1D",
  email: "name@example.org",
  hostname: "example.org",
  uri: "https://example.org/",
  uuid: "f3f5c1de-7f0c-4b3e-9f43-2a86a4ad2a1b",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
};

function makeText(schema: JsonSchema): Sample {
  const { format, minLength = 0, maxLength = Infinity } = schema;
  // What bytes mean is for nobody to guess.
  if (format === "binary" || format === "byte" || "contentEncoding" in schema) return NONE;
  const known = typeof format === "string" ? FORMATS[format] : undefined;
  if (known !== undefined) return known;
  const text = "text".repeat(Math.max(1, Math.ceil((minLength as number) / 4)));
  return text.slice(0, Math.max(Math.min(4, maxLength as number), minLength as number));
}

function makeNumber(schema: JsonSchema, whole: boolean): Sample {
  const read = (key: string, missing: number): number =>
    typeof schema[key] === "number" ? schema[key] : missing;
  const step = read("multipleOf", whole ? 1 : 0);
  const over = read("exclusiveMinimum", -Infinity);
  const under = read("exclusiveMaximum", Infinity);
  const most = read("maximum", Infinity);
  let least = read("minimum", -Infinity);
  if (over >= least) least = step === 0 ? middle(over, Math.min(most, under)) : over + step;
  const wished = Math.max(0, least);
  const highest = Math.min(most, under === Infinity || step === 0 ? under : under - step);
  const value = wished <= most && wished < under ? wished : highest;
  if (step === 0) return value === under ? under - 1 : value;
  return (value < 0 ? Math.floor(value / step) : Math.ceil(value / step)) * step;
}

/** A number above `over`, and below `limit` where there is one. */
function middle(over: number, limit: number): number {
  return limit === Infinity || limit > over + 1 ? over + 1 : (over + limit) / 2;
}

function makeArray(schema: JsonSchema, place: Place): Sample {
  const { items, prefixItems = [], minItems = 0, maxItems = Infinity } = schema;
  const fixed = (prefixItems as unknown[]).map((item) => makeSample(item, place));
  if (fixed.includes(NONE)) return NONE;
  const count = Math.min(Math.max(minItems as number, 1), maxItems as number) - fixed.length;
  if (count <= 0 || items === false) return fixed;
  // Long fixed sizes are those of tensors, where one element is as good as another.
  if (count > MOST_ITEMS) return NONE;
  const item = makeSample(items ?? {}, place);
  if (item === NONE) return (minItems as number) <= fixed.length ? fixed : NONE;
  return [...fixed, ...Array.from({ length: count }, () => structuredClone(item))];
}

const MOST_ITEMS = 1024;

function makeObject(schema: JsonSchema, place: Place): Sample {
  const required = (schema["required"] ?? []) as string[];
  const made: [string, unknown][] = [];
  for (const [name, property] of Object.entries((schema["properties"] ?? {}) as JsonSchema)) {
    const sample = makeSample(property, place);
    if (sample !== NONE) made.push([name, sample]);
    else if (required.includes(name)) return NONE;
  }
  const names = new Set(made.map(([name]) => name));
  const others = required.filter((name) => !names.has(name));
  for (const name of others) {
    const sample = makeSample(schema["additionalProperties"] ?? {}, place);
    if (sample === NONE) return NONE;
    made.push([name, sample]);
  }
  return Object.fromEntries(made);
}
