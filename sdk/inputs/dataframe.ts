import type { DataFrame } from "danfojs-node";
import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { frameOf, toDataFrame } from "../frame/lazy-data-frame.js";
import { describeSchema } from "./describe-schema.js";
import { describeValue } from "./findings.js";
import type { Input, Payload, RequestBody } from "./input.js";
import { toJsonBytes } from "./json-bytes.js";
import { checkCharset, isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { createRowReader, type Table } from "./row-reader.js";

const JSON_TYPE = "application/json";
const NDJSON_TYPES = ["application/x-ndjson", "application/ndjson", "application/jsonl"] as const;
const MEDIA_TYPES = [JSON_TYPE, NDJSON_TYPES[0]] as const;

/** Rows are kept as they were read: columns are made once, for all requests of a batch. */
interface DataFramePayload {
  readonly rows: Table;
}

type DataFrameInput<Row extends z.ZodType> = Input<z.input<Row>[], DataFrame, DataFrame, "many">;

/**
 * Reads a table, one object a row, as a JSON array or as NDJSON. The handler gets a danfojs DataFrame
 * with the columns of the schema in its order; a table without rows is valid and has no items.
 *
 * Columns that the schema does not name are dropped, as zod does: `z.strictObject` refuses them,
 * `z.looseObject` keeps them.
 * @throws SCHEMA_UNSUPPORTED when the schema of a row is not an object, or has an asynchronous
 * refinement or transform.
 * @example dataframe(z.object({ age: z.number().nullable(), plan: z.enum(["basic", "pro"]) }))
 */
export function dataframe<Row extends z.ZodType>(rowSchema: Row): DataFrameInput<Row> {
  const reader = createRowReader(rowSchema);
  const itemSchema = describeSchema(rowSchema);
  const tableSchema = describeSchema(rowSchema.array());

  const rowsOf = (payload: Payload): Table => (payload.data as DataFramePayload).rows;

  return Object.freeze({
    kind: "dataframe",
    cardinality: "many",
    mediaTypes: MEDIA_TYPES,
    parse(body) {
      if (isJsonType(body.mediaType)) {
        checkCharset(body);
        const cells = reader.readBytes(body.bytes);
        if (cells !== undefined) return toPayload(cells);
      }
      return toPayload(reader.read(readRows(body)));
    },
    encode: (value) => ({
      bytes: toJsonBytes(frameOf(value)?.toRecords() ?? value),
      mediaType: JSON_TYPE,
    }),
    toArgument: (payload) => toDataFrame(reader.mergeToFrame([rowsOf(payload)])),
    merge: (payloads) => toDataFrame(reader.mergeToFrame(payloads.map(rowsOf))),
    split(payload, maxItems) {
      const rows = rowsOf(payload);
      const size = Math.max(1, Math.floor(maxItems));
      if (rows.length <= size) return [payload];
      const parts: Payload<DataFramePayload>[] = [];
      for (let at = 0; at < rows.length; at += size)
        parts.push(toPayload(rows.slice(at, at + size)));
      return parts;
    },
    content: () => ({
      [JSON_TYPE]: { schema: structuredClone(tableSchema) },
      [NDJSON_TYPES[0]]: {
        schema: {
          type: "string",
          description: "One JSON object a line, each a row of the table.",
          contentMediaType: NDJSON_TYPES[0],
        },
      },
    }),
    itemSchema: () => structuredClone(itemSchema),
  } satisfies DataFrameInput<Row>);
}

function toPayload(rows: Table): Payload<DataFramePayload> {
  return Object.freeze({ items: rows.length, data: Object.freeze({ rows }) });
}

function readRows(body: RequestBody): unknown[] {
  if (isJsonType(body.mediaType)) {
    const value = parseJson(readText(body));
    return Array.isArray(value) ? value : refuseShape(value);
  }
  if ((NDJSON_TYPES as readonly string[]).includes(body.mediaType))
    return readLines(readText(body));
  return refuseMediaType(body, MEDIA_TYPES);
}

function readLines(text: string): unknown[] {
  const rows: unknown[] = [];
  text.split("\n").forEach((line, at) => {
    if (line.trim() !== "") rows.push(parseJson(line, at + 1));
  });
  return rows;
}

function refuseShape(value: unknown): never {
  const expected = "an array of rows";
  const object = typeof value === "object" && value !== null;
  const columns =
    object && Object.values(value).every(Array.isArray) && Object.keys(value).length > 0;
  const received = object ? "an object" : describeValue(value);
  throw new EkibenError("INPUT_INVALID", {
    detail: `Expected ${expected}, got ${received}.`,
    hint: columns
      ? 'Send one object a row, such as [{"a": 1}, {"a": 2}], instead of one array a column.'
      : object
        ? "When this is one row, put it in [ ]."
        : 'Send one object a row, such as [{"a": 1}, {"a": 2}].',
    expected,
    received,
  });
}
