import { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "../inputs/describe-schema.js";
import { describeColumns, toColumnTensors } from "./column-tensors.js";
import { JSON_TYPE, NDJSON_TYPE } from "./media-types.js";
import type { Output, OutputSlice } from "./output.js";
import { toOutputTable } from "./output-columns.js";
import { toColumns } from "./output-rows.js";
import { readOutputSchema } from "./output-schema.js";
import { printJson } from "./print-json.js";
import { printRecords, toKeys } from "./print-records.js";
import { parseText } from "./read-text.js";
import { describeTables, readTable, TABLE_TYPES, writeTable } from "./table-formats.js";

const ONE = Object.freeze([JSON_TYPE]);
const MANY = Object.freeze([JSON_TYPE, ...TABLE_TYPES]);

/**
 * Writes outputs as JSON, and those of a request of many items as CSV, NDJSON or Arrow too when a
 * client asks for that. It is what a zod schema as `output` means.
 * @throws SCHEMA_UNSUPPORTED for a schema with an asynchronous refinement or transform.
 * @example jsonOutput(z.object({ churn: z.number() }))
 */
export function jsonOutput<Schema extends z.ZodType = z.ZodAny>(
  schema?: Schema,
): Output<z.input<Schema>, z.input<Schema>, false> {
  const itemSchema = readOutputSchema("jsonOutput", schema);
  // Asked for by documents alone: a start has no use for it.
  const describeList = (): JsonSchema =>
    schema === undefined ? { type: "array", items: {} } : describeSchema(z.array(schema));
  const table = toOutputTable(schema);
  return Object.freeze({
    kind: "json",
    streams: false,
    ...(schema === undefined
      ? {}
      : { schema: schema as unknown as z.ZodType<unknown, z.input<Schema>> }),
    mediaTypes: (cardinality) => (cardinality === "one" ? ONE : MANY),
    write(outputs, { mediaType, cardinality }) {
      if (mediaType === NDJSON_TYPE) return writeLines(outputs);
      if (mediaType !== JSON_TYPE) return writeTable(toColumns(outputs, table), table, mediaType);
      const text = outputs.printJson();
      return cardinality === "one" ? text.slice(1, -1) : text;
    },
    read: (body, { mediaType }) =>
      mediaType === JSON_TYPE ? parseText(body) : readTable(body, table, mediaType),
    toTensors: (outputs) => toColumnTensors(toColumns(outputs, table), table),
    describeTensors: () => describeColumns(table),
    content: (cardinality) =>
      cardinality === "one"
        ? { [JSON_TYPE]: { schema: structuredClone(itemSchema) } }
        : { [JSON_TYPE]: { schema: describeList() }, ...describeTables() },
  } satisfies Output<z.input<Schema>, z.input<Schema>, false>);
}

/** The outputs of the JSON array, each on a line of its own. */
function writeLines(outputs: OutputSlice): string {
  if (outputs.count === 0) return "";
  const columns = outputs.columns?.();
  if (columns === undefined) {
    return outputs
      .values()
      .map((value) => `${printJson(value)}\n`)
      .join("");
  }
  const printed = { keys: toKeys(Object.keys(columns)), cells: Object.values(columns) };
  return `${printRecords(printed, [0, outputs.count], "\n")}\n`;
}
