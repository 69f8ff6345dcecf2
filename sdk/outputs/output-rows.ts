import { printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { isTypedArray } from "../tensor/tensor.js";
import { toTableColumns, type TableColumns } from "../tables/table-columns.js";
import type { OutputSlice } from "./output.js";
import { SINGLE_COLUMN, type OutputTable } from "./output-columns.js";

export interface ColumnOptions {
  /** Leaves out columns that the schema does not name, unless it takes any. @default false */
  onlyPromised?: boolean;
}

/**
 * The outputs of a request as columns: those of the schema in its order, then others in the order in
 * which they appear. Outputs that are no objects are one column.
 * @throws OUTPUT_INVALID for an output that is no object where the schema says objects, and when a
 * column is missing altogether that the schema promises.
 */
export function toColumns(
  outputs: OutputSlice,
  promised: OutputTable | undefined,
  options: ColumnOptions = {},
): TableColumns {
  const rowCount = outputs.count;
  const given = outputs.columns?.();
  if (given !== undefined) {
    const columns = Object.values(given);
    return arrange({ rowCount, names: Object.keys(given), columns }, promised, options);
  }
  const values = outputs.values();
  const isSingle = promised?.isSingle ?? (rowCount > 0 && !values.every(isRecord));
  if (isSingle && options.onlyPromised !== true) {
    return { rowCount, names: [SINGLE_COLUMN], columns: [values] };
  }
  return arrange(toTableColumns(values), promised, options);
}

function arrange(
  given: TableColumns,
  promised: OutputTable | undefined,
  { onlyPromised = false }: ColumnOptions,
): TableColumns {
  if (promised === undefined || promised.isSingle) return given;
  const { rowCount } = given;
  const byName = new Map(given.names.map((name, index) => [name, given.columns[index]!]));
  const names = new Set(promised.columns.map(({ name }) => name));
  if (!onlyPromised || promised.isOpen) for (const name of given.names) names.add(name);
  const lacking = promised.columns.find(({ name, nullable, kind }) => {
    return !nullable && kind !== "json" && !byName.has(name);
  });
  if (lacking !== undefined && rowCount > 0) throw refuseColumns(lacking.name, given.names);
  const nothing: readonly unknown[] = Array.from({ length: rowCount });
  return {
    rowCount,
    names: [...names],
    columns: Array.from(names, (name) => byName.get(name) ?? nothing),
  };
}

function refuseColumns(lacking: string, names: readonly string[]): EkibenError {
  return new EkibenError("OUTPUT_INVALID", {
    detail: `The outputs have no ${JSON.stringify(lacking)}, which their schema promises; they have ${printNames(names)}.`,
    hint: "Mend the handler, or the `output` schema.",
    issues: [{ message: "missing", column: lacking }],
  });
}

/** Whether an output has keys that are columns, and is not printed as a list or text. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  if (isTypedArray(value) || value instanceof Map || value instanceof Set) return false;
  return typeof (value as { toJSON?: unknown }).toJSON !== "function";
}
