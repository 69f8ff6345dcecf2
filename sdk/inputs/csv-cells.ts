import { findDelimiter, readHeader } from "../tables/csv-header.js";
import type { CellMemory } from "./cell-memory.js";
import { readNumber } from "./json-number.js";
import { orderOf, type ByteColumn, type Choice, type SentOrder } from "./key-order.js";
import type { ColumnPlan } from "./row-plan.js";

/** Reads the bytes of CSV with this delimiter, or with the one that its header has. */
export type ReadCsvOrder = (text: Buffer, delimiter?: string) => SentOrder | undefined;

const QUOTE = 0x22;
const FEED = 0x0a;
const RETURN = 0x0d;
const DECODER = new TextDecoder("utf-8", { fatal: true });
const TRUTHS: readonly (readonly [string, number])[] = [
  ["true", 1],
  ["false", 0],
  ["True", 1],
  ["False", 0],
  ["1", 1],
  ["0", 0],
];

/**
 * Makes the reader of CSV in UTF-8 whose fields are numbers as JSON writes them, truth values and
 * choices, none of them in quotes, with a decimal point and no marks for missing values but the
 * empty field.
 */
export function createCsvCellReader(
  plans: readonly ColumnPlan[],
  memory: CellMemory,
): ReadCsvOrder {
  const columns = plans.map(toCsvColumn);
  return (text, given) => {
    const start = text[0] === 0xef && text[1] === 0xbb && text[2] === 0xbf ? 3 : 0;
    const feed = text.indexOf(FEED, start);
    const end = feed === -1 ? text.length : feed + 1;
    const header = readNames(text.subarray(start, end), given);
    if (header === undefined) return undefined;
    const order = orderOf(header.names, plans, columns);
    if (order === undefined) return undefined;
    return readRows(text.subarray(end), header.delimiter, order, memory) ? order : undefined;
  };
}

function toCsvColumn({ kind, nullable, choices }: ColumnPlan): ByteColumn {
  const texts: [string, number][] = (choices ?? []).map((each, at) => [each, at]);
  if (kind === "boolean") for (const [text, cell] of TRUTHS) texts.push([text, cell]);
  return {
    key: new Uint8Array(),
    words: new Int32Array(),
    numbers: kind === "float64" || kind === "int",
    nullable,
    choices: texts
      .filter(([text]) => text !== "")
      .map(([text, cell]) => ({ text: Buffer.from(text), cell })),
  };
}

function readNames(
  bytes: Buffer,
  given: string | undefined,
): { names: string[]; delimiter: number } | undefined {
  // Quotes may hold the end of the line, and a lone return may be one.
  if (bytes.length === 0 || bytes.includes(QUOTE)) return undefined;
  const back = bytes.indexOf(RETURN);
  const ends = back === bytes.length - 2 && bytes[back + 1] === FEED;
  if (back !== -1 && !ends) return undefined;
  try {
    const line = DECODER.decode(bytes);
    const delimiter = given ?? findDelimiter(line);
    const code = delimiter.charCodeAt(0);
    // A delimiter that may stand in a number, or is no single byte, is left to the other way.
    if (code > 0x7f || /[\w.+-]/.test(delimiter)) return undefined;
    return { names: readHeader(line, delimiter).names, delimiter: code };
  } catch {
    return undefined;
  }
}

function readRows(
  text: Buffer,
  delimiter: number,
  { columns, width }: SentOrder,
  memory: CellMemory,
): boolean {
  const { length } = text;
  let { cells } = memory;
  let cell = memory.start;
  let place = 0;
  while (place < length) {
    if (cell + width > cells.length) {
      cell = memory.grow(cell, width);
      ({ cells } = memory);
    }
    for (let i = 0; i < width; i++) {
      const column = columns[i]!;
      let next = column.numbers ? readNumber(text, place, cells, cell) : -1;
      if (next === -1) {
        if (endsField(text, place, delimiter)) {
          // A blank line is a row of one column, or the end of the body: the other way knows.
          if (column.nullable !== true || width === 1) return false;
          cells[cell] = Number.NaN;
          next = place;
        } else {
          const choice = findField(text, place, delimiter, column.choices);
          if (choice === undefined) return false;
          cells[cell] = choice.cell;
          next = place + choice.text.length;
        }
      }
      place = next;
      cell++;
      if (i < width - 1 && text[place++] !== delimiter) return false;
    }
    if (place === length) break;
    if (text[place] === RETURN) place++;
    if (text[place++] !== FEED) return false;
  }
  memory.end = cell;
  return true;
}

/** The choice that is all of a field. */
function findField(
  text: Buffer,
  place: number,
  delimiter: number,
  choices: readonly Choice[],
): Choice | undefined {
  for (const choice of choices) {
    const { length } = choice.text;
    let same = 0;
    while (same < length && text[place + same] === choice.text[same]) same++;
    if (same === length && endsField(text, place + length, delimiter)) return choice;
  }
  return undefined;
}

function endsField(text: Buffer, place: number, delimiter: number): boolean {
  const byte = text[place];
  return byte === delimiter || byte === FEED || byte === RETURN || byte === undefined;
}
