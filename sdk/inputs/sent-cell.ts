import type { z } from "zod";
import { choicesOf, isInteger } from "./row-plan.js";
import { definitionOf, presenceOf } from "./zod-inside.js";

/** What a cell may be, of which formats other than JSON have to make what JSON would have said. */
export type CellType = "number" | "bigint" | "boolean" | "date" | "text" | "json";

/** What a sender may write into a column: by what its schema takes, not by what it returns. */
export interface SentCell {
  readonly name: string;
  readonly types: ReadonlySet<CellType>;
  /** The texts that it takes where it does not take any text. */
  readonly choices: ReadonlySet<string>;
  /** Whether numbers have to be integers. */
  readonly integer: boolean;
  /** Whether `null` is a value that it takes. */
  readonly nullable: boolean;
  /** Whether a row may leave it out. */
  readonly optional: boolean;
}

/** A column that the schema does not name: it takes what it gets. */
export const UNKNOWN_CELL: SentCell = Object.freeze({
  name: "",
  types: new Set<CellType>(["text", "json"]),
  choices: new Set<string>(),
  integer: false,
  nullable: true,
  optional: true,
});

interface Found {
  readonly types: Set<CellType>;
  readonly choices: Set<string>;
  integer: boolean;
  fraction: boolean;
}

/** What a sender may write into a column of a schema. */
export function toSentCell(name: string, schema: z.ZodType): SentCell {
  const found: Found = { types: new Set(), choices: new Set(), integer: false, fraction: false };
  collect(schema, found, new Set());
  return {
    name,
    types: found.types,
    choices: found.choices,
    integer: found.integer && !found.fraction,
    nullable: takesNull(schema, new Set()),
    optional: presenceOf(schema).optin !== undefined,
  };
}

function collect(schema: z.ZodType, found: Found, seen: Set<z.ZodType>): void {
  if (seen.has(schema)) return;
  seen.add(schema);
  const definition = definitionOf(schema);
  const inside = innerOf(schema);
  if (inside !== undefined) {
    for (const inner of inside) collect(inner, found, seen);
    return;
  }
  switch (definition.type) {
    case "number":
      found.types.add("number");
      if (isInteger(schema)) found.integer = true;
      else found.fraction = true;
      return;
    case "bigint":
    case "boolean":
    case "date":
      found.types.add(definition.type);
      return;
    case "string":
    case "template_literal":
      found.types.add("text");
      return;
    case "enum":
    case "literal":
      for (const value of choicesOf(schema)!) collectValue(value, found);
      return;
    case "null":
    case "undefined":
    case "void":
      return;
    case "any":
    case "unknown":
      found.types.add("text").add("json");
      return;
    default:
      found.types.add("json");
  }
}

function collectValue(value: unknown, found: Found): void {
  if (typeof value === "string") found.choices.add(value);
  else if (typeof value === "boolean" || typeof value === "bigint")
    found.types.add(typeof value as CellType);
  else if (typeof value === "number") {
    found.types.add("number");
    found.fraction = true;
  }
}

function takesNull(schema: z.ZodType, seen: Set<z.ZodType>): boolean {
  if (seen.has(schema)) return false;
  seen.add(schema);
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "nullable":
    case "null":
    case "any":
    case "unknown":
    case "catch":
      return true;
    case "literal":
      return choicesOf(schema)!.includes(null);
    case "pipe":
      // What a preprocessing function takes is not known; JSON would hand it the null.
      return (
        isTransform(definition["in"] as z.ZodType) || takesNull(definition["in"] as z.ZodType, seen)
      );
    default:
      // Coercion makes a value of null.
      if (definition["coerce"] === true) return definition.type !== "bigint";
      return (innerOf(schema) ?? []).some((inner) => takesNull(inner, seen));
  }
}

/** The schemas that a sender has to please in place of this one; `undefined` when it is this one. */
function innerOf(schema: z.ZodType): readonly z.ZodType[] | undefined {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "nullable":
    case "optional":
    case "readonly":
    case "default":
    case "prefault":
    case "nonoptional":
    case "catch":
      return [definition["innerType"] as z.ZodType];
    case "pipe": {
      const first = definition["in"] as z.ZodType;
      return [isTransform(first) ? (definition["out"] as z.ZodType) : first];
    }
    case "union":
      return definition["options"] as z.ZodType[];
    case "intersection":
      return [definition["left"] as z.ZodType];
    case "lazy":
      return [(definition["getter"] as () => z.ZodType)()];
    default:
      return undefined;
  }
}

function isTransform(schema: z.ZodType): boolean {
  return definitionOf(schema).type === "transform";
}
