import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { planColumns, type ColumnPlan } from "./row-plan.js";
import { toSentCell, type SentCell } from "./sent-cell.js";
import { toWireSchema } from "./wire-schema.js";
import { checksOf, definitionOf, isAsyncError } from "./zod-inside.js";

/** What is known of the rows of a table before one has come. */
export interface RowSchema {
  /** Explains why a row is not valid, and checks rows that generated code cannot check. */
  readonly wire: z.ZodType;
  /** The columns, in order; absent when a transform of the row decides them. */
  readonly columns?: readonly ColumnPlan[];
  /** The names of the columns that a row may have; absent as `columns` is. */
  readonly names: readonly string[];
  /** What a sender writes into each column, in order; empty when a function decides what a row is. */
  readonly sent: readonly SentCell[];
  /** `refuse`: `z.strictObject`. `keep`: `z.looseObject` and `.catchall()`. */
  readonly unknownColumns: "drop" | "refuse" | "keep";
  /** Whether the columns alone say which rows are valid: no refinement, no transform of the row. */
  readonly plain: boolean;
}

/**
 * Reads the schema of a row.
 * @throws SCHEMA_UNSUPPORTED when it is not an object, or needs to wait for something.
 */
export function readRowSchema(schema: z.ZodType): RowSchema {
  checkSchema(schema, "dataframe");
  const object = findObject(schema);
  if (object === undefined) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `dataframe() needs the schema of one row, an object with one property a column, and got ${nameOf(schema)}.`,
      hint: "Write dataframe(z.object({ … })); for a body that is not a table use json(schema).",
      expected: "z.object",
      received: nameOf(schema),
    });
  }
  const wire = toWireSchema(schema, limitBigInt);
  const { shape, catchall } = object === "unknown" ? {} : shapeOf(findObject(wire));
  const plain = definitionOf(wire).type === "object" && checksOf(wire).length === 0;
  const unknownColumns =
    catchall === undefined ? "drop" : definitionOf(catchall).type === "never" ? "refuse" : "keep";
  const sent = readSentCells(schema);
  if (shape === undefined) return { wire, names: [], sent, unknownColumns: "keep", plain: false };
  const columns = planColumns(shape);
  return { wire, columns, names: columns.map(({ name }) => name), sent, unknownColumns, plain };
}

/** Whether nobody looks at columns that the schema does not name. */
export function dropsUnknown({ columns, plain, unknownColumns }: RowSchema): boolean {
  return columns !== undefined && plain && unknownColumns === "drop";
}

/** The columns that a sender writes, before a transform of the row makes others of them. */
function readSentCells(schema: z.ZodType): SentCell[] {
  const definition = definitionOf(schema);
  switch (definition.type) {
    case "object":
      return Object.entries(definition["shape"] as Record<string, z.ZodType>)
        .filter(([name]) => name !== "__proto__")
        .map(([name, cell]) => toSentCell(name, cell));
    case "readonly":
      return readSentCells(definition["innerType"] as z.ZodType);
    case "pipe": {
      const first = definition["in"] as z.ZodType;
      const preprocessed = definitionOf(first).type === "transform";
      return readSentCells(preprocessed ? (definition["out"] as z.ZodType) : first);
    }
    default:
      return [];
  }
}

/**
 * Refuses what is not a schema, and one with an asynchronous refinement or transform as far as that
 * can be seen: answers are validated in one go.
 * @throws SCHEMA_UNSUPPORTED
 */
export function checkSchema(schema: unknown, input: string): asserts schema is z.ZodType {
  if (!(schema instanceof z.core.$ZodType)) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `${input}() needs a zod schema.`,
      hint: `Write ${input}(z.object({ … })), with z from zod 4.`,
      received: schema === null ? "null" : typeof schema,
    });
  }
  try {
    z.compile(schema, { strict: true });
  } catch (cause) {
    if (isAsyncError(cause)) throw refuseAsync(input, cause);
  }
}

export function refuseAsync(input: string, cause: unknown): EkibenError {
  return new EkibenError("SCHEMA_UNSUPPORTED", {
    detail: `The schema of ${input}() has an asynchronous refinement or transform.`,
    hint: "Validate at once, and do in the handler what has to be waited for.",
    cause,
  });
}

/** The object schema that a row comes out of; `unknown` when a transform comes after it. */
function findObject(schema: z.ZodType): z.ZodType | "unknown" | undefined {
  const definition = definitionOf(schema);
  if (definition.type === "object") return schema;
  if (definition.type === "readonly") return findObject(definition["innerType"] as z.ZodType);
  if (definition.type !== "pipe") return undefined;
  const out = definition["out"] as z.ZodType;
  if (definitionOf(out).type !== "transform") return findObject(out);
  return findObject(definition["in"] as z.ZodType) === undefined ? undefined : "unknown";
}

function shapeOf(object: z.ZodType | "unknown" | undefined): {
  shape?: Record<string, z.ZodType>;
  catchall?: z.ZodType;
} {
  return object === undefined || object === "unknown" ? {} : (definitionOf(object) as object);
}

function nameOf(schema: z.ZodType): string {
  return `z.${definitionOf(schema).type}`;
}

/** A column of bigints has 64 bits a value. */
function limitBigInt(schema: z.ZodType): z.ZodType {
  return schema.refine(
    (value) => typeof value !== "bigint" || BigInt.asIntN(64, value) === value,
    "Too big: expected a bigint of 64 bits",
  );
}

/**
 * The names that every object inherits: a row that leaves such a column out must not be taken to
 * have it.
 */
export function isInherited(name: string): boolean {
  return name in Object.prototype;
}

/** A row without the names that every object inherits, when a column has such a name. */
export function createPrepare(schema: RowSchema): (row: unknown) => unknown {
  if (!schema.names.some(isInherited)) return (row) => row;
  return (row) =>
    typeof row === "object" && row !== null && !Array.isArray(row)
      ? Object.assign(Object.create(null) as object, row)
      : row;
}
