import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { Cardinality } from "../inputs/input.js";
import { readOrient } from "../inputs/read-orient.js";
import { ORIENTS, writeOrient, type Orient } from "../tables/orients.js";
import type { TableColumns } from "../tables/table-columns.js";
import { describeColumns, toColumnTensors } from "./column-tensors.js";
import { describeOrient } from "./describe-orient.js";
import { JSON_TYPE } from "./media-types.js";
import type { Output, OutputSlice, SingleOutput } from "./output.js";
import { readOutputs } from "./output-batch.js";
import { toOutputTable } from "./output-columns.js";
import { toColumns } from "./output-rows.js";
import { readOutputSchema } from "./output-schema.js";
import { printJson } from "./print-json.js";
import { parseText } from "./read-text.js";
import { describeTables, readTable, TABLE_TYPES, writeTable } from "./table-formats.js";

export interface DataFrameOutputOptions {
  /** How JSON says the table, as `DataFrame.to_json` of pandas has it. @default "records" */
  orient?: Orient;
}

/** A table as a handler returns it: rows, columns of one length, or a DataFrame. */
export type OutputRows<Row> =
  | readonly Row[]
  | { readonly [K in keyof Row]: ArrayLike<Row[K]> }
  | { readonly columns: string[]; readonly shape: number[]; readonly values: unknown };

type DataFrameOutput<Row> = Output<Row, Row, false> & SingleOutput<OutputRows<Row>, Row[]>;

const MEDIA_TYPES = Object.freeze([JSON_TYPE, ...TABLE_TYPES]);

/**
 * Writes tables: as JSON in an orient of pandas, or as CSV, NDJSON or Arrow when a client asks for
 * that. The outputs of a request of many items are its rows; the output of a request of one item is a
 * whole table. With a schema the table has its columns in its order, and no others unless it is
 * `z.looseObject`.
 * @throws SCHEMA_UNSUPPORTED when the schema of a row is not an object, or has an asynchronous
 * refinement or transform. @throws SERVICE_INVALID for another orient.
 * @example dataframeOutput(z.object({ churn: z.number() }), { orient: "split" })
 */
export function dataframeOutput<Row extends z.ZodType = z.ZodAny>(
  row?: Row,
  { orient = "records" }: DataFrameOutputOptions = {},
): DataFrameOutput<z.input<Row>> {
  const rowSchema = readOutputSchema("dataframeOutput", row);
  const promised = toOutputTable(row);
  if (row !== undefined && (promised === undefined || promised.isSingle)) throw refuseSchema();
  if (!ORIENTS.includes(orient)) throw refuseOrient(orient);

  function toTable(outputs: OutputSlice, cardinality: Cardinality = "many"): TableColumns {
    const rows = cardinality === "one" ? readSingle(outputs.values()[0]) : outputs;
    return toColumns(rows, promised, { onlyPromised: true });
  }

  const names = promised?.columns.map(({ name }) => name) ?? [];

  return Object.freeze({
    kind: "dataframe",
    streams: false,
    ...(orient === "records" ? {} : { hints: Object.freeze({ orient, columns: names }) }),
    ...(row === undefined ? {} : { schema: row as unknown as z.ZodType<unknown, z.input<Row>> }),
    mediaTypes: () => MEDIA_TYPES,
    write(outputs, format) {
      const table = toTable(outputs, format.cardinality);
      return format.mediaType === JSON_TYPE
        ? writeOrient(table, orient, printJson)
        : writeTable(table, promised, format.mediaType);
    },
    read: (body, { mediaType }) =>
      mediaType === JSON_TYPE
        ? readRows(parseText(body), orient, names)
        : readTable(body, promised, mediaType),
    readSingle,
    toTensors: (outputs, cardinality) => toColumnTensors(toTable(outputs, cardinality), promised),
    describeTensors: () => describeColumns(promised),
    content: () => ({
      [JSON_TYPE]: { schema: describeOrient(orient, row, rowSchema) },
      ...describeTables(),
    }),
  } satisfies DataFrameOutput<z.input<Row>>);
}

/** The rows of what a handler returned for one item. */
function readSingle(returned: unknown): OutputSlice {
  const rows = readOutputs(returned);
  if (rows !== undefined) return rows.slice(0, rows.count);
  throw new EkibenError("OUTPUT_INVALID", {
    detail: "The output is no table.",
    hint: "Return rows, columns of one length, or a DataFrame.",
    received: returned === null ? "null" : typeof returned,
  });
}

/** One object a row, whichever orient; rows without names stay arrays. */
function readRows(value: unknown, orient: Orient, names: readonly string[]): unknown[] {
  if (orient === "values" && names.length === 0) return value as unknown[];
  const table = readOrient(value, { names, orient });
  if ("rows" in table) return table.rows;
  return Array.from({ length: table.rowCount }, (_, row) =>
    Object.fromEntries(Array.from(table.columns, ([name, cells]) => [name, cells[row]])),
  );
}

function refuseSchema(): EkibenError {
  return new EkibenError("SCHEMA_UNSUPPORTED", {
    detail: "dataframeOutput() needs the schema of one row, an object with one property a column.",
    hint: "Write dataframeOutput(z.object({ … })); for other outputs use jsonOutput(schema).",
    expected: "z.object",
  });
}

function refuseOrient(orient: unknown): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `dataframeOutput() got the orient ${JSON.stringify(orient)}.`,
    expected: ORIENTS.join(", "),
    received: String(orient),
  });
}
