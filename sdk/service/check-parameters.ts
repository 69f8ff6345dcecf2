import type { z } from "zod";
import { createParameterReader } from "../inputs/parameters.js";
import { definitionOf } from "../inputs/zod-inside.js";
import type { ApiDefinition } from "./definition.js";
import { toExamplePayload } from "./example.js";
import { releasePayload } from "./admission.js";
import { findParameters, type Invalid } from "./route.js";

/**
 * Checks that the schemas of parameters are objects, and that the names of the path are those of
 * its schema. @throws SERVICE_INVALID by `invalid`, SCHEMA_UNSUPPORTED
 */
export function checkParameters(
  route: string,
  options: { params?: z.ZodType; query?: z.ZodType },
  invalid: Invalid,
): void {
  for (const key of ["params", "query"] as const) {
    const schema = options[key];
    if (schema === undefined) continue;
    if (typeof schema.safeParse !== "function") throw invalid(`\`${key}\` is not a zod schema.`);
    if (SINGLE.has(definitionOf(schema).type)) {
      throw invalid(`\`${key}\` is not a zod object.`, "Name each parameter: z.object({ … }).");
    }
    createParameterReader(schema, key === "params" ? "path" : "query");
  }
  if (options.params === undefined) return;
  const shape = definitionOf(options.params)["shape"] as object | undefined;
  if (shape === undefined) return;
  const inRoute = findParameters(route);
  const inSchema = Object.keys(shape);
  const missing = inSchema.find((name) => !inRoute.includes(name));
  if (missing !== undefined) {
    throw invalid(
      `\`params\` describes "${missing}", which the route /${route} does not have.`,
      `Write :${missing} as a segment of the route, or describe it in \`query\`.`,
    );
  }
  const undescribed = inRoute.find((name) => !inSchema.includes(name));
  if (undescribed !== undefined) {
    throw invalid(`the parameter ":${undescribed}" of the route is not in \`params\`.`);
  }
}

/** Types of values that have no names in them. */
const SINGLE: ReadonlySet<string> = new Set([
  "array",
  "bigint",
  "boolean",
  "date",
  "enum",
  "file",
  "literal",
  "number",
  "set",
  "string",
  "template_literal",
  "tuple",
]);

/** An example that the schema refuses would be a page that shows how to get an error. */
export function checkExample(api: ApiDefinition, invalid: Invalid): void {
  const refuse = (error: unknown): never => {
    throw invalid(
      `its example is not valid: ${error instanceof Error ? error.message : String(error)}`,
    );
  };
  try {
    const payload = toExamplePayload(api);
    // What is read in the background is checked when the service starts.
    if (payload instanceof Promise) payload.then(releasePayload).catch(() => {});
    else if (payload !== undefined) releasePayload(payload);
  } catch (error) {
    refuse(error);
  }
  for (const [key, where] of [
    ["params", "path"],
    ["query", "query"],
  ] as const) {
    const schema = api[key];
    const given = api.exampleParameters?.[key];
    if (schema === undefined || given === undefined) continue;
    try {
      createParameterReader(schema, where)(given);
    } catch (error) {
      refuse(error);
    }
  }
}
