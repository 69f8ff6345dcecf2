import type { JsonSchema } from "../core/json-schema.js";
import type { Input, InputContent } from "../inputs/input.js";
import { isJsonType } from "../inputs/json-text.js";
import { parseMediaType } from "../inputs/media-type.js";
import { MULTIPART_TYPE } from "../inputs/multipart.js";
import { URL_ENCODED_TYPE } from "../inputs/url-encoded.js";
import type { ApiDefinition } from "../service/definition.js";
import { toJsonForm, withFieldExamples } from "./openapi-form.js";
import { isValid } from "./openapi-sample.js";
import { embedSchema, type AddSchema } from "./openapi-schema.js";
import { findRequestExample, isReadFromJson, type RequestExample } from "./request-example.js";

/** The body of a request by media type, each with an example where it is text. */
export function toRequestContent(
  api: ApiDefinition,
  add: AddSchema,
): Record<string, InputContent> {
  const example = findRequestExample(api);
  const content: Record<string, InputContent> = {};
  for (const [mediaType, described] of Object.entries(describeBodies(api, example))) {
    const count = Object.keys(content).length;
    const prefix = count === 0 ? `${api.name}_input` : `${api.name}_input_${count + 1}`;
    content[mediaType] = { ...described, schema: embedSchema(described.schema, prefix, add) };
  }
  return content;
}

/** The same as the input describes, before any of it is part of a document. */
export function describeBodies(
  api: ApiDefinition,
  example: RequestExample,
): Record<string, InputContent> {
  const { input } = api;
  const bodies = Object.entries(input.content(example.value));
  // A browser has to name one type, so a pattern stays only where it is all there is.
  const isNamed = bodies.some(([mediaType]) => !mediaType.includes("*") && !isForm(mediaType));
  return Object.fromEntries(
    bodies
      .filter(([mediaType]) => !(isNamed && mediaType.includes("*")))
      .map(([mediaType, body]) => [mediaType, toBody(api, mediaType, body, example)]),
  );
}

function toBody(
  api: ApiDefinition,
  mediaType: string,
  { schema, encoding, example: given }: InputContent,
  example: RequestExample,
): InputContent {
  const described: InputContent = {
    schema: toDocumentSchema(mediaType, schema),
    ...(encoding === undefined ? {} : { encoding: toEncoding(encoding) }),
  };
  if (isForm(mediaType)) return withFieldExamples(described, api.input, example);
  if (!isText(mediaType)) return described;
  const shown = given ?? findExample(api, mediaType, described.schema, example);
  return shown === undefined ? described : { ...described, example: shown };
}

function isForm(mediaType: string): boolean {
  return mediaType === MULTIPART_TYPE || mediaType === URL_ENCODED_TYPE;
}

const LINES_TYPE = "application/x-ndjson";

/** Whether a body of a media type is text, so that it can be shown and written by hand. */
export function isText(mediaType: string): boolean {
  return mediaType.startsWith("text/") || mediaType === LINES_TYPE || isJsonType(mediaType);
}

/**
 * Text gets a field to write it, all else a chooser for a file. Swagger UI goes by these keywords,
 * which for a whole body only say again what its media type is.
 */
function toDocumentSchema(mediaType: string, schema: JsonSchema): JsonSchema {
  if (isForm(mediaType) || isJsonType(mediaType)) return schema;
  const { contentMediaType: _type, format, ...rest } = schema;
  if (isText(mediaType)) return format === "binary" ? rest : { ...rest, ...(format ? { format } : {}) };
  return { ...rest, type: "string", format: "binary", contentMediaType: mediaType };
}

/** A content type of a part may be a list in OpenAPI, which a browser would send as it is. */
function toEncoding(encoding: NonNullable<InputContent["encoding"]>): InputContent["encoding"] {
  return Object.fromEntries(
    Object.entries(encoding).filter(([, { contentType }]) => contentType !== ""),
  );
}

/** An example for one of the other media types of an input: the same request, or none. */
function findExample(
  { input }: ApiDefinition,
  mediaType: string,
  schema: JsonSchema,
  example: RequestExample,
): unknown {
  const { value, body } = example;
  if (body === undefined) return undefined;
  const encoded = parseMediaType(body.mediaType).mediaType;
  const text = (): string => Buffer.from(body.bytes).toString("utf8");
  if (encoded === mediaType) return isJsonType(mediaType) ? JSON.parse(text()) : text();
  if (!isJsonType(mediaType)) return undefined;
  const written = body.bytes.byteLength > LONGEST_BYTES ? [] : toJson(input, schema, example);
  return [value, ...written].find(
    (one) => isPlain(one) && isValid(schema, one) && isReadFromJson(input, one),
  );
}

/** What the body of an example may look like in JSON. */
function toJson(input: Input, schema: JsonSchema, example: RequestExample): unknown[] {
  const form = toJsonForm(input, schema, example);
  if (form !== undefined) return [form];
  const b64 = Buffer.from(example.body!.bytes).toString("base64");
  return [b64, { b64 }];
}

const LONGEST_BYTES = 3000;

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object") return value !== undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  const isOpen = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  return isOpen && Object.values(value).every(isPlain);
}
