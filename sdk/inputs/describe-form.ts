import type { JsonSchema } from "../core/json-schema.js";
import type { PartSpec } from "./form-parts.js";
import type { Input, InputContent, InputPart } from "./input.js";
import { joinSchemas } from "./join-schemas.js";
import { toJsonValue } from "./json-bytes.js";
import { MULTIPART_TYPE } from "./multipart.js";

const JSON_TYPE = "application/json";

type FieldValues = Readonly<Record<string, unknown>>;

/** What a client has to know of the parts to write them. */
export function describeParts(specs: readonly PartSpec[]): Record<string, InputPart> {
  return Object.fromEntries(
    specs.map(({ name, input: { kind, mediaTypes, hints }, repeated }) => [
      name,
      Object.freeze({ kind, mediaTypes, repeated, ...hints }),
    ]),
  );
}

export function describeContent(
  specs: readonly PartSpec[],
  mediaTypes: readonly string[],
  example?: FieldValues,
): Record<string, InputContent> {
  const encoding = Object.fromEntries(
    specs.map(({ name, input }) => {
      const types = input.mediaTypes.filter((type) => type !== MULTIPART_TYPE);
      return [name, { contentType: types.join(", ") }];
    }),
  );
  const content: Record<string, InputContent> = {
    [MULTIPART_TYPE]: { schema: describeForm(specs, describePart), encoding },
  };
  for (const mediaType of mediaTypes.slice(1)) {
    content[mediaType] = { schema: describeForm(specs, describeValueOf) };
  }
  const asJson = content[JSON_TYPE];
  if (asJson !== undefined && example !== undefined) asJson.example = showFields(specs, example);
  return content;
}

/** A form as a caller writes it in JSON. */
function showFields(specs: readonly PartSpec[], sent: FieldValues): FieldValues {
  const fields = specs.flatMap(({ name, input, repeated }) => {
    if (!Object.hasOwn(sent, name) || sent[name] === undefined) return [];
    const show = (value: unknown): unknown =>
      input.content(value)[JSON_TYPE]?.example ?? showValue(value);
    const value = sent[name];
    return [[name, repeated ? (value as unknown[]).map(show) : show(value)] as const];
  });
  return Object.fromEntries(fields);
}

/** Bytes stand in JSON as files and images read them. */
function showValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { b64: Buffer.from(value).toString("base64") };
  const { bytes, ...rest } = Object(value) as FieldValues;
  if (bytes instanceof Uint8Array) return { ...(showValue(bytes) as object), ...rest };
  return toJsonValue(value);
}

function describeForm(
  specs: readonly PartSpec[],
  describe: (input: Input) => JsonSchema,
): JsonSchema {
  const required = specs.filter(({ optional }) => !optional).map(({ name }) => name);
  const single = Object.fromEntries(specs.map(({ name, input }) => [name, describe(input)]));
  const joined = joinSchemas(single, required);
  const properties = { ...(joined["properties"] as Record<string, JsonSchema>) };
  for (const { name, repeated } of specs) {
    if (repeated) properties[name] = { type: "array", items: properties[name] };
  }
  return { ...joined, properties };
}

/** What a part looks like in its own media type. */
function describePart(input: Input): JsonSchema {
  return input.content()[input.mediaTypes[0]!]?.schema ?? {};
}

/** What a part looks like as a JSON value. */
function describeValueOf(input: Input): JsonSchema {
  const known = input.content()[JSON_TYPE]?.schema;
  if (known !== undefined) return known;
  return input.cardinality === "one"
    ? input.itemSchema()
    : { type: "array", items: input.itemSchema() };
}

/** A form as a JSON value. */
export function describeItem(specs: readonly PartSpec[]): JsonSchema {
  return describeForm(specs, describeValueOf);
}
