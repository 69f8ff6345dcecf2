import { sliceColumn, type Column } from "../frame/column.js";
import { ownMask, type Draft } from "./row-code.js";

/** Rows as columns of their own, in the order of the schema. */
export class ColumnTable {
  readonly #columns: readonly Column[];
  /** The number of rows. */
  readonly length: number;

  constructor(columns: readonly Column[], length: number) {
    this.#columns = columns;
    this.length = length;
  }

  /** The rows from `start` up to, without, `end`, as views of the same memory. */
  slice(start: number, end: number): ColumnTable {
    const to = Math.min(end, this.length);
    const columns = this.#columns.map((column) => sliceColumn(column, start, to));
    return new ColumnTable(columns, to - start);
  }

  /** Writes the rows into a draft, from row `start` on, as the fill of `row-code.ts` writes rows. */
  fill(draft: Draft, start: number): void {
    for (let at = 0; at < this.#columns.length; at++) {
      const { values, missing } = this.#columns[at]!;
      const target = draft.values[at]!;
      if (Array.isArray(target)) for (const value of values) target.push(value);
      else (target as Float64Array).set(values as Float64Array, start);
      // All zeros as a rule, and then the mask that the draft's columns share serves.
      if (missing !== undefined && missing.includes(1)) ownMask(draft, at).set(missing, start);
      else if (missing !== undefined && missing.includes(2)) ownMask(draft, at).set(missing, start);
    }
  }
}
