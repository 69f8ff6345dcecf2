import type { OutputContent } from "./output.js";
import { readCsv, writeCsv } from "../tables/csv.js";
import { writeNdjson } from "../tables/ndjson.js";
import type { TableColumns } from "../tables/table-columns.js";
import { toArrowColumns } from "./arrow-columns.js";
import { ARROW_STREAM_TYPE, CSV_TYPE, NDJSON_TYPE } from "./media-types.js";
import type { OutputBody } from "./output.js";
import type { OutputTable } from "./output-columns.js";
import { printJson } from "./print-json.js";
import { readCells } from "./read-cells.js";
import { decodeText, parseText } from "./read-text.js";

/** The formats of tables beside JSON. */
export const TABLE_TYPES = Object.freeze([CSV_TYPE, NDJSON_TYPE, ARROW_STREAM_TYPE]);

/** Writes a table; `promised` is what its schema says of it. */
export function writeTable(
  table: TableColumns,
  promised: OutputTable | undefined,
  mediaType: string,
): OutputBody | Promise<OutputBody> {
  switch (mediaType) {
    case NDJSON_TYPE:
      return writeNdjson(table, printJson);
    case ARROW_STREAM_TYPE:
      return import("../tables/arrow.js").then(({ writeArrow }) =>
        writeArrow(toArrowColumns(table, promised), printJson),
      );
    default:
      // A line of no names would be read as a name that is missing.
      return table.names.length === 0 ? "" : writeCsv(table, printJson);
  }
}

/** Reads what `writeTable` writes, one output a row. @throws what reading the format throws */
export function readTable(
  body: Uint8Array,
  promised: OutputTable | undefined,
  mediaType: string,
): unknown[] | Promise<unknown[]> {
  switch (mediaType) {
    case NDJSON_TYPE:
      return readLines(decodeText(body));
    case ARROW_STREAM_TYPE:
      return import("../tables/arrow.js")
        .then(({ readArrow }) => readArrow(body))
        .then((source) => readCells(source, promised));
    default:
      return body.length === 0 ? [] : readCells(readCsv(body), promised);
  }
}

/** One JSON value a line. */
export function readLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(parseText);
}

/** The contract of the formats of tables; JSON Schema has no words for their columns. */
export function describeTables(): Record<string, OutputContent> {
  return {
    [CSV_TYPE]: describe(CSV_TYPE, "A line with the names of the columns, then one line an output"),
    [NDJSON_TYPE]: describe(NDJSON_TYPE, "One output as JSON a line"),
    [ARROW_STREAM_TYPE]: describe(
      ARROW_STREAM_TYPE,
      "An Apache Arrow IPC stream, one output a row",
    ),
  };
}

function describe(contentMediaType: string, description: string): OutputContent {
  return { schema: { type: "string", description, contentMediaType } };
}
