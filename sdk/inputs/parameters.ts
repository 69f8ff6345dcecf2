import { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import { printPath, toFinding, valueAt } from "./findings.js";
import { mapLeaves, readBigInt, readDate } from "./wire-schema.js";
import { definitionOf, isAsyncError } from "./zod-inside.js";

/** Reads the parameters of a path or a query string. @throws INPUT_INVALID */
export type ReadParameters = (sent: Readonly<Record<string, unknown>>) => unknown;

const NUMBER = /^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Compiles the schema of parameters. All that a URL holds is text: where the schema says number,
 * integer, truth value, bigint or date, the text is read as that; where it says array, a single
 * value is an array of one.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 */
export function createParameterReader(schema: z.ZodType, where: "path" | "query"): ReadParameters {
  try {
    z.compile(schema, { strict: true });
  } catch (cause) {
    if (isAsyncError(cause)) throw refuseAsync(where, cause);
  }
  const compiled = z.compile(mapLeaves(schema, readFromText, asArray));
  return (sent) => {
    try {
      const result = compiled.safeParse(sent);
      if (result.success) return result.data;
      throw explain(result.error.issues, sent, where);
    } catch (error) {
      throw isAsyncError(error) ? refuseAsync(where, error) : error;
    }
  };
}

function readFromText(leaf: z.ZodType): z.ZodType {
  const definition = definitionOf(leaf);
  if (definition["coerce"] === true) return leaf;
  const read = definition.type === "literal" ? readLiteral(leaf) : READERS[definition.type];
  return read === undefined ? leaf : z.preprocess(read, leaf);
}

/** The literal whose text it is. */
function readLiteral(leaf: z.ZodType): (value: unknown) => unknown {
  const values = definitionOf(leaf)["values"] as readonly unknown[];
  return (value) => values.find((one) => one === value || String(one) === value) ?? value;
}

const READERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  number: (value) => (typeof value === "string" && NUMBER.test(value) ? Number(value) : value),
  boolean: (value) => (value === "true" ? true : value === "false" ? false : value),
  bigint: readBigInt,
  date: readDate,
};

function asArray(array: z.ZodType): z.ZodType {
  return z.preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    array,
  );
}

function explain(
  issues: readonly z.core.$ZodIssue[],
  sent: object,
  where: "path" | "query",
): EkibenError {
  const found = issues.map((issue): Issue => {
    const finding = toFinding(issue, valueAt(sent, issue.path));
    return { path: `${where}.${printPath(issue.path)}`.replace(/\.$/, ""), ...finding };
  });
  const [first] = found;
  const rest = found.length === 1 ? "" : ` (and ${found.length - 1} more)`;
  return new EkibenError("INPUT_INVALID", {
    detail: `The ${where} parameters are not valid: ${first?.path}: ${first?.message}${rest}.`,
    issues: found.slice(0, 20),
    issueCount: found.length,
  });
}

function refuseAsync(where: "path" | "query", cause: unknown): EkibenError {
  return new EkibenError("SCHEMA_UNSUPPORTED", {
    detail: `The schema of the ${where} parameters has an asynchronous refinement or transform.`,
    hint: "Validate at once, and do in the handler what has to be waited for.",
    cause,
  });
}
