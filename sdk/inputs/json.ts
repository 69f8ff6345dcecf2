import type { z } from "zod";
import { describeSchema } from "./describe-schema.js";
import type { Input, Payload } from "./input.js";
import { toJsonBytes, toJsonValue } from "./json-bytes.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { createValueReader, refuseDepth } from "./value-reader.js";

const MEDIA_TYPES = ["application/json"] as const;

/** One value of a JSON body. */
interface JsonPayload {
  /**
   * The value. A handler may change what it is given, and a request can be given twice, when its
   * batch failed: the second time it is read anew from its text.
   */
  take(): unknown;
}

/**
 * Reads one JSON value a request. `z.date()` reads ISO 8601 text, `z.bigint()` decimal text or an
 * integer up to 2^53.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 * @example json(z.object({ text: z.string() }))
 */
export function json<Schema extends z.ZodType>(
  schema: Schema,
): Input<z.input<Schema>, z.output<Schema>, z.output<Schema>[], "one"> {
  const read = createValueReader(schema, "json");
  const itemSchema = describeSchema(schema);

  /** `again` makes the sent value anew: what is read of a value may share its objects. */
  function toPayload(value: unknown, again: () => unknown): Payload<JsonPayload> {
    let first: { value: unknown } | undefined = { value: read(value) };
    const data: JsonPayload = Object.freeze({
      take() {
        const taken = first === undefined ? read(again()) : first.value;
        first = undefined;
        return taken;
      },
    });
    return Object.freeze({ items: 1, data });
  }

  const take = (payload: Payload): z.output<Schema> =>
    (payload as Payload<JsonPayload>).data.take() as z.output<Schema>;

  return Object.freeze({
    kind: "json",
    cardinality: "one",
    mediaTypes: MEDIA_TYPES,
    parse(body) {
      if (!isJsonType(body.mediaType)) refuseMediaType(body, MEDIA_TYPES);
      const text = readText(body);
      return toPayload(parseJson(text), () => JSON.parse(text));
    },
    parseJson(value) {
      const text = toText(value);
      return toPayload(value, () => JSON.parse(text));
    },
    encode: (value) => ({ bytes: toJsonBytes(value), mediaType: MEDIA_TYPES[0] }),
    toArgument: take,
    merge: (payloads) => payloads.map(take),
    content: (example) => ({
      [MEDIA_TYPES[0]]: {
        schema: structuredClone(itemSchema),
        ...(example === undefined ? {} : { example: toJsonValue(example) }),
      },
    }),
    itemSchema: () => structuredClone(itemSchema),
  } satisfies Input<z.input<Schema>, z.output<Schema>, z.output<Schema>[], "one">);
}

function toText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw refuseDepth(error);
  }
}
