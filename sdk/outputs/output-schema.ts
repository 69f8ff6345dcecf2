import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "../inputs/describe-schema.js";
import { checkSchema } from "../inputs/row-schema.js";

/**
 * The JSON Schema of one output. Outputs are checked but sent as the handler made them, so this is
 * the side of the schema that goes in.
 * @throws SCHEMA_UNSUPPORTED for what is no schema, has to be waited for, or has no JSON Schema.
 */
export function readOutputSchema(output: string, schema: z.ZodType | undefined): JsonSchema {
  if (schema === undefined) return {};
  checkSchema(schema, output);
  try {
    return describeSchema(schema);
  } catch (cause) {
    throw new EkibenError("SCHEMA_UNSUPPORTED", {
      detail: `The schema of ${output}() has no JSON Schema: ${(cause as Error).message}`,
      cause,
    });
  }
}

/**
 * The schema of each value of a stream as part of the schema of the whole, whose definitions hold
 * what the values refer to.
 */
export function describeValues(schema: z.ZodType | undefined): JsonSchema {
  if (schema === undefined) return { itemSchema: {} };
  const { items, $defs } = describeSchema(z.array(schema));
  // OpenAPI 3.1 describes no single value of a stream; this is the keyword of 3.2.
  return $defs === undefined ? { itemSchema: items } : { itemSchema: items, $defs };
}
