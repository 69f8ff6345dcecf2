import type { z } from "zod";
import type { HeaderReader } from "../core/header-reader.js";
import { decodeText } from "../core/decode-text.js";
import type { RequestBody } from "./input.js";
import { parseJson, readText } from "./json-text.js";
import { createValueReader } from "./value-reader.js";

/** A request as the `parse` of an author's own input sees it. */
export interface InputRequest {
  /** The body, unpacked when it came compressed. */
  readonly bytes: Uint8Array;
  /** In lower case without parameters, `""` when the request names none. */
  readonly mediaType: string;
  /** The parameters of the media type, names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly headers: HeaderReader;
  /**
   * The body as text, in the charset that its content type names, else in UTF-8.
   * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED
   */
  text(): string;
  /**
   * The body as JSON, made anew each time; with a schema it is checked.
   * @throws BODY_MALFORMED with line and column, or INPUT_INVALID with what is wrong and where.
   */
  json(): any;
  json<Schema extends z.ZodType>(schema: Schema): z.output<Schema>;
}

type ReadValue = (value: unknown) => unknown;

/** Compiling a schema takes longer than a small request. */
const readers = new WeakMap<z.ZodType, ReadValue>();
const NO_HEADERS: HeaderReader = { get: () => null };

export function createInputRequest(body: RequestBody): InputRequest {
  const { bytes, mediaType, parameters, headers = NO_HEADERS } = body;

  function json(schema?: z.ZodType): unknown {
    const value = parseJson(readText(body));
    return schema === undefined ? value : findReader(schema)(value);
  }

  return {
    bytes,
    mediaType,
    parameters,
    headers,
    text: () => decodeText(bytes, parameters["charset"]),
    json: json as InputRequest["json"],
  };
}

function findReader(schema: z.ZodType): ReadValue {
  let reader = readers.get(schema);
  if (reader === undefined) {
    reader = createValueReader(schema, "request.json");
    readers.set(schema, reader);
  }
  return reader;
}
