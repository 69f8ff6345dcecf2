import type { z } from "zod";
import type { ColumnKind } from "../frame/column.js";
import { checksOf, definitionOf } from "./zod-inside.js";

/** How one column of a row is checked and kept. */
export interface ColumnPlan {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Whether a row may say `null`. */
  readonly nullable: boolean;
  /** Whether a row may leave the column out. */
  readonly optional: boolean;
  /**
   * A JavaScript expression of `v` that is true for exactly the values, `null` and `undefined` aside,
   * that the schema accepts as they are. Without one the column's own schema decides.
   */
  readonly test?: string;
  /** The texts that the `test` of a column of texts allows, when they are an enumeration. */
  readonly choices?: readonly string[];
  /** What runs when there is no `test`. */
  readonly schema: z.ZodType;
}

/** The tests of a number and of a truth value without further rules. */
export const IS_NUMBER = "Number.isFinite(v)";
export const IS_BOOLEAN = `typeof v === "boolean"`;

/** Enough for an enumeration to be compared one by one; longer ones are left to zod's set. */
const MOST_COMPARISONS = 16;

/** The plan of every column of an object schema. */
export function planColumns(shape: Readonly<Record<string, z.ZodType>>): ColumnPlan[] {
  return (
    Object.entries(shape)
      // zod leaves this name out of what it returns, and so do we.
      .filter(([name]) => name !== "__proto__")
      .map(([name, schema]) => planColumn(name, schema))
  );
}

function planColumn(name: string, schema: z.ZodType): ColumnPlan {
  let inner = schema;
  let nullable = false;
  let optional = false;
  let plain = true;
  for (;;) {
    const definition = definitionOf(inner);
    if (definition.type === "nullable") nullable = true;
    else if (definition.type === "optional") optional = true;
    else if (definition.type !== "readonly") break;
    plain &&= !hasChecks(inner);
    inner = definition["innerType"] as z.ZodType;
  }
  const kind = kindOf(inner);
  const test = plain ? testOf(inner) : undefined;
  if (test !== undefined) {
    const choices = kind === "string" ? choicesOf(inner) : undefined;
    const known = { name, kind, nullable, optional, schema, test };
    return choices === undefined ? known : { ...known, choices: choices as string[] };
  }
  const missing = findMissing(inner);
  return {
    name,
    kind,
    nullable: nullable || missing.nullable,
    optional: optional || missing.optional,
    schema,
  };
}

interface Missing {
  nullable: boolean;
  optional: boolean;
}

/** Whether a schema can return `null` or `undefined`: by what it returns, not by what it takes. */
function findMissing(schema: z.ZodType): Missing {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "number":
    case "string":
    case "boolean":
    case "bigint":
    case "date":
    case "template_literal":
      return { nullable: false, optional: false };
    case "enum":
    case "literal": {
      const values = (definition["values"] ?? []) as unknown[];
      return { nullable: values.includes(null), optional: values.includes(undefined) };
    }
    case "null":
      return { nullable: true, optional: false };
    case "undefined":
    case "void":
      return { nullable: false, optional: true };
    case "nullable":
      return { ...findMissing(definition["innerType"] as z.ZodType), nullable: true };
    case "optional":
      return { ...findMissing(definition["innerType"] as z.ZodType), optional: true };
    case "readonly":
    case "default":
    case "prefault":
    case "nonoptional":
    case "catch":
      return findMissing(definition["innerType"] as z.ZodType);
    case "pipe":
      return findMissing(definition["out"] as z.ZodType);
    case "union": {
      const options = (definition["options"] as z.ZodType[]).map(findMissing);
      return {
        nullable: options.some((option) => option.nullable),
        optional: options.some((option) => option.optional),
      };
    }
    default:
      return { nullable: true, optional: true };
  }
}

function hasChecks(schema: z.ZodType): boolean {
  return checksOf(schema).length > 0;
}

/** The kind of column that holds what a schema returns. */
function kindOf(schema: z.ZodType): ColumnKind {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "number":
      return isInteger(schema) ? "int" : "float64";
    case "string":
    case "template_literal":
      return "string";
    case "boolean":
    case "bigint":
    case "date":
      return definition.type;
    case "enum":
    case "literal":
      return kindOfValues(choicesOf(schema)!);
    case "nullable":
    case "optional":
    case "readonly":
    case "default":
    case "prefault":
    case "nonoptional":
    case "catch":
      return kindOf(definition["innerType"] as z.ZodType);
    case "pipe":
      return kindOf(definition["out"] as z.ZodType);
    case "union":
      return kindOfUnion(definition["options"] as z.ZodType[]);
    default:
      return "json";
  }
}

