import { z } from "zod";
import { EkibenError, type Issue } from "../core/errors.js";
import { describeSchema } from "./describe-schema.js";
import { printPath, toFinding, valueAt } from "./findings.js";
import type { Input, Payload } from "./input.js";
import { toJsonBytes } from "./json-bytes.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { checkSchema, refuseAsync } from "./row-schema.js";
import { toWireSchema } from "./wire-schema.js";

const MEDIA_TYPES = ["application/json"] as const;
const MOST_SHOWN = 20;

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
  checkSchema(schema, "json");
  const wire = toWireSchema(schema as z.ZodType);
  const compiled = z.compile(wire);
  const itemSchema = describeSchema(schema);

  function read(text: string): unknown {
    const value = parseJson(text);
    try {
      const result = compiled.safeParse(value);
      if (result.success) return result.data;
      throw explain(result.error.issues, value);
    } catch (error) {
      throw toSchemaError(error);
    }
  }

  return Object.freeze({
    kind: "json",
    cardinality: "one",
    mediaTypes: MEDIA_TYPES,
    parse(body) {
      if (!isJsonType(body.mediaType)) refuseMediaType(body, MEDIA_TYPES);
      const text = readText(body);
      let first: { value: unknown } | undefined = { value: read(text) };
      const data: JsonPayload = Object.freeze({
        take() {
          const value = first === undefined ? read(text) : first.value;
          first = undefined;
          return value;
        },
      });
      return Object.freeze({ items: 1, data });
    },
    encode: (value) => ({ bytes: toJsonBytes(value), mediaType: MEDIA_TYPES[0] }),
    toArgument: (payload) => (payload as Payload<JsonPayload>).data.take() as z.output<Schema>,
    merge: (payloads) =>
      payloads.map((payload) => (payload as Payload<JsonPayload>).data.take() as z.output<Schema>),
    content: () => ({ [MEDIA_TYPES[0]]: { schema: structuredClone(itemSchema) } }),
    itemSchema: () => structuredClone(itemSchema),
  } satisfies Input<z.input<Schema>, z.output<Schema>, z.output<Schema>[], "one">);
}

function explain(issues: readonly z.core.$ZodIssue[], value: unknown): EkibenError {
  const found = issues.map((issue): Issue => {
    const path = printPath(issue.path);
    const finding = toFinding(issue, valueAt(value, issue.path));
    return path === "" ? finding : { path, ...finding };
  });
  const [first] = found;
  const where = first?.path === undefined ? "" : `${first.path}: `;
  const rest = found.length === 1 ? "" : ` (and ${found.length - 1} more)`;
  return new EkibenError("INPUT_INVALID", {
    detail: `The body is not valid: ${where}${first?.message}${rest}.`,
    issues: found.slice(0, MOST_SHOWN),
    issueCount: found.length,
  });
}

function toSchemaError(error: unknown): unknown {
  if (error instanceof z.core.$ZodAsyncError) return refuseAsync("json", error);
  if (error instanceof RangeError) {
    return new EkibenError("INPUT_INVALID", {
      detail: "The body is nested too deeply to be checked.",
      cause: error,
    });
  }
  return error;
}
