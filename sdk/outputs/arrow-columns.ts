import type { TableColumns } from "../tables/table-columns.js";
import { isTypedArray } from "../tensor/tensor.js";
import { isMissing, type OutputTable } from "./output-columns.js";
import { printJson } from "./print-json.js";

/**
 * The columns as Arrow is to have them: what the schema calls integers is int64 and what it leaves
 * open is JSON text, whatever the values of one answer are. Typed arrays keep their own type.
 */
export function toArrowColumns(
  table: TableColumns,
  promised: OutputTable | undefined,
): TableColumns {
  const kinds = new Map(promised?.columns.map(({ name, kind }) => [name, kind]));
  const columns = table.columns.map((cells, index) => {
    if (isTypedArray(cells)) return cells;
    switch (kinds.get(table.names[index]!)) {
      case "int":
      case "bigint":
        return toIntegers(cells);
      case "json":
        return Array.from(cells, (cell) => (isMissing(cell) ? null : printJson(cell)));
      default:
        return cells;
    }
  });
  return { ...table, columns };
}

function toIntegers(cells: ArrayLike<unknown>): ArrayLike<unknown> {
  const integers = Array.from(cells, (cell) =>
    Number.isInteger(cell) ? BigInt(cell as number) : cell,
  );
  const isWhole = integers.every((cell) => isMissing(cell) || typeof cell === "bigint");
  return isWhole ? integers : cells;
}
