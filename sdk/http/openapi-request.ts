import type { JsonSchema } from "../core/json-schema.js";
import type { Input, InputContent } from "../inputs/input.js";
import { isJsonType } from "../inputs/json-text.js";
import { parseMediaType } from "../inputs/media-type.js";
import { CSV_TYPE, TSV_TYPE } from "../inputs/table-media-types.js";
import { MULTIPART_TYPE } from "../inputs/multipart.js";
import { URL_ENCODED_TYPE } from "../inputs/url-encoded.js";
import type { ApiDefinition } from "../service/definition.js";
import { toJsonForm, withFieldExamples } from "./openapi-form.js";
import { isValid } from "./openapi-sample.js";
import { embedSchema, type AddSchema } from "./openapi-schema.js";
import { findRequestExample, isReadFromJson, type RequestExample } from "./request-example.js";

/** The body of a request by media type, each with an example where it is text. */
export function toRequestContent(api: ApiDefinition, add: AddSchema): Record<string, InputContent> {
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
  const described = Object.fromEntries(
    bodies
      .filter(([mediaType]) => !(isNamed && mediaType.includes("*")))
      .map(([mediaType, body]) => [mediaType, toBody(api, mediaType, body, example)]),
  );
  addTabs(described);
  return described;
}

/** Tabs are said as commas are, in the same fields. */
function addTabs({ [CSV_TYPE]: commas, [TSV_TYPE]: tabs }: Record<string, InputContent>): void {
  const example = commas?.example;
  if (tabs === undefined || tabs.example !== undefined || typeof example !== "string") return;
  if (example.includes("\t")) return;
  tabs.example = example.replace(/"(?:[^"]|"")*"|,/g, (part) => (part === "," ? "\t" : part));
}

function toBody(
  api: ApiDefinition,
  mediaType: string,
  { schema, encoding, example: given }: InputContent,
  example: RequestExample,
): InputContent {
  const described: InputContent = {
    schema: toDocumentSchema(mediaType, schema),
    ...(encoding === undefined ? {} : { encoding: toEncoding(encoding, schema) }),
  };
  if (isForm(mediaType)) return withFieldExamples(described, api.input, mediaType, example);
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
  if (isText(mediaType))
    return format === "binary" ? rest : { ...rest, ...(format ? { format } : {}) };
  return { ...rest, type: "string", format: "binary", contentMediaType: mediaType };
}

/**
 * The content types of the fields of a form: all of a file's, since a browser takes the one of the file
 * that is chosen, and one for a text, since it would send a list as it is.
 */
function toEncoding(encoding: Encoding, schema: JsonSchema): Encoding {
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  return Object.fromEntries(
    Object.entries(encoding).map(([name, { contentType }]) => {
      const [first = ""] = contentType.split(",");
      const property = properties[name] ?? {};
      const one = (property["items"] ?? property) as JsonSchema;
      const isFile = property["format"] === "binary" || one["format"] === "binary";
      return [name, { contentType: isFile ? contentType : first.trim() }];
    }),
  );
}

type Encoding = NonNullable<InputContent["encoding"]>;

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
