import type { PrintValue, TableColumns } from "./table-columns.js";

/** The ways in which pandas says a table in JSON (`DataFrame.to_json`, argument `orient`). */
export type Orient = "records" | "columns" | "values" | "split" | "index";

/** All orients; the first one is what pandas and everybody else use most. */
export const ORIENTS: readonly Orient[] = ["records", "columns", "values", "split", "index"];

/**
 * JSON text of a table: `records` has one object a row, `values` one array a row, `columns` one object
 * a column with the numbers of the rows as keys, `index` one object a row under its number, `split`
 * the names, the numbers and the rows apart. Rows count from 0.
 */
export function writeOrient(table: TableColumns, orient: Orient, print: PrintValue): string {
  const { names, rowCount } = table;
  switch (orient) {
    case "records":
      return printList(rowCount, "[]", recordPrinter(table, print));
    case "values":
      return printList(rowCount, "[]", rowPrinter(table, print));
    case "index": {
      const printRecord = recordPrinter(table, print);
      return printList(rowCount, "{}", (row) => `"${row}":${printRecord(row)}`);
    }
    case "columns":
      return printList(names.length, "{}", (index) => {
        const values = table.columns[index]!;
        const cells = printList(
          rowCount,
          "{}",
          (row) => `"${row}":${printCell(values[row], print)}`,
        );
        return `${JSON.stringify(names[index])}:${cells}`;
      });
    case "split": {
      const numbers = printList(rowCount, "[]", String);
      const data = printList(rowCount, "[]", rowPrinter(table, print));
      return `{"columns":${JSON.stringify(names)},"index":${numbers},"data":${data}}`;
    }
  }
}

/** Prints one row as an object. */
export function recordPrinter(
  { names, columns }: TableColumns,
  print: PrintValue,
): (row: number) => string {
  const keys = names.map((name) => `${JSON.stringify(name)}:`);
  return (row) =>
    printList(keys.length, "{}", (index) => keys[index]! + printCell(columns[index]![row], print));
}

function rowPrinter({ columns }: TableColumns, print: PrintValue): (row: number) => string {
  return (row) =>
    printList(columns.length, "[]", (index) => printCell(columns[index]![row], print));
}

function printList(count: number, brackets: string, printOne: (index: number) => string): string {
  let text = brackets[0]!;
  for (let i = 0; i < count; i++) text += (i === 0 ? "" : ",") + printOne(i);
  return text + brackets[1]!;
}

/** Numbers are most of what is printed, so they do not take the way through `print`. */
function printCell(value: unknown, print: PrintValue): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  return print(value ?? null);
}
