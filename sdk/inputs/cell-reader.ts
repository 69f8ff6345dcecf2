import { CellMemory, type Cells } from "./cell-memory.js";
import { CellTable, type KeyOrder } from "./cell-table.js";
import { createCsvCellReader } from "./csv-cells.js";
import { toByteColumn, type SentOrder } from "./key-order.js";
import { createSplitReader, createValuesReader } from "./list-cells.js";
import { createRecordReader } from "./record-cells.js";
import { IS_BOOLEAN, IS_NUMBER, type ColumnPlan } from "./row-plan.js";

/**
 * Reads tables of numbers, truth values and enumerations from their bytes; `undefined` for all else,
 * valid or not: the caller then reads the body from the start in the other way, which explains what
 * is wrong. So these readers have nothing to explain, and read only what the other way would read as
 * exactly the same values.
 */
export interface CellReader {
  /** A JSON array of objects. */
  records(bytes: Uint8Array): CellTable | undefined;
  /** A JSON array of arrays. */
  values(bytes: Uint8Array): CellTable | undefined;
  /** A JSON object with the names of the columns and an array of arrays. */
  split(bytes: Uint8Array): CellTable | undefined;
  /** CSV in UTF-8 with a decimal point and no marks for missing values. */
  csv(bytes: Uint8Array, delimiter?: string): CellTable | undefined;
}

/** Whether the cells of a table pass the rules of their columns. */
type CheckCells = (cells: Cells, order: KeyOrder) => boolean;

/** After several failures in a row one body of so many more is tried. */
const MOST_SKIPPED = 63;

/**
 * Makes the readers for the columns of a schema; `undefined` when there are columns of other kinds,
 * or rules that need generated code where that is not allowed.
 */
export function createCellReader(
  plans: readonly ColumnPlan[],
  generate: boolean,
): CellReader | undefined {
  if (plans.length === 0 || !plans.every(isReadable)) return undefined;
  const check = createCheck(plans, generate);
  if (check === undefined) return undefined;
  const columns = plans.map(toByteColumn);
  const memory = new CellMemory();

  /** A client whose tables cannot be read here would pay for the attempt with each of them. */
  function attempt<Options extends unknown[]>(
    read: (text: Buffer, ...options: Options) => SentOrder | undefined,
  ): (bytes: Uint8Array, ...options: Options) => CellTable | undefined {
    let failures = 0;
    let skipped = 0;
    return (bytes, ...options) => {
      if (skipped > 0) {
        skipped--;
        return undefined;
      }
      const { buffer, byteOffset, length } = bytes;
      const text = Buffer.isBuffer(bytes)
        ? bytes
        : Buffer.from(buffer as ArrayBuffer, byteOffset, length);
      const order = read(text, ...options);
      const table = order === undefined ? undefined : toTable(order);
      memory.shrink();
      failures = table === undefined ? failures + 1 : 0;
      skipped = Math.min(2 ** failures - 1, MOST_SKIPPED);
      return table;
    };
  }

  function toTable(order: SentOrder): CellTable | undefined {
    const cells = memory.take();
    return check!(cells, order) ? new CellTable(cells, order) : undefined;
  }

  return {
    records: attempt(createRecordReader(plans, columns, memory)),
    values: attempt(createValuesReader(columns, memory)),
    split: attempt(createSplitReader(plans, columns, memory)),
    csv: attempt(createCsvCellReader(plans, memory)),
  };
}

function isReadable({ kind, test, choices }: ColumnPlan): boolean {
  if (kind === "string") return choices !== undefined;
  return test !== undefined && (kind === "float64" || kind === "int" || kind === "boolean");
}

/** Generates the check of all rules; cells are numbers, truth values or choices already. */
function createCheck(plans: readonly ColumnPlan[], generate: boolean): CheckCells | undefined {
  const checks = plans.flatMap(({ kind, test, choices }, column) => {
    if (test === IS_NUMBER || test === IS_BOOLEAN || choices !== undefined) return [];
    return `{ const p = order.positions[${column}];
      if (p !== -1) for (let at = start + p; at < end; at += order.width) {
        const cell = cells[at]; const v = ${kind === "boolean" ? "cell === 1" : "cell"};
        if (cell === cell && !(${test})) return false;
      } }`;
  });
  if (checks.length === 0) return () => true;
  if (!generate) return undefined;
  try {
    const body = `const { cells, start, end } = part; ${checks.join("\n")} return true;`;
    return new Function("part", "order", body) as CheckCells;
  } catch {
    // The process runs with --disallow-code-generation-from-strings.
    return undefined;
  }
}
