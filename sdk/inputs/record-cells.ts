import type { CellMemory } from "./cell-memory.js";
import { readNumber } from "./json-number.js";
import {
  createOrderFinder,
  findChoice,
  isBlank,
  toSchemaOrder,
  type ByteColumn,
  type SentOrder,
} from "./key-order.js";
import type { ColumnPlan } from "./row-plan.js";

/**
 * Makes the reader of a JSON array of objects. It reads what JSON.stringify and Python's `json.dumps`
 * write: the same keys in the same order in all rows, no white space but one blank after a comma or
 * colon and any after the last bracket, keys and texts escaped as JSON.stringify does.
 */
export function createRecordReader(
  plans: readonly ColumnPlan[],
  columns: readonly ByteColumn[],
  memory: CellMemory,
): (text: Buffer) => SentOrder | undefined {
  const findOrder = createOrderFinder(plans, columns);
  // The next request is likely to be written as the last one was.
  let order = toSchemaOrder(columns);

  return (text) => {
    const view = new DataView(text.buffer, text.byteOffset, text.length);
    if (readRows(text, view, order, memory)) return order;
    const sent = findOrder(text);
    if (sent === undefined || isSame(sent, order)) return undefined;
    order = sent;
    return readRows(text, view, order, memory) ? order : undefined;
  };
}

/** Reads all rows; whether the text is nothing else. */
function readRows(
  text: Buffer,
  view: DataView,
  { columns, width }: SentOrder,
  memory: CellMemory,
): boolean {
  let { cells } = memory;
  let cell = memory.start;
  let place = 1;
  for (;;) {
    if (text[place++] !== 0x7b) return false;
    if (cell + width > cells.length) {
      cell = memory.grow(cell, width);
      ({ cells } = memory);
    }
    for (let i = 0; i < width; i++) {
      if (i > 0) {
        if (text[place++] !== 0x2c) return false;
        if (text[place] === 0x20) place++;
      }
      const column = columns[i]!;
      if (!hasKey(text, view, place, column)) return false;
      place += column.key.length;
      if (text[place] === 0x20) place++;
      let next = column.numbers ? readNumber(text, place, cells, cell) : -1;
      if (next === -1) {
        const choice = findChoice(text, place, column);
        if (choice === undefined) return false;
        cells[cell] = choice.cell;
        next = place + choice.text.length;
      }
      place = next;
      cell++;
    }
    if (text[place++] !== 0x7d) return false;
    const byte = text[place++];
    if (byte === 0x5d) break;
    if (byte !== 0x2c) return false;
    if (text[place] === 0x20) place++;
  }
  while (isBlank(text[place])) place++;
  memory.end = cell;
  return place === text.length;
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

function isSame(a: SentOrder, b: SentOrder): boolean {
  return a.width === b.width && a.columns.every((column, i) => column === b.columns[i]);
}
