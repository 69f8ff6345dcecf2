import { isTypedArray } from "../tensor/tensor.js";
import { toTableColumns, type TableColumns } from "../tables/table-columns.js";
import type { OutputSlice } from "./output.js";
import { SINGLE_COLUMN, type OutputTable } from "./output-columns.js";

/**
 * The outputs of a request as columns: those of the schema in its order, then others in the order in
 * which they appear. Outputs that are no objects are one column.
 * @throws OUTPUT_INVALID for an output that is no object where the schema says objects.
 */
export function toColumns(outputs: OutputSlice, table: OutputTable | undefined): TableColumns {
  const rowCount = outputs.count;
  const given = outputs.columns?.();
  if (given !== undefined) {
    return order({ rowCount, names: Object.keys(given), columns: Object.values(given) }, table);
  }
  const values = outputs.values();
  const isSingle = table?.isSingle ?? (rowCount > 0 && !values.every(isRecord));
  if (isSingle) return { rowCount, names: [SINGLE_COLUMN], columns: [values] };
  return order(toTableColumns(values), table);
}

function order(given: TableColumns, table: OutputTable | undefined): TableColumns {
  if (table === undefined || table.isSingle) return given;
  const { rowCount } = given;
  const byName = new Map(given.names.map((name, index) => [name, given.columns[index]!]));
  const names = new Set([...table.columns.map(({ name }) => name), ...given.names]);
  const nothing: readonly unknown[] = Array.from({ length: rowCount });
  return {
    rowCount,
    names: [...names],
    columns: Array.from(names, (name) => byName.get(name) ?? nothing),
  };
}

/** Whether an output has keys that are columns, and is not printed as a list or text. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  if (isTypedArray(value) || value instanceof Map || value instanceof Set) return false;
  return typeof (value as { toJSON?: unknown }).toJSON !== "function";
}
