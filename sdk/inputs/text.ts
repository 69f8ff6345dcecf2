import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import { decodeText } from "../core/decode-text.js";
import { describeSchema } from "./describe-schema.js";
import { describeValue } from "./findings.js";
import type { Input, Payload } from "./input.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { createValueReader } from "./value-reader.js";

const TEXT_TYPE = "text/plain";
const JSON_TYPE = "application/json";
const MEDIA_TYPES = [TEXT_TYPE, JSON_TYPE] as const;

/** A text as it was sent; what the schema makes of it is made for each use. */
interface TextPayload {
  take(): unknown;
}

type TextInput<Output> = Input<string, Output, Output[], "one">;

/**
 * Reads one text a request: a body of `text/plain` in any charset that it names (UTF-8 when it names
 * none), or a JSON string. The schema may check or transform the text.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 * @example text(z.string().min(1).max(10_000))
 */
export function text<Output = string>(schema?: z.ZodType<Output, string>): TextInput<Output> {
  const itemSchema = schema === undefined ? { type: "string" } : describeSchema(schema);
  const read = schema === undefined ? undefined : createValueReader(schema, "text");

  function toPayload(sent: string): Payload<TextPayload> {
    let first = read === undefined ? undefined : { value: read(sent) as unknown };
    const data: TextPayload = Object.freeze({
      take() {
        if (read === undefined) return sent;
        const taken = first === undefined ? read(sent) : first.value;
        first = undefined;
        return taken;
      },
    });
    return Object.freeze({ items: 1, data });
  }

  function fromValue(value: unknown): Payload<TextPayload> {
    if (typeof value === "string") return toPayload(value);
    const received = describeValue(value);
    throw refuse(`Expected a text, got ${received}.`, "a text", received);
  }

  const take = (payload: Payload): Output =>
    (payload as Payload<TextPayload>).data.take() as Output;

  return Object.freeze({
    kind: "text",
    cardinality: "one",
    mediaTypes: MEDIA_TYPES,
    parse(body) {
      const { bytes, mediaType, parameters } = body;
      if (mediaType === "" || mediaType === TEXT_TYPE) {
        return toPayload(decodeText(bytes, parameters["charset"]));
      }
      if (isJsonType(mediaType)) return fromValue(parseJson(readText(body)));
      return refuseMediaType(body, MEDIA_TYPES);
    },
    parseJson: fromValue,
    parseTensors: (tensors) => toPayload(readTensor(tensors)),
    describeTensors: () => [{ name: "text", dtype: "string", shape: [null] }],
    encode: (value) => ({
      bytes: Buffer.from(String(value), "utf8"),
      mediaType: `${TEXT_TYPE}; charset=utf-8`,
    }),
    toArgument: take,
    merge: (payloads) => payloads.map(take),
    content(example) {
      const shown = example === undefined ? {} : { example: String(example) };
      return {
        [TEXT_TYPE]: { schema: structuredClone(itemSchema), ...shown },
        [JSON_TYPE]: { schema: structuredClone(itemSchema), ...shown },
      };
    },
    itemSchema: () => structuredClone(itemSchema),
  } satisfies TextInput<Output>);
}

function readTensor(tensors: readonly NamedTensor[]): string {
  const [tensor] = tensors;
  if (tensors.length !== 1 || tensor === undefined) {
    throw refuse(`Expected one tensor, got ${tensors.length}.`, "one tensor", `${tensors.length}`);
  }
  const [text] = tensor.data;
  if (tensor.type === "string" && tensor.data.length === 1) return text as string;
  const received = `${tensor.data.length} elements of ${tensor.type}`;
  throw refuse(
    `Expected the tensor ${JSON.stringify(tensor.name)} to hold one text, got ${received}.`,
    "one element of BYTES",
    received,
  );
}

function refuse(detail: string, expected: string, received: string): EkibenError {
  return new EkibenError("INPUT_INVALID", { detail, expected, received });
}
