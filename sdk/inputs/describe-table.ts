import type { JsonSchema } from "../core/json-schema.js";
import { writeCsv } from "../tables/csv.js";
import type { Orient } from "../tables/orients.js";
import type { DataFrameOptions } from "./dataframe-options.js";
import { encodeTable, printJson, toSentTable } from "./encode-table.js";
import type { InputContent } from "./input.js";
import type { SentCell } from "./sent-cell.js";
import {
  ARROW_FILE_TYPE,
  ARROW_STREAM_TYPE,
  CSV_TYPE,
  JSON_TYPE,
  NDJSON_TYPE,
  PARQUET_TYPE,
  TSV_TYPE,
} from "./table-media-types.js";

/** What is known of the tables of an input. */
export interface TableFacts {
  /** The JSON Schema of an array of rows. */
  tableSchema: JsonSchema;
  /** The JSON Schema of a row. */
  itemSchema: JsonSchema;
  cells: readonly SentCell[];
  options: DataFrameOptions;
}

type Content = Record<string, InputContent>;

/** The contract of a table by media type, with an example in those that are text. */
export function describeTable(facts: TableFacts, example: unknown): Content {
  const { cells, options } = facts;
  const content: Content = {
    [JSON_TYPE]: { schema: describeJson(facts) },
    [NDJSON_TYPE]: describeText(NDJSON_TYPE, "One JSON object a line, each a row of the table."),
    [CSV_TYPE]: describeText(
      CSV_TYPE,
      "A line with the names of the columns, then one line a row.",
    ),
    [TSV_TYPE]: describeText(TSV_TYPE, "As text/csv, with tabs between the fields."),
    [ARROW_STREAM_TYPE]: describeText(ARROW_STREAM_TYPE, "An Apache Arrow IPC stream."),
    [ARROW_FILE_TYPE]: describeText(
      ARROW_FILE_TYPE,
      "An Apache Arrow IPC file (Feather, version 2).",
    ),
    [PARQUET_TYPE]: describeText(PARQUET_TYPE, "An Apache Parquet file."),
  };
  const table = example === undefined ? undefined : toSentTable(example, cells);
  if (table === undefined) return content;
  const bytes = encodeTable(example, options.orient, cells);
  content[JSON_TYPE]!.example = JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  content[NDJSON_TYPE]!.example = (example as unknown[])
    .map((row) => `${printJson(row)}\n`)
    .join("");
  const { delimiter = ",", decimal = "." } = options.csv ?? {};
  // The writer knows one dialect; an example in another one would not be read.
  if (delimiter === "," && decimal === ".") content[CSV_TYPE]!.example = writeCsv(table, printJson);
  return content;
}

function describeText(mediaType: string, description: string): InputContent {
  return { schema: { type: "string", description, contentMediaType: mediaType } };
}

const ALL_ORIENTS =
  "One object a row. The other orients of pandas (columns, values, split, index) are read as well.";

function describeJson({ tableSchema, itemSchema, options: { orient } }: TableFacts): JsonSchema {
  if (orient === undefined) return { ...structuredClone(tableSchema), description: ALL_ORIENTS };
  if (orient === "records") return structuredClone(tableSchema);
  const { $defs, ...row } = structuredClone(itemSchema);
  const properties = row["properties"];
  // A row that refers to itself cannot be taken apart.
  const whole = properties === undefined || JSON.stringify(row).includes('"$ref":"#"');
  const described = whole ? SHAPES[orient] : describeOrient(orient, row as RowJson);
  return $defs === undefined ? described : { ...described, $defs };
}

const SHAPES: Readonly<Record<Orient, JsonSchema>> = {
  records: { type: "array" },
  values: { type: "array" },
  columns: { type: "object" },
  index: { type: "object" },
  split: { type: "object" },
};

type RowJson = JsonSchema & { properties: Record<string, JsonSchema>; required?: string[] };

function describeOrient(orient: Orient, row: RowJson): JsonSchema {
  switch (orient) {
    case "records":
      return { type: "array", items: row };
    case "index":
      return {
        type: "object",
        description: "One object a row, under the label of the row.",
        additionalProperties: row,
      };
    case "values":
      return {
        type: "array",
        description: "One array a row, with the columns in the order of the schema.",
        items: describeRow(row),
      };
    case "split":
      return {
        type: "object",
        description: "The names of the columns, the labels of the rows, and one array a row.",
        properties: {
          columns: { type: "array", items: { type: "string" } },
          index: { type: "array" },
          data: { type: "array", items: { type: "array" } },
        },
        required: ["columns", "data"],
      };
    case "columns":
      return {
        type: "object",
        description: "One column a property: an array, or an object with one property a row.",
        properties: Object.fromEntries(
          Object.keys(row.properties).map((name) => {
            const cell = describeCell(row, name);
            const labelled = { type: "object", additionalProperties: cell };
            return [name, { anyOf: [labelled, { type: "array", items: cell }] }];
          }),
        ),
      };
  }
}

function describeRow(row: RowJson): JsonSchema {
  const cells = Object.keys(row.properties).map((name) => describeCell(row, name));
  return { type: "array", prefixItems: cells, minItems: cells.length, maxItems: cells.length };
}

/** These orients cannot leave a cell out but by `null`. */
function describeCell({ properties, required = [] }: RowJson, name: string): JsonSchema {
  const cell = properties[name]!;
  return required.includes(name) ? cell : { anyOf: [cell, { type: "null" }] };
}
