import type { DataFrame } from "danfojs-node";
import type { z } from "zod";
import { frameOf, toDataFrame } from "../frame/lazy-data-frame.js";
import type { SourceTable } from "../tables/table-source.js";
import { checkDataFrameOptions, type DataFrameOptions } from "./dataframe-options.js";
import { describeSchema } from "./describe-schema.js";
import { describeTable } from "./describe-table.js";
import { encodeTable } from "./encode-table.js";
import type { Input, Payload } from "./input.js";
import { checkCharset, isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { createCsvReader } from "./read-csv-body.js";
import { readOrient } from "./read-orient.js";
import { readSource } from "./read-source.js";
import { createRowReader, type Table } from "./row-reader.js";
import {
  ARROW_FILE_TYPE,
  ARROW_STREAM_TYPE,
  CSV_TYPE,
  JSON_TYPE,
  NDJSON_TYPE,
  PARQUET_TYPE,
  TABLE_TYPES,
  toTableType,
  TSV_TYPE,
} from "./table-media-types.js";
import { describeTableTensors, readTableTensors } from "./table-tensors.js";

/** Rows are kept as they were read: columns are made once, for all requests of a batch. */
interface DataFramePayload {
  readonly rows: Table;
}

type DataFrameInput<Row extends z.ZodType> = Input<z.input<Row>[], DataFrame, DataFrame, "many">;

/**
 * Reads a table as JSON in any orient of pandas, NDJSON, CSV, Arrow IPC or Parquet, by its content
 * type. The handler gets a danfojs DataFrame with the columns of the schema in its order; a table
 * without rows is valid and has no items.
 *
 * Columns that the schema does not name are dropped, as zod does: `z.strictObject` refuses them,
 * `z.looseObject` keeps them.
 * @throws SCHEMA_UNSUPPORTED when the schema of a row is not an object, or has an asynchronous
 * refinement or transform. @throws SERVICE_INVALID for options that cannot be.
 * @example dataframe(z.object({ age: z.number().nullable(), plan: z.enum(["basic", "pro"]) }))
 */
export function dataframe<Row extends z.ZodType>(
  rowSchema: Row,
  options: DataFrameOptions = {},
): DataFrameInput<Row> {
  checkDataFrameOptions(options);
  const { orient, csv = {} } = options;
  const reader = createRowReader(rowSchema);
  const { schema } = reader;
  const names = schema.sent.map(({ name }) => name);
  const itemSchema = describeSchema(rowSchema);
  const readCsvTable = createCsvReader(reader, csv);

  const rowsOf = (payload: Payload): Table => (payload.data as DataFramePayload).rows;

  function readJsonTable(value: unknown, bytes?: Uint8Array): Payload {
    const table = readOrient(value, { names, orient }, bytes);
    return toPayload("rows" in table ? reader.read(table.rows) : reader.readColumns(table));
  }

  const readTyped = (table: SourceTable): Payload =>
    toPayload(reader.readColumns(readSource(schema, table)));

  return Object.freeze({
    kind: "dataframe",
    cardinality: "many",
    mediaTypes: TABLE_TYPES,
    ...(orient === undefined ? {} : { hints: Object.freeze({ orient, columns: names }) }),
    parse(body) {
      if (isJsonType(body.mediaType)) {
        checkCharset(body);
        const cells = reader.readBytes(body.bytes, orient);
        if (cells !== undefined) return toPayload(cells);
        return readJsonTable(parseJson(readText(body)), body.bytes);
      }
      switch (toTableType(body.mediaType)) {
        case NDJSON_TYPE:
          return toPayload(reader.read(readLines(readText(body))));
        case CSV_TYPE:
        case TSV_TYPE:
          return toPayload(readCsvTable(body));
        case ARROW_STREAM_TYPE:
        case ARROW_FILE_TYPE:
          return import("../tables/arrow.js")
            .then(({ readArrow }) => readArrow(body.bytes))
            .then(readTyped);
        case PARQUET_TYPE:
          return import("../tables/parquet.js")
            .then(({ readParquet }) => readParquet(body.bytes))
            .then(readTyped);
        default:
          return refuseMediaType(body, TABLE_TYPES);
      }
    },
    parseJson: (value) => readJsonTable(value),
    parseTensors: (tensors) => readTyped(readTableTensors(tensors, schema.sent)),
    describeTensors: () => describeTableTensors(schema.sent),
    encode: (value) => ({
      bytes: encodeTable(frameOf(value)?.toRecords() ?? value, orient, schema.sent),
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
    content: (example) =>
      describeTable(
        { tableSchema: describeSchema(rowSchema.array()), itemSchema, cells: schema.sent, options },
        example === undefined ? undefined : (frameOf(example)?.toRecords() ?? example),
      ),
    itemSchema: () => structuredClone(itemSchema),
  } satisfies DataFrameInput<Row>);
}

function toPayload(rows: Table): Payload<DataFramePayload> {
  return Object.freeze({ items: rows.length, data: Object.freeze({ rows }) });
}

function readLines(text: string): unknown[] {
  const rows: unknown[] = [];
  text.split("\n").forEach((line, at) => {
    if (line.trim() !== "") rows.push(parseJson(line, at + 1));
  });
  return rows;
}
