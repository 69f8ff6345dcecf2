import { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "./describe-schema.js";
import type { EncodedBody, Input, InputContent } from "./input.js";
import { toJsonBytes } from "./json-bytes.js";
import { isJsonType } from "./json-text.js";

/** What an author's own input tells of its requests. */
export interface DescribedRequest {
  mediaTypes: readonly string[];
  input?: Input | undefined;
  items?: z.ZodType | undefined;
  many?: boolean | undefined;
  schema?: z.ZodType | JsonSchema | undefined;
  example?: unknown;
  content?: Readonly<Record<string, InputContent>> | undefined;
  encode?(value: any): Uint8Array | string;
}

/** Writes a request in the first media type. */
export function encodeRequest(described: DescribedRequest, value: unknown): EncodedBody {
  const [first = ""] = described.mediaTypes;
  const mediaType = first.includes("*") ? "application/octet-stream" : first;
  const own = described.encode;
  const written: unknown = own === undefined ? value : own(value);
  if (written instanceof Uint8Array) return { bytes: written, mediaType };
  // Without a function of its author's own, a text that is sent as JSON gets its quotes.
  const asText = typeof written === "string" && (own !== undefined || !isJsonType(mediaType));
  return { bytes: asText ? Buffer.from(written) : toJsonBytes(written), mediaType };
}

export function describeRequest(
  described: DescribedRequest,
  example: unknown,
): Record<string, InputContent> {
  const { mediaTypes, schema, content } = described;
  if (content !== undefined) return structuredClone(content) as Record<string, InputContent>;
  return Object.fromEntries(
    mediaTypes.map((mediaType, place) => {
      const entry: InputContent = { schema: schema === undefined ? {} : toJsonSchema(schema) };
      const shown = place === 0 ? showExample(described, example ?? described.example) : undefined;
      return [mediaType, shown === undefined ? entry : { ...entry, example: shown }];
    }),
  );
}

/** A request as it is written, where that is text. */
function showExample(described: DescribedRequest, example: unknown): unknown {
  if (example === undefined) return undefined;
  const { bytes, mediaType } = encodeRequest(described, example);
  const text = Buffer.from(bytes).toString();
  if (isJsonType(mediaType)) return JSON.parse(text);
  return mediaType.startsWith("text/") ? text : undefined;
}

/** The JSON Schema of one item, as far as it is known. */
export function describeItem({ input, items, schema, many }: DescribedRequest): JsonSchema {
  if (input !== undefined) return input.itemSchema();
  if (items !== undefined) return describeSchema(items);
  return schema === undefined || many === true ? {} : toJsonSchema(schema);
}

function toJsonSchema(schema: z.ZodType | JsonSchema): JsonSchema {
  return schema instanceof z.core.$ZodType
    ? describeSchema(schema as z.ZodType)
    : structuredClone(schema);
}
