import { isUtf8 } from "node:buffer";
import type { CellMemory } from "./cell-memory.js";
import { readNumber } from "./json-number.js";
import {
  findChoice,
  isBlank,
  orderOf,
  toSchemaOrder,
  type ByteColumn,
  type SentOrder,
} from "./key-order.js";
import type { ColumnPlan } from "./row-plan.js";
import { readNames } from "./split-names.js";

type ReadOrder = (text: Buffer) => SentOrder | undefined;

/** Makes the reader of the orient `values`: a JSON array of arrays, as JSON.stringify writes it. */
export function createValuesReader(columns: readonly ByteColumn[], memory: CellMemory): ReadOrder {
  const order = toSchemaOrder(columns);
  return (text) => {
    const end = readLists(text, 1, order, memory);
    return end !== -1 && isEnd(text, end) ? order : undefined;
  };
}

const DATA = Buffer.from('"data":');

/**
 * Makes the reader of the orient `split` with its data last, as pandas writes it. What stands before
 * the data is small, and read with JSON.parse.
 */
export function createSplitReader(
  plans: readonly ColumnPlan[],
  columns: readonly ByteColumn[],
  memory: CellMemory,
): ReadOrder {
  // Such a table could be in the orient `columns` as well, which the other way refuses.
  if (plans.some(({ name }) => name === "columns")) return () => undefined;
  return (text) => {
    // In a text of JSON a quote has a backslash before it, so that this is a key.
    const data = text.indexOf(DATA);
    if (data === -1) return undefined;
    const head = readHead(text.subarray(0, data));
    const order = head === undefined ? undefined : orderOf(head.names, plans, columns);
    if (head === undefined || order === undefined) return undefined;
    let place = data + DATA.length;
    if (text[place] === 0x20) place++;
    if (text[place] !== 0x5b) return undefined;
    const end = readLists(text, place + 1, order, memory);
    if (end === -1 || text[end] !== 0x7d || !isEnd(text, end + 1)) return undefined;
    const labelled =
      head.labels === undefined || head.labels === (memory.end - memory.start) / order.width;
    return labelled ? order : undefined;
  };
}

/** The names of the columns and the number of labels; `undefined` when it is not quite that. */
function readHead(bytes: Buffer): { names: string[]; labels: number | undefined } | undefined {
  try {
    if (!isUtf8(bytes)) return undefined;
    const head = JSON.parse(`${bytes.toString("utf8")}"data":0}`) as Record<string, unknown>;
    const { columns, index, data, ...others } = head;
    const known = Array.isArray(columns) && (index === undefined || Array.isArray(index));
    if (!known || data !== 0 || Object.keys(others).length > 0) return undefined;
    return { names: readNames(columns), labels: index?.length };
  } catch {
    return undefined;
  }
}

/**
 * Reads rows from after the bracket that opens their array; the place after the one that closes it,
 * or -1.
 */
function readLists(
  text: Buffer,
  start: number,
  { columns, width }: SentOrder,
  memory: CellMemory,
): number {
  let { cells } = memory;
  let cell = memory.start;
  let place = start;
  for (;;) {
    if (text[place++] !== 0x5b) return -1;
    if (cell + width > cells.length) {
      cell = memory.grow(cell, width);
      ({ cells } = memory);
    }
    for (let i = 0; i < width; i++) {
      if (i > 0) {
        if (text[place++] !== 0x2c) return -1;
        if (text[place] === 0x20) place++;
      }
      const column = columns[i]!;
      let next = column.numbers ? readNumber(text, place, cells, cell) : -1;
      if (next === -1) {
        const choice = findChoice(text, place, column);
        if (choice === undefined) return -1;
        cells[cell] = choice.cell;
        next = place + choice.text.length;
      }
      place = next;
      cell++;
    }
    if (text[place++] !== 0x5d) return -1;
    const byte = text[place++];
    if (byte === 0x5d) break;
    if (byte !== 0x2c) return -1;
    if (text[place] === 0x20) place++;
  }
  memory.end = cell;
  return place;
}

function isEnd(text: Buffer, start: number): boolean {
  let place = start;
  while (isBlank(text[place])) place++;
  return place === text.length;
}
