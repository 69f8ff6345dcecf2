import { CellTable, type KeyOrder } from "./cell-table.js";
import { readNumber } from "./json-number.js";
import {
  createOrderFinder,
  toByteColumn,
  toSchemaOrder,
  type ByteColumn,
  type Choice,
  type SentOrder,
} from "./key-order.js";
import { IS_BOOLEAN, IS_NUMBER, type ColumnPlan } from "./row-plan.js";

/** Reads the bytes of a JSON array of rows; `undefined` when it does not read such rows. */
export type ReadCells = (bytes: Uint8Array) => CellTable | undefined;

/** Whether the cells of a table pass the rules of their columns. */
type CheckCells = (cells: Float64Array, order: KeyOrder) => boolean;

const FIRST_CELLS = 256;
/** A reader keeps the memory of at most 1 MiB of cells. */
const MOST_KEPT = 131_072;
/** After several failures in a row one body of so many more is tried. */
const MOST_SKIPPED = 63;

/**
 * Makes the reader of tables with columns of numbers, truth values and enumerations; `undefined`
 * when there are other columns, or rules that need generated code where that is not allowed.
 *
 * It reads what JSON.stringify and Python's `json.dumps` write: the same keys in the same order in
 * all rows, no white space but one blank after a comma or colon and any after the last bracket, keys
 * and texts escaped as JSON.stringify does. All else, valid or not, gives `undefined`: the caller
 * then has JSON.parse read the body from the start and explain what is wrong. So this reader has
 * nothing to explain, and reads only what the other way would read as exactly the same values.
 */
export function createCellReader(
  plans: readonly ColumnPlan[],
  generate: boolean,
): ReadCells | undefined {
  if (plans.length === 0 || !plans.every(isReadable)) return undefined;
  const check = createCheck(plans, generate);
  if (check === undefined) return undefined;
  const columns = plans.map(toByteColumn);
  const findOrder = createOrderFinder(plans, columns);
  // The next request is likely to be written as the last one was.
  let order = toSchemaOrder(columns);
  let scratch = new Float64Array(FIRST_CELLS);

  /** Reads all rows into `scratch`; the number of cells, or 0. */
  function readRows(text: Buffer, view: DataView): number {
    const { columns, width } = order;
    let count = 0;
    let place = 1;
    for (;;) {
      if (text[place++] !== 0x7b) return 0;
      if (count + width > scratch.length) scratch = grow(scratch, width);
      for (let i = 0; i < width; i++) {
        if (i > 0) {
          if (text[place++] !== 0x2c) return 0;
          if (text[place] === 0x20) place++;
        }
        const column = columns[i]!;
        if (!hasKey(text, view, place, column)) return 0;
        place += column.key.length;
        if (text[place] === 0x20) place++;
        let next = column.numbers ? readNumber(text, place, scratch, count) : -1;
        if (next === -1) {
          const choice = findChoice(text, place, column);
          if (choice === undefined) return 0;
          scratch[count] = choice.cell;
          next = place + choice.text.length;
        }
        place = next;
        count++;
      }
      if (text[place++] !== 0x7d) return 0;
      const byte = text[place++];
      if (byte === 0x5d) break;
      if (byte !== 0x2c) return 0;
      if (text[place] === 0x20) place++;
    }
    while (isBlank(text[place])) place++;
    return place === text.length ? count : 0;
  }

  const readTable = (text: Buffer, view: DataView): CellTable | undefined => {
    let count = readRows(text, view);
    if (count === 0) {
      const sent = findOrder(text);
      if (sent === undefined || isSame(sent, order)) return undefined;
      order = sent;
      count = readRows(text, view);
      if (count === 0) return undefined;
    }
    // A copy: the memory that was read into is for the next request.
    const cells = scratch.slice(0, count);
    return check(cells, order) ? new CellTable(cells, order) : undefined;
  };

  // A client whose tables cannot be read here would pay for the attempt with each of them.
  let failures = 0;
  let skipped = 0;

  return (bytes) => {
    if (bytes[0] !== 0x5b || bytes[1] !== 0x7b) return undefined;
    if (skipped > 0) {
      skipped--;
      return undefined;
    }
    const { buffer, byteOffset, length } = bytes;
    const text = Buffer.from(buffer as ArrayBuffer, byteOffset, length);
    const table = readTable(text, new DataView(buffer, byteOffset, length));
    if (scratch.length > MOST_KEPT) scratch = new Float64Array(FIRST_CELLS);
    failures = table === undefined ? failures + 1 : 0;
    skipped = Math.min(2 ** failures - 1, MOST_SKIPPED);
    return table;
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
      if (p !== -1) for (let at = p; at < cells.length; at += order.width) {
        const cell = cells[at]; const v = ${kind === "boolean" ? "cell === 1" : "cell"};
        if (cell === cell && !(${test})) return false;
      } }`;
  });
  if (checks.length === 0) return () => true;
  if (!generate) return undefined;
  try {
    return new Function("cells", "order", `${checks.join("\n")} return true;`) as CheckCells;
  } catch {
    // The process runs with --disallow-code-generation-from-strings.
    return undefined;
  }
}

function hasKey(text: Buffer, view: DataView, place: number, { key, words }: ByteColumn): boolean {
  if (place + key.length > text.length) return false;
  for (let word = 0; word < words.length; word++) {
    if (view.getInt32(place + 4 * word, true) !== words[word]) return false;
  }
  for (let at = 4 * words.length; at < key.length; at++) {
    if (text[place + at] !== key[at]) return false;
  }
  return true;
}

/** The choice of a column that stands at a place. */
function findChoice(text: Buffer, place: number, { choices }: ByteColumn): Choice | undefined {
  for (const choice of choices) {
    const { length } = choice.text;
    let same = 0;
    while (same < length && text[place + same] === choice.text[same]) same++;
    if (same === length) return choice;
  }
  return undefined;
}

function grow(cells: Float64Array, width: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(2 * cells.length + width);
  grown.set(cells);
  return grown;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isSame(a: SentOrder, b: SentOrder): boolean {
  return a.width === b.width && a.columns.every((column, i) => column === b.columns[i]);
}
