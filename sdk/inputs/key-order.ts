import type { KeyOrder } from "./cell-table.js";
import type { ColumnPlan } from "./row-plan.js";

/** A value that is no number, and the cell that stands for it. */
export interface Choice {
  readonly text: Uint8Array;
  readonly cell: number;
}

/** A column as it stands in the bytes of a row. */
export interface ByteColumn {
  /** The key with its quotes and colon. */
  readonly key: Uint8Array;
  /** The key four bytes at a time, lowest byte first, without what is left over. */
  readonly words: Int32Array;
  /** Whether a value may be a number. */
  readonly numbers: boolean;
  readonly nullable: boolean;
  /** What else a value may be. */
  readonly choices: readonly Choice[];
}

/** An order of keys with what is to be found in the bytes. */
export interface SentOrder extends KeyOrder {
  /** The column of each key. */
  readonly columns: readonly ByteColumn[];
}

export function toByteColumn({ name, kind, nullable, choices }: ColumnPlan): ByteColumn {
  const key = toBytes(`${JSON.stringify(name)}:`);
  const view = new DataView(key.buffer);
  const words = Int32Array.from({ length: key.length >> 2 }, (_, i) => view.getInt32(4 * i, true));
  const texts: [string, number][] = (choices ?? []).map((each, i) => [JSON.stringify(each), i]);
  if (kind === "boolean") texts.push(["true", 1], ["false", 0]);
  if (nullable) texts.push(["null", Number.NaN]);
  return {
    key,
    words,
    numbers: kind === "float64" || kind === "int",
    nullable,
    choices: texts.map(([text, cell]) => ({ text: toBytes(text), cell })),
  };
}

/** In memory of its own, whose bytes begin at 0. */
function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text));
}

/** The order of the schema, with all its columns. */
export function toSchemaOrder(columns: readonly ByteColumn[]): SentOrder {
  return { columns, width: columns.length, positions: Int32Array.from(columns.keys()) };
}

/**
 * The order of columns that are named once for all rows; `undefined` when a name is no column or
 * comes twice, and when a column is not sent that has to be.
 */
export function orderOf(
  names: readonly string[],
  plans: readonly ColumnPlan[],
  columns: readonly ByteColumn[],
): SentOrder | undefined {
  const found = new Map(plans.map(({ name }, column) => [name, column]));
  const positions = new Int32Array(plans.length).fill(-1);
  const order: ByteColumn[] = [];
  for (const name of names) {
    const column = found.get(name);
    if (column === undefined || positions[column] !== -1) return undefined;
    positions[column] = order.length;
    order.push(columns[column]!);
  }
  const sent = plans.every((plan, column) => plan.optional || positions[column] !== -1);
  return sent && order.length > 0 ? { columns: order, width: order.length, positions } : undefined;
}

/** The choice of a column that stands at a place. */
export function findChoice(
  text: Buffer,
  place: number,
  { choices }: ByteColumn,
): Choice | undefined {
  for (const choice of choices) {
    const { length } = choice.text;
    let same = 0;
    while (same < length && text[place + same] === choice.text[same]) same++;
    if (same === length) return choice;
  }
  return undefined;
}

/** Whether a byte is white space of JSON. */
export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Finds the keys of the first row, which starts at byte 1. */
export type FindOrder = (text: Buffer) => SentOrder | undefined;

/**
 * Makes what finds the order of the keys in a first row; `undefined` when a key is no column or
 * comes twice, and when a column is not sent that has to be. It only needs to be right for rows that
 * are read with this order afterwards: that reading checks every byte.
 */
export function createOrderFinder(
  plans: readonly ColumnPlan[],
  columns: readonly ByteColumn[],
): FindOrder {
  // One character a byte, so that no two keys that differ in bytes look alike.
  const found = new Map(
    columns.map(({ key }, column) => [
      Buffer.from(key).toString("latin1", 1, key.length - 2),
      column,
    ]),
  );
  return (text) => {
    const order: ByteColumn[] = [];
    const positions = new Int32Array(plans.length).fill(-1);
    let place = 2;
    for (;;) {
      if (text[place] === BLANK) place++;
      const end = text.indexOf(QUOTE, place + 1);
      if (text[place] !== QUOTE || end === -1) return undefined;
      const column = found.get(text.toString("latin1", place + 1, end));
      if (column === undefined || positions[column] !== -1) return undefined;
      positions[column] = order.length;
      order.push(columns[column]!);
      place = skipValue(text, end + 2);
      if (text[place] !== COMMA) break;
      place++;
    }
    const sent = plans.every((plan, column) => plan.optional || positions[column] !== -1);
    return sent ? { columns: order, width: order.length, positions } : undefined;
  };
}

const BLANK = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/** The place after a value, which is not looked into but for its end. */
function skipValue(text: Buffer, start: number): number {
  let place = text[start] === BLANK ? start + 1 : start;
  if (text[place] === QUOTE) {
    const end = text.indexOf(QUOTE, place + 1);
    return end === -1 ? text.length : end + 1;
  }
  while (place < text.length && text[place] !== COMMA && text[place] !== CLOSE) place++;
  return place;
}
