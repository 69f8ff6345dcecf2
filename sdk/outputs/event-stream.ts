import type { z } from "zod";
import { createParser } from "eventsource-parser";
import { EVENT_STREAM_TYPE } from "./media-types.js";
import type { Output } from "./output.js";
import { describeValues, readOutputSchema } from "./output-schema.js";
import { printJson } from "./print-json.js";
import { parseText } from "./read-text.js";
import { readStream, type StreamRead } from "./stream-read.js";

const MEDIA_TYPES = Object.freeze([EVENT_STREAM_TYPE]);
const BREAK = "error";

/**
 * Sends each value that the handler, a generator, yields as a server-sent event whose data is JSON
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). The last event is `end`, or
 * `error` with a problem document where the handler broke.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 * @example eventStream(z.object({ token: z.string() }))
 */
export function eventStream<Schema extends z.ZodType = z.ZodAny>(
  schema?: Schema,
): Output<z.input<Schema>, z.input<Schema>, true> {
  readOutputSchema("eventStream", schema);
  const values = describeValues(schema);
  return Object.freeze({
    kind: "eventStream",
    streams: true,
    ...(schema === undefined
      ? {}
      : { schema: schema as unknown as z.ZodType<unknown, z.input<Schema>> }),
    mediaTypes: () => MEDIA_TYPES,
    write: (outputs) => outputs.values().map(writeEvent).join("") + writeEnd(),
    writeChunk: writeEvent,
    // A problem is plain data, and JSON text has no line breaks, so data is one line.
    writeBreak: (problem) => `event: ${BREAK}\ndata: ${JSON.stringify(problem)}\n\n`,
    writeEnd,
    keepAlive: () => ":\n\n",
    read: (body) => readStream(body, readEvents),
    content: () => ({
      [EVENT_STREAM_TYPE]: {
        schema: {
          type: "string",
          description: "Server-sent events; the data of each is one output as JSON",
          contentMediaType: EVENT_STREAM_TYPE,
          ...structuredClone(values),
        },
      },
    }),
  } satisfies Output<z.input<Schema>, z.input<Schema>, true>);
}

function writeEvent(value: unknown): string {
  return `data: ${printJson(value)}\n\n`;
}

/** An `EventSource` would ask again for a stream that ends without a word. */
function writeEnd(): string {
  return `event: end\ndata: {}\n\n`;
}

/** The values of a stream of events, and why it broke where it did. */
export function readEvents(text: string): StreamRead {
  const read: StreamRead = { values: [] };
  const parser = createParser({
    onEvent({ event, data }) {
      if (event === BREAK) read.problem = parseText(data);
      else if (event === undefined || event === "message") read.values.push(parseText(data));
    },
  });
  parser.feed(text);
  return read;
}