function kindOfValues(values: readonly unknown[]): ColumnKind {
  const present = values.filter((value) => value !== null && value !== undefined);
  const types = new Set(present.map((value) => typeof value));
  const [type] = types;
  if (types.size !== 1) return "json";
  if (type === "string" || type === "boolean") return type;
  return type === "number" ? "float64" : "json";
}

function kindOfUnion(options: readonly z.ZodType[]): ColumnKind {
  const kinds = new Set(
    options
      .filter((option) => !["null", "undefined"].includes(definitionOf(option).type))
      .map(kindOf),
  );
  const [kind] = kinds;
  return kinds.size === 1 ? kind! : "json";
}

const INTEGER_FORMATS: readonly unknown[] = ["safeint", "int32", "uint32"];

export function isInteger(schema: z.ZodType): boolean {
  return numberChecks(schema).some(
    (check) => check["check"] === "number_format" && INTEGER_FORMATS.includes(check["format"]),
  );
}

type Check = Readonly<Record<string, unknown>>;

/** The checks of a schema, with the one that a schema such as `z.int()` is itself. */
function numberChecks(schema: z.ZodType): Check[] {
  const definition = definitionOf(schema);
  return [...(definition["check"] === undefined ? [] : [definition]), ...checksOf(schema)];
}

/** The expression of a schema whose meaning is fully known, otherwise `undefined`. */
function testOf(schema: z.ZodType): string | undefined {
  const definition = definitionOf(schema);
  if (definition["coerce"] === true) return undefined;
  switch (definition.type) {
    case "number":
      return testOfNumber(numberChecks(schema));
    case "string":
      return definition["format"] === undefined && !hasChecks(schema)
        ? `typeof v === "string"`
        : undefined;
    case "boolean":
      return hasChecks(schema) ? undefined : IS_BOOLEAN;
    case "enum":
    case "literal":
      return hasChecks(schema) ? undefined : testOfValues(choicesOf(schema)!);
    default:
      return undefined;
  }
}

/** The values of an enumeration or of literals. */
export function choicesOf(schema: z.ZodType): readonly unknown[] | undefined {
  const definition = definitionOf(schema);
  if (definition.type === "literal") return definition["values"] as unknown[];
  if (definition.type !== "enum") return undefined;
  return enumValues(definition["entries"] as Record<string, string | number>);
}

/** Enumerations of TypeScript with numbers also hold the way back, from value to name. */
function enumValues(entries: Record<string, string | number>): (string | number)[] {
  const numbers = new Set(Object.values(entries).filter((value) => typeof value === "number"));
  return Object.entries(entries)
    .filter(([key]) => !numbers.has(Number(key)))
    .map(([, value]) => value);
}

function testOfValues(values: readonly unknown[]): string | undefined {
  const simple = values.every(
    (value) =>
      typeof value === "string" || typeof value === "boolean" || Number.isFinite(value as number),
  );
  if (!simple || values.length === 0 || values.length > MOST_COMPARISONS) return undefined;
  if (kindOfValues(values) === "json") return undefined;
  return values.map((value) => `v === ${JSON.stringify(value)}`).join(" || ");
}

/** `Number.isFinite` and the like are false for what is no number. */
function testOfNumber(checks: readonly Check[]): string | undefined {
  const terms = [IS_NUMBER];
  for (const check of checks) {
    const term = check["when"] === undefined ? testOfCheck(check) : undefined;
    if (term === undefined) return undefined;
    terms.push(term);
  }
  return terms.join(" && ");
}

function testOfCheck(check: Check): string | undefined {
  const { value, inclusive } = check as { value: unknown; inclusive: boolean };
  switch (check["check"]) {
    case "number_format":
      if (check["format"] === "safeint") return `Number.isSafeInteger(v)`;
      if (check["format"] === "int32") return `(v | 0) === v`;
      if (check["format"] === "uint32") return `v >>> 0 === v`;
      return check["format"] === "float64" ? "true" : undefined;
    case "greater_than":
      return isFiniteNumber(value) ? `v ${inclusive ? ">=" : ">"} ${value}` : undefined;
    case "less_than":
      return isFiniteNumber(value) ? `v ${inclusive ? "<=" : "<"} ${value}` : undefined;
    default:
      return undefined;
  }
}

function isFiniteNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
