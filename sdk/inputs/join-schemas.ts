import type { JsonSchema } from "../core/json-schema.js";

/**
 * The schema of an object with these properties. A reference such as `#/$defs/Node` or `#` starts at
 * the root of its document, so what it points to moves into the definitions of the whole.
 */
export function joinSchemas(
  properties: Readonly<Record<string, JsonSchema>>,
  required: readonly string[],
): JsonSchema {
  const definitions: Record<string, unknown> = {};
  const joined = Object.entries(properties).map(([name, schema], place) => {
    const { $defs, ...root } = schema;
    const prefix = `${name.replace(/\W/g, "_")}_${place}`;
    const inner = Object.entries(($defs ?? {}) as Record<string, unknown>);
    const recursive = JSON.stringify(schema).includes('"$ref":"#"');
    if (inner.length === 0 && !recursive) return [name, structuredClone(schema)] as const;
    for (const [key, definition] of inner) {
      definitions[`${prefix}_${key}`] = renameReferences(definition, prefix);
    }
    const renamed = renameReferences(root, prefix);
    if (!recursive) return [name, renamed] as const;
    definitions[prefix] = renamed;
    return [name, { $ref: `#/$defs/${prefix}` }] as const;
  });
  return {
    type: "object",
    properties: Object.fromEntries(joined),
    ...(required.length === 0 ? {} : { required: [...required] }),
    ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions }),
  };
}

function renameReferences(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((inner) => renameReferences(inner, prefix));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string"
        ? inner.replace(/^#\/\$defs\//, `$&${prefix}_`).replace(/^#$/, `#/$defs/${prefix}`)
        : renameReferences(inner, prefix),
    ]),
  );
}
