import type { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";
import type { Orient } from "../tables/orients.js";

/** The JSON Schema of a table in an orient; a cell that a row may leave out is `null` there. */
export function describeOrient(
  orient: Orient,
  row: z.ZodType | undefined,
  rowSchema: JsonSchema,
): JsonSchema {
  const { $defs, ...one } = structuredClone(rowSchema);
  const properties = (one["properties"] ?? {}) as Record<string, JsonSchema>;
  const required = (one["required"] ?? []) as string[];
  const isKnown = row !== undefined && !JSON.stringify(one).includes('"$ref":"#"');
  if (!isKnown) return structuredClone(SHAPES[orient]);
  const cells = Object.entries(properties).map(([name, cell]): [string, JsonSchema] => [
    name,
    required.includes(name) ? cell : { anyOf: [cell, { type: "null" }] },
  ]);
  const record = {
    ...one,
    properties: Object.fromEntries(cells),
    required: Object.keys(properties),
  };
  const described = describeKnown(orient, record, cells);
  return $defs === undefined ? described : { ...described, $defs };
}

const SHAPES: Readonly<Record<Orient, JsonSchema>> = {
  records: { type: "array", items: { type: "object" } },
  values: { type: "array", items: { type: "array" } },
  columns: { type: "object", additionalProperties: { type: "object" } },
  index: { type: "object", additionalProperties: { type: "object" } },
  split: {
    type: "object",
    required: ["columns", "index", "data"],
    properties: {
      columns: { type: "array", items: { type: "string" } },
      index: { type: "array", items: { type: "integer" } },
      data: { type: "array", items: { type: "array" } },
    },
  },
};

function describeKnown(
  orient: Orient,
  record: JsonSchema,
  cells: readonly (readonly [string, JsonSchema])[],
): JsonSchema {
  const values = { type: "array", prefixItems: cells.map(([, cell]) => cell) };
  switch (orient) {
    case "records":
      return { type: "array", items: record };
    case "index":
      return { type: "object", additionalProperties: record };
    case "values":
      return { type: "array", items: values };
    case "columns": {
      const columns = cells.map(([name, cell]) => [
        name,
        { type: "object", additionalProperties: cell },
      ]);
      return {
        type: "object",
        properties: Object.fromEntries(columns) as JsonSchema,
        required: cells.map(([name]) => name),
      };
    }
    case "split": {
      const { properties, ...split } = structuredClone(SHAPES.split);
      const data = { type: "array", items: values };
      return { ...split, properties: { ...(properties as object), data } };
    }
  }
}
