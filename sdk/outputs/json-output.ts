import type { z } from "zod";
import { readOutputSchema } from "./output-schema.js";
import { describeColumns, toColumnTensors } from "./column-tensors.js";
import { JSON_TYPE } from "./media-types.js";
import type { Output } from "./output.js";
import { toOutputTable } from "./output-columns.js";
import { toColumns } from "./output-rows.js";
import { parseText } from "./read-text.js";
import { readTable, describeTables, TABLE_TYPES, writeTable } from "./table-formats.js";

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
  const table = toOutputTable(schema);
  return Object.freeze({
    kind: "json",
    streams: false,
    ...(schema === undefined
      ? {}
      : { schema: schema as unknown as z.ZodType<unknown, z.input<Schema>> }),
    mediaTypes: (cardinality) => (cardinality === "one" ? ONE : MANY),
    write(outputs, { mediaType, cardinality }) {
      if (mediaType !== JSON_TYPE) return writeTable(outputs, table, mediaType);
      const text = outputs.printJson();
      return cardinality === "one" ? text.slice(1, -1) : text;
    },
    read: (body, { mediaType }) =>
      mediaType === JSON_TYPE ? parseText(body) : readTable(body, table, mediaType),
    toTensors: (outputs) => toColumnTensors(toColumns(outputs, table), table),
    describeTensors: () => describeColumns(table),
    content(cardinality) {
      const one = structuredClone(itemSchema);
      if (cardinality === "one") return { [JSON_TYPE]: { schema: one } };
      return { [JSON_TYPE]: { schema: { type: "array", items: one } }, ...describeTables() };
    },
  } satisfies Output<z.input<Schema>, z.input<Schema>, false>);
}
