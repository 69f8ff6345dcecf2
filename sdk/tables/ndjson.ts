import { recordPrinter } from "./orients.js";
import type { PrintValue, TableColumns } from "./table-columns.js";

/** One JSON object a line, each line ended by LF, as https://github.com/ndjson/ndjson-spec has it. */
export function writeNdjson(table: TableColumns, print: PrintValue): string {
  const printRecord = recordPrinter(table, print);
  let text = "";
  for (let row = 0; row < table.rowCount; row++) text += `${printRecord(row)}\n`;
  return text;
}
