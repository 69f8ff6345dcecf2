import type { SourceTable } from "../tables/table-source.js";
import type { SentColumns } from "./column-reader.js";
import { dropsUnknown, type RowSchema } from "./row-schema.js";
import { UNKNOWN_CELL } from "./sent-cell.js";
import { JSON_TEXT, readTexts, readTyped, type TextConventions } from "./source-cells.js";

/** The columns of a file format with the values that JSON would have brought. */
export function readSource(
  schema: RowSchema,
  table: SourceTable,
  conventions: TextConventions = JSON_TEXT,
): SentColumns {
  const cells = new Map(schema.sent.map((cell) => [cell.name, cell]));
  const dropped = dropsUnknown(schema);
  const columns = new Map<string, ArrayLike<unknown>>();
  for (const { name, values } of table.columns) {
    const cell = cells.get(name);
    if (cell === undefined && dropped) {
      // Only its name is of use: for the error when a column is missing.
      columns.set(name, values);
      continue;
    }
    const known = cell ?? UNKNOWN_CELL;
    const read =
      table.text === true ? readTexts(values, known, conventions) : readTyped(values, known);
    columns.set(name, read);
  }
  return { rowCount: table.rowCount, columns };
}
