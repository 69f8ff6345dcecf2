import type { Cells } from "./cell-memory.js";
import { ownMask, type Draft } from "./row-code.js";
import type { ColumnPlan } from "./row-plan.js";

/** The keys that every row of a table has, in one order. */
export interface KeyOrder {
  /** How many keys a row has. */
  readonly width: number;
  /** For each column of the schema the position of its key, -1 when no row has it. */
  readonly positions: Int32Array;
}

/**
 * Rows as numbers, row after row, all with the same keys. A cell holds a number, 1 or 0 for a truth
 * value, the place of a text among the choices of its column, or NaN for `null`, which JSON cannot
 * mean by any number.
 */
export class CellTable {
  readonly #cells: Float64Array;
  readonly #start: number;
  readonly #end: number;
  readonly #order: KeyOrder;

  constructor({ cells, start, end }: Cells, order: KeyOrder) {
    this.#cells = cells;
    this.#start = start;
    this.#end = end;
    this.#order = order;
  }

  /** The number of rows. */
  get length(): number {
    return (this.#end - this.#start) / this.#order.width;
  }

  get order(): KeyOrder {
    return this.#order;
  }

  /** The cells of all rows, where nobody else has them or anybody may. */
  toCells(): Float64Array {
    const isAll = this.#start === 0 && this.#end === this.#cells.length;
    return isAll ? this.#cells : this.#cells.slice(this.#start, this.#end);
  }

  /** Copies the cells of all rows; the place after them. */
  copyTo(target: Float64Array, at: number): number {
    const cells = this.#cells;
    let to = at;
    for (let from = this.#start; from < this.#end; from++, to++) target[to] = cells[from]!;
    return to;
  }

  /** The rows from `start` up to, without, `end`. */
  slice(start: number, end: number): CellTable {
    const place = (row: number): number =>
      Math.min(this.#start + row * this.#order.width, this.#end);
    const part = { cells: this.#cells, start: place(start), end: place(end) };
    return new CellTable(part, this.#order);
  }

  /** Writes the rows into a draft, from row `start` on, as the fill of `row-code.ts` writes rows. */
  fill(plans: readonly ColumnPlan[], draft: Draft, start: number): void {
    const { width, positions } = this.#order;
    const cells = this.#cells;
    const end = this.#end;
    for (let column = 0; column < plans.length; column++) {
      const position = positions[column]!;
      if (position === -1) {
        fillNotSent(draft, column, start, this.length);
        continue;
      }
      const first = this.#start + position;
      const values = draft.values[column]!;
      if (values instanceof Float64Array) {
        for (let row = start, at = first; at < end; row++, at += width) {
          values[row] = cells[at]!;
        }
      } else if (values instanceof Uint8Array) {
        for (let row = start, at = first; at < end; row++, at += width) {
          values[row] = cells[at]!;
        }
      } else {
        const choices = plans[column]!.choices!;
        for (let at = first; at < end; at += width) {
          const cell = cells[at]!;
          (values as (string | null)[]).push(Number.isNaN(cell) ? null : choices[cell]!);
        }
      }
      if (draft.masks[column] === undefined) continue;
      for (let row = start, at = first; at < end; row++, at += width) {
        if (Number.isNaN(cells[at])) ownMask(draft, column)[row] = 1;
      }
    }
  }
}

/** Writes rows that do not have a column, which has to be one that they may leave out. */
export function fillNotSent(draft: Draft, column: number, start: number, rows: number): void {
  const values = draft.values[column]!;
  if (values instanceof Float64Array) values.fill(Number.NaN, start, start + rows);
  else if (!(values instanceof Uint8Array)) {
    for (let i = 0; i < rows; i++) (values as null[]).push(null);
  }
  ownMask(draft, column).fill(2, start, start + rows);
}
