import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "../inputs/describe-schema.js";
import type { ApiDefinition } from "../service/definition.js";
import { findParameters } from "../service/route.js";
import { embedSchema, type AddSchema } from "./openapi-schema.js";
import { findRequestExample } from "./request-example.js";

interface Parameter {
  name: string;
  in: "path" | "query";
  required: boolean;
  description?: string;
  schema: { type: "string" };
  example?: unknown;
}

/** The parameters of the path and the query string, each with its part of their schema. */
export function toParameters(api: ApiDefinition, add: AddSchema): Parameter[] {
  return [...listParameters(api, "path", add), ...listParameters(api, "query", add)];
}

function listParameters(api: ApiDefinition, where: "path" | "query", add: AddSchema): Parameter[] {
  const key = where === "path" ? "params" : "query";
  const given = api[key];
  const { $defs, ...schema } = given === undefined ? {} : describeSchema(given);
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  const required = (schema["required"] ?? []) as string[];
  const examples = findRequestExample(api).parameters[key] ?? {};
  const names = where === "path" ? findParameters(api.route) : Object.keys(properties);
  return names.map((name) => {
    const { description, ...own } = properties[name] ?? { type: "string" };
    const whole = $defs === undefined ? own : { ...own, $defs };
    return {
      name,
      in: where,
      required: where === "path" || required.includes(name),
      ...(typeof description === "string" ? { description } : {}),
      schema: embedSchema(whole, `${api.name}_${key}_${name}`, add) as { type: "string" },
      ...(examples[name] === undefined ? {} : { example: toExample(examples[name]) }),
    };
  });
}

/** As JSON has it: an author may write a Date. */
function toExample(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)),
  );
}
