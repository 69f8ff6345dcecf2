import type { z } from "zod";
import type { ColumnKind } from "../frame/column.js";
import { checksOf, definitionOf } from "../inputs/zod-inside.js";

/** A column of the table that outputs make, as their schema promises it. */
export interface OutputColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Whether an output may lack the value: `null`, or nothing at all. */
  readonly nullable: boolean;
}

/** The name of the only column of outputs that are no objects. */
export const SINGLE_COLUMN = "output";

/** What a schema says of the table that its outputs make. */
export interface OutputTable {
  readonly columns: readonly OutputColumn[];
  /** The outputs are no objects: each is the cell of a column of its own. */
  readonly isSingle: boolean;
  /** Outputs may have keys that are none of the columns, as in `z.looseObject`. */
  readonly isOpen: boolean;
}

/** The table of outputs of this schema, or `undefined` where it does not say which columns there are. */
export function toOutputTable(schema: z.ZodType | undefined): OutputTable | undefined {
  if (schema === undefined) return undefined;
  const { inner, nullable } = unwrap(schema);
  const { type, ...definition } = definitionOf(inner);
  if (type === "object" && !nullable) {
    const columns = Object.entries(definition["shape"] as Record<string, z.ZodType>).map(
      ([name, column]) => toColumn(name, column),
    );
    const catchall = definition["catchall"] as z.ZodType | undefined;
    const isOpen = catchall !== undefined && definitionOf(catchall).type !== "never";
    return { columns, isSingle: false, isOpen };
  }
  const column = toColumn(SINGLE_COLUMN, schema);
  return column.kind === "json" && !IS_NO_OBJECT.has(type)
    ? undefined
    : { columns: [column], isSingle: true, isOpen: false };
}

const IS_NO_OBJECT: ReadonlySet<string> = new Set(["array", "tuple", "set"]);

function toColumn(name: string, schema: z.ZodType): OutputColumn {
  const { inner, nullable } = unwrap(schema);
  return { name, kind: kindOf(inner), nullable };
}

/** What a handler may return is what goes into a schema, so of a pipe it is what stands at its start. */
function unwrap(schema: z.ZodType): { inner: z.ZodType; nullable: boolean } {
  let inner = schema;
  let nullable = false;
  for (;;) {
    const definition = definitionOf(inner);
    switch (definition.type) {
      case "nullable":
      case "optional":
      case "default":
      case "prefault":
      case "catch":
        nullable = true;
        break;
      case "readonly":
      case "nonoptional":
        break;
      case "pipe":
        inner = definition["in"] as z.ZodType;
        continue;
      case "union": {
        const options = definition["options"] as z.ZodType[];
        const present = options.filter((option) => !isNothing(option));
        nullable ||= present.length < options.length;
        if (present.length !== 1) {
          return { inner, nullable: nullable || present.some((option) => unwrap(option).nullable) };
        }
        inner = present[0]!;
        continue;
      }
      case "literal":
      case "enum":
        return { inner, nullable: nullable || valuesOf(inner).some(isMissing) };
      default:
        return { inner, nullable };
    }
    inner = definition["innerType"] as z.ZodType;
  }
}

function isNothing(schema: z.ZodType): boolean {
  return ["null", "undefined", "void"].includes(definitionOf(schema).type);
}

export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

const INTEGER_FORMATS: readonly unknown[] = ["safeint", "int32", "uint32"];

/** The kind of a schema that nothing is wrapped around. */
function kindOf(schema: z.ZodType): ColumnKind {
  const definition = definitionOf(schema);
  // Anything may go into what is coerced.
  if (definition["coerce"] === true) return "json";
  switch (definition.type) {
    case "number": {
      const formats = [definition, ...checksOf(schema)].map((check) => check["format"]);
      return formats.some((format) => INTEGER_FORMATS.includes(format)) ? "int" : "float64";
    }
    case "string":
    case "template_literal":
      return "string";
    case "boolean":
    case "bigint":
    case "date":
      return definition.type;
    case "enum":
    case "literal":
      return kindOfValues(valuesOf(schema));
    case "union": {
      const options = definition["options"] as z.ZodType[];
      const present = options.filter((option) => !isNothing(option));
      const [kind, ...others] = new Set(present.map((option) => kindOf(unwrap(option).inner)));
      return kind === undefined || others.length > 0 ? "json" : kind;
    }
    default:
      return "json";
  }
}

/** The values of an enumeration or of literals. */
function valuesOf(schema: z.ZodType): readonly unknown[] {
  const definition = definitionOf(schema);
  if (definition.type === "literal") return definition["values"] as unknown[];
  const entries = Object.entries(definition["entries"] as Record<string, unknown>);
  // An enumeration of TypeScript with numbers also leads from each number to its name.
  const numbers = new Set(entries.map(([, value]) => value).filter((value) => isNumber(value)));
  return entries.filter(([key]) => !numbers.has(Number(key))).map(([, value]) => value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function kindOfValues(values: readonly unknown[]): ColumnKind {
  const present = values.filter((value) => !isMissing(value));
  const [type, ...others] = new Set(present.map((value) => typeof value));
  if (others.length > 0) return "json";
  if (type === "string" || type === "boolean" || type === "bigint") return type;
  return type === "number" ? "float64" : "json";
}
