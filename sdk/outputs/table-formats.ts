import type { JsonSchema } from "../core/json-schema.js";
import { readCsv, writeCsv } from "../tables/csv.js";
import { CSV_TYPE, NDJSON_TYPE } from "./media-types.js";
import type { OutputBody, OutputSlice } from "./output.js";
import type { OutputTable } from "./output-columns.js";
import { toColumns } from "./output-rows.js";
import { printJson } from "./print-json.js";
import { printRecords, toKeys } from "./print-records.js";
import { readCells } from "./read-cells.js";
import { decodeText, parseText } from "./read-text.js";

/** The formats of tables beside JSON. */
export const TABLE_TYPES = Object.freeze([CSV_TYPE, NDJSON_TYPE]);

export function writeTable(
  outputs: OutputSlice,
  table: OutputTable | undefined,
  mediaType: string,
): OutputBody | Promise<OutputBody> {
  switch (mediaType) {
    case NDJSON_TYPE:
      return writeLines(outputs);
    default:
      return writeCsv(toColumns(outputs, table), printJson);
  }
}

/** Reads what `writeTable` writes, one output a row. @throws OUTPUT_INVALID and what reading throws */
export function readTable(
  body: Uint8Array,
  table: OutputTable | undefined,
  mediaType: string,
): unknown[] {
  switch (mediaType) {
    case NDJSON_TYPE:
      return decodeText(body)
        .split("\n")
        .filter((line) => line !== "")
        .map(parseText);
    default:
      return readCells(readCsv(body), table);
  }
}

/** The outputs of the JSON array, each on a line of its own. */
function writeLines(outputs: OutputSlice): string {
  const columns = outputs.columns?.();
  if (outputs.count === 0) return "";
  if (columns === undefined) {
    return outputs
      .values()
      .map((value) => `${printJson(value)}\n`)
      .join("");
  }
  const keys = toKeys(Object.keys(columns));
  return `${printRecords(keys, Object.values(columns), 0, outputs.count, "\n")}\n`;
}

/** The contract of the formats of tables; OpenAPI has no words for their columns. */
export function describeTables(): Record<string, { schema: JsonSchema }> {
  return {
    [CSV_TYPE]: {
      schema: { type: "string", description: "CSV with a line of names, one output a line" },
    },
    [NDJSON_TYPE]: { schema: { type: "string", description: "One output as JSON a line" } },
  };
}
