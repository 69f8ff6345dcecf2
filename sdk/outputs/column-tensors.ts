import type { TableColumns } from "../tables/table-columns.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import { fromFlat } from "../tensor/nested.js";
import type { TensorDescription, TensorType } from "../tensor/tensor.js";
import { toTensorError } from "../tensor/tensor-fault.js";
import { EkibenError } from "../core/errors.js";
import { isMissing, type OutputColumn, type OutputTable } from "./output-columns.js";
import { printJson } from "./print-json.js";

/** How a column is said as a tensor: by its schema alone, never by its values. */
interface ColumnTensor {
  type: TensorType;
  /** What the text of a tensor of strings is, where it is not the value itself. */
  contentType?: "json" | "datetime";
}

const JSON_TEXT: ColumnTensor = { type: "string", contentType: "json" };

/** A tensor has no word for a missing value, but a float has NaN and JSON has null. */
function toColumnTensor({ kind, nullable }: OutputColumn): ColumnTensor {
  switch (kind) {
    case "float64":
      return { type: "float64" };
    case "int":
      return { type: nullable ? "float64" : "int64" };
    case "bigint":
      return nullable ? JSON_TEXT : { type: "int64" };
    case "boolean":
      return nullable ? JSON_TEXT : { type: "bool" };
    case "string":
      return nullable ? JSON_TEXT : { type: "string" };
    case "date":
      return nullable ? JSON_TEXT : { type: "string", contentType: "datetime" };
    case "json":
      return JSON_TEXT;
  }
}

/** The tensors of a table, as far as its schema says which columns there are. */
export function describeColumns(table: OutputTable | undefined): TensorDescription[] {
  return (table?.columns ?? []).map((column) => ({
    name: column.name,
    dtype: toColumnTensor(column).type,
    shape: [null],
  }));
}

/**
 * A tensor a column, `[rows]`. A column that the schema does not know is `float64` where it holds
 * numbers only, and JSON text otherwise.
 * @throws OUTPUT_INVALID for a cell that its column cannot hold.
 */
export function toColumnTensors(
  { rowCount, names, columns }: TableColumns,
  table: OutputTable | undefined,
): NamedTensor[] {
  const known = new Map(table?.columns.map((column) => [column.name, column]));
  return names.map((name, index) => {
    const cells = columns[index]!;
    const column = known.get(name) ?? guessColumn(name, cells);
    const { type, contentType } = toColumnTensor(column);
    const values = contentType === undefined ? cells : Array.from(cells, printers[contentType]);
    if (!column.nullable && contentType !== "json") refuseMissing(name, cells);
    try {
      const filled = column.nullable ? Array.from(values, (value) => value ?? null) : values;
      const tensor = fromFlat(filled, type, [rowCount], { nonFinite: true });
      const parameters = contentType === undefined ? {} : { content_type: contentType };
      return contentType === undefined ? { name, ...tensor } : { name, ...tensor, parameters };
    } catch (fault) {
      throw toTensorError("OUTPUT_INVALID", `The column ${JSON.stringify(name)}`, fault);
    }
  });
}

const printers = {
  json: printJson,
  datetime: (value: unknown) => (value instanceof Date ? (value.toJSON() ?? "") : value),
};

function guessColumn(name: string, cells: ArrayLike<unknown>): OutputColumn {
  let isNumbers = true;
  for (let row = 0; row < cells.length && isNumbers; row++) {
    isNumbers = typeof cells[row] === "number";
  }
  return { name, kind: isNumbers ? "float64" : "json", nullable: false };
}

function refuseMissing(name: string, cells: ArrayLike<unknown>): void {
  for (let row = 0; row < cells.length; row++) {
    if (!isMissing(cells[row])) continue;
    throw new EkibenError("OUTPUT_INVALID", {
      detail: `Output ${row} has no ${JSON.stringify(name)}, which its schema promises.`,
      hint: "Return a value, or make the key nullable in the `output` schema.",
      issues: [{ message: "missing", row, column: name }],
    });
  }
}
