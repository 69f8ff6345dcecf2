import { z } from "zod";
import { definitionOf, type Definition } from "./zod-inside.js";

/** A date with time must say its zone: without one it would mean another instant on each server. */
const DATE = /^(?:\d{4}|[+-]\d{6})-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;
/** Reading decimal digits takes time that grows with the square of their number. */
const INTEGER = /^-?\d{1,400}$/;

type MapLeaf = (leaf: z.ZodType) => z.ZodType;

/**
 * The schema as JSON can meet it. JSON has neither dates nor bigints: where the schema says
 * `z.date()` an ISO 8601 text is read as well, and where it says `z.bigint()` a decimal text or an
 * integer up to 2^53, which `limitBigInt` may refuse. A schema without them is given back as it is.
 */
export function toWireSchema<Schema extends z.ZodType>(
  schema: Schema,
  limitBigInt: MapLeaf = (leaf) => leaf,
): Schema {
  const map = (leaf: z.ZodType): z.ZodType => readFromJson(leaf, limitBigInt);
  return mapLeaves(schema, map) as Schema;
}

function readFromJson(leaf: z.ZodType, limitBigInt: MapLeaf): z.ZodType {
  const definition = definitionOf(leaf);
  const coerce = definition["coerce"] === true;
  if (definition.type === "date") return coerce ? leaf : z.preprocess(readDate, leaf);
  if (definition.type !== "bigint") return leaf;
  return coerce ? limitBigInt(leaf) : z.preprocess(readBigInt, limitBigInt(leaf));
}

/** A date that came as ISO 8601 text; anything else as it is. */
export function readDate(value: unknown): unknown {
  if (typeof value !== "string" || !DATE.test(value)) return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date;
}

/** A bigint that came as decimal text or as an integer; anything else as it is. */
export function readBigInt(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  return typeof value === "string" && INTEGER.test(value) ? BigInt(value) : value;
}

/** The parts of a schema that hold other schemas, by type of schema. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  array: ["element"],
  tuple: ["items", "rest"],
  record: ["valueType"],
  union: ["options"],
  intersection: ["left", "right"],
  optional: ["innerType"],
  nullable: ["innerType"],
  default: ["innerType"],
  prefault: ["innerType"],
  nonoptional: ["innerType"],
  readonly: ["innerType"],
  catch: ["innerType"],
  object: ["shape", "catchall"],
  pipe: ["in"],
};

/**
 * The schema with each part that holds no other schema exchanged, and each array after its parts.
 * What stays as it is, is the same object.
 */
export function mapLeaves(
  root: z.ZodType,
  leaf: MapLeaf,
  array: MapLeaf = (schema) => schema,
): z.ZodType {
  const seen = new Map<z.ZodType, z.ZodType>();

  function map(schema: z.ZodType): z.ZodType {
    const known = seen.get(schema);
    if (known !== undefined) return known;
    // A schema that holds itself is met again as it stands.
    seen.set(schema, schema);
    const definition = definitionOf(schema);
    const parts = PARTS[definition.type];
    const inner = parts === undefined ? leaf(schema) : mapParts(schema, definition, parts);
    const mapped = definition.type === "array" ? array(inner) : inner;
    seen.set(schema, mapped);
    return mapped;
  }

  function mapParts(
    schema: z.ZodType,
    definition: Definition,
    parts: readonly string[],
  ): z.ZodType {
    const changes: PropertyDescriptorMap = {};
    for (const part of parts) {
      const value = mapPart(definition[part], map);
      if (value === definition[part]) continue;
      changes[part] = { value, enumerable: true, configurable: true, writable: true };
    }
    if (Object.keys(changes).length === 0) return schema;
    // By descriptor: the value of a default is a getter, which makes it anew for each use.
    const before = Object.getOwnPropertyDescriptors(definition);
    return z.clone(schema, Object.defineProperties({}, { ...before, ...changes }) as never);
  }

  return map(root);
}

/** A schema, a list of schemas or schemas by name; the same value when none of them changes. */
function mapPart(part: unknown, map: (schema: z.ZodType) => z.ZodType): unknown {
  if (part === undefined || part === null) return part;
  if (part instanceof z.core.$ZodType) return map(part as z.ZodType);
  if (Array.isArray(part)) {
    const mapped = part.map((each: z.ZodType) => map(each));
    return mapped.some((each, i) => each !== part[i]) ? mapped : part;
  }
  const before = Object.entries(part as Record<string, z.ZodType>);
  const after = before.map(([name, each]) => [name, map(each)] as const);
  return after.some(([, each], i) => each !== before[i]![1]) ? Object.fromEntries(after) : part;
}
