import { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import { printPath, toFinding, valueAt } from "./findings.js";
import { checkSchema, refuseAsync } from "./row-schema.js";
import { toWireSchema } from "./wire-schema.js";
import { isAsyncError } from "./zod-inside.js";

const MOST_SHOWN = 20;

/**
 * Compiles the schema of a value that came as JSON; `input` is the function that it was given to.
 * What it answers throws INPUT_INVALID with what is wrong and where.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 */
export function createValueReader<Schema extends z.ZodType>(
  schema: Schema,
  input: string,
): (value: unknown) => z.output<Schema> {
  checkSchema(schema, input);
  const compiled = z.compile(toWireSchema(schema as z.ZodType));
  return (value) => {
    try {
      const result = compiled.safeParse(value);
      if (result.success) return result.data as z.output<Schema>;
      throw explain(result.error.issues, value);
    } catch (error) {
      throw toSchemaError(error, input);
    }
  };
}

function explain(issues: readonly z.core.$ZodIssue[], value: unknown): EkibenError {
  const found = issues.map((issue): Issue => {
    const path = printPath(issue.path);
    const finding = toFinding(issue, valueAt(value, issue.path));
    return path === "" ? finding : { path, ...finding };
  });
  return refuseValue(found);
}

/** The error for what is wrong with a value. */
export function refuseValue(found: readonly Issue[]): EkibenError {
  const [first] = found;
  const where = first?.path === undefined ? "" : `${first.path}: `;
  const rest = found.length === 1 ? "" : ` (and ${found.length - 1} more)`;
  return new EkibenError("INPUT_INVALID", {
    detail: `The body is not valid: ${where}${first?.message}${rest}.`,
    issues: found.slice(0, MOST_SHOWN),
    issueCount: found.length,
  });
}

function toSchemaError(error: unknown, input: string): unknown {
  if (isAsyncError(error)) return refuseAsync(input, error);
  return refuseDepth(error);
}

/** The error for a value that is nested deeper than the stack; any other error as it is. */
export function refuseDepth(error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new EkibenError("INPUT_INVALID", {
    detail: "The body is nested too deeply to be checked.",
    cause: error,
  });
}
