import { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";
import { definitionOf } from "./zod-inside.js";

/**
 * The JSON Schema (draft 2020-12) of what a caller sends. Dates are ISO 8601 text, bigints integers
 * or decimal text; what JSON Schema cannot say is left open.
 */
export function describeSchema(schema: z.ZodType): JsonSchema {
  const described = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-2020-12",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { type } = definitionOf(zodSchema);
      if (type === "date") {
        Object.assign(jsonSchema, {
          type: "string",
          anyOf: [{ format: "date-time" }, { format: "date" }],
        });
      }
      if (type === "bigint") {
        Object.assign(jsonSchema, {
          anyOf: [{ type: "integer" }, { type: "string", pattern: "^-?\\d+$" }],
        });
      }
    },
  }) as JsonSchema;
  delete described["$schema"];
  return described;
}
