import type { JsonSchema } from "../core/json-schema.js";

/** Takes the named schemas of a document. */
export type AddSchema = (name: string, schema: JsonSchema) => void;

/**
 * Makes a schema part of an OpenAPI document. A reference such as `#/$defs/Node` means the root of
 * the whole document there, so what it points to moves into the components under `prefix`.
 */
export function embedSchema(schema: JsonSchema, prefix: string, add: AddSchema): JsonSchema {
  const { $schema: _schema, id: _id, $defs, definitions, ...root } = schema;
  const inner = { ...(definitions as object), ...($defs as object) } as Record<string, JsonSchema>;
  const rename = (reference: string): string => {
    if (reference === "#") return componentOf(prefix);
    const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec(reference)?.[1];
    return name === undefined ? reference : componentOf(`${prefix}_${toComponentName(name)}`);
  };
  for (const [name, definition] of Object.entries(inner)) {
    const { id: _name, ...rest } = definition;
    add(`${prefix}_${toComponentName(name)}`, rewriteReferences(rest, rename) as JsonSchema);
  }
  const rewritten = rewriteReferences(root, rename) as JsonSchema;
  if (!JSON.stringify(root).includes('"$ref":"#"')) return rewritten;
  add(prefix, rewritten);
  return { $ref: componentOf(prefix) };
}

function rewriteReferences(value: unknown, rename: (reference: string) => string): unknown {
  if (Array.isArray(value)) return value.map((inner) => rewriteReferences(inner, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string"
        ? rename(inner)
        : rewriteReferences(inner, rename),
    ]),
  );
}

function componentOf(name: string): string {
  return `#/components/schemas/${name}`;
}

/** The names of components are of `A-Z a-z 0-9 . _ -` (OpenAPI 3.1, components object). */
export function toComponentName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, "_");
}
