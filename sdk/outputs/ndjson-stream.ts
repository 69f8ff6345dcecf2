import type { z } from "zod";
import { NDJSON_TYPE } from "./media-types.js";
import type { Output } from "./output.js";
import { describeValues, readOutputSchema } from "./output-schema.js";
import { printJson } from "./print-json.js";
import { readStream, type StreamRead } from "./stream-read.js";
import { readLines } from "./table-formats.js";

const MEDIA_TYPES = Object.freeze([NDJSON_TYPE]);

/**
 * Sends each value that the handler, a generator, yields as a line of JSON. Where the handler broke
 * the last line is `{"error": problem}`.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 * @example ndjsonStream(z.object({ token: z.string() }))
 */
export function ndjsonStream<Schema extends z.ZodType = z.ZodAny>(
  schema?: Schema,
): Output<z.input<Schema>, z.input<Schema>, true> {
  readOutputSchema("ndjsonStream", schema);
  const values = describeValues(schema);
  return Object.freeze({
    kind: "ndjsonStream",
    streams: true,
    ...(schema === undefined
      ? {}
      : { schema: schema as unknown as z.ZodType<unknown, z.input<Schema>> }),
    mediaTypes: () => MEDIA_TYPES,
    write: (outputs) => outputs.values().map(writeLine).join(""),
    writeChunk: writeLine,
    writeBreak: (problem) => `${JSON.stringify({ error: problem })}\n`,
    read: (body) => readStream(body, readLineStream),
    content: () => ({
      [NDJSON_TYPE]: {
        schema: {
          type: "string",
          description: "One output as JSON a line",
          contentMediaType: NDJSON_TYPE,
          ...structuredClone(values),
        },
      },
    }),
  } satisfies Output<z.input<Schema>, z.input<Schema>, true>);
}

function writeLine(value: unknown): string {
  return `${printJson(value)}\n`;
}

/** The values of a stream of lines, and why it broke where it did. */
export function readLineStream(text: string): StreamRead {
  const values = readLines(text);
  const problem = findProblem(values.at(-1));
  return problem === undefined ? { values } : { values: values.slice(0, -1), problem };
}

/** An output may have a key `error` of its own; only a problem of ours has such a type. */
function findProblem(last: unknown): unknown {
  if (typeof last !== "object" || last === null || Object.keys(last).join() !== "error") return;
  const { error } = last as { error: { type?: unknown } | null };
  return String(error?.type).startsWith("urn:ekiben:error:") ? error : undefined;
}
