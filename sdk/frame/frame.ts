import { setOwn } from "../core/set-own.js";
import { readCell, sliceColumn, type Column } from "./column.js";
import { NumberTable } from "./number-table.js";

/** A frame as plain data: only arrays, typed arrays and strings, so that it can be printed. */
export interface PlainFrame {
  rowCount: number;
  columns: { name: string; column: Column }[];
}

/**
 * A table as typed columns. It never changes: what looks like a change is a new frame, and views of
 * a frame's memory are for reading only.
 */
export class Frame {
  readonly rowCount: number;
  /** The names of the columns, in order, each once. */
  readonly names: readonly string[];
  /** What the columns are made of, for a frame that was given as rows. */
  readonly numbers: NumberTable | undefined;
  #columns: readonly Column[] | undefined;
  #positions: Map<string, number> | undefined;

  /** @throws TypeError when names repeat or the columns are not of one length. */
  constructor(
    names: readonly string[],
    columns: readonly Column[] | NumberTable,
    rowCount?: number,
  ) {
    this.names = names;
    if (columns instanceof NumberTable) {
      this.rowCount = columns.rowCount;
      this.numbers = columns;
      return;
    }
    this.numbers = undefined;
    if (names.length !== columns.length) {
      throw new TypeError(
        `A frame needs one name a column, not ${names.length} for ${columns.length}.`,
      );
    }
    this.#columns = columns;
    this.rowCount = rowCount ?? columns[0]?.values.length ?? 0;
    for (let i = 0; i < columns.length; i++) {
      const { length } = columns[i]!.values;
      if (length !== this.rowCount) {
        throw new TypeError(
          `Column ${JSON.stringify(names[i])} has ${length} rows, the frame has ${this.rowCount}.`,
        );
      }
    }
  }

  /** The columns in the order of their names. */
  get columns(): readonly Column[] {
    return (this.#columns ??= this.numbers!.toColumns());
  }

  /** A frame of columns by name. */
  static of(columns: Readonly<Record<string, Column>>): Frame {
    return new Frame(Object.keys(columns), Object.values(columns));
  }

  static fromPlain(plain: PlainFrame): Frame {
    return new Frame(
      plain.columns.map(({ name }) => name),
      plain.columns.map(({ column }) => column),
      plain.rowCount,
    );
  }

  toPlain(): PlainFrame {
    return {
      rowCount: this.rowCount,
      columns: this.names.map((name, i) => ({ name, column: this.columns[i]! })),
    };
  }

  /** The column of a name, or `undefined` when there is none. */
  column(name: string): Column | undefined {
    const position = this.#position(name);
    return position === undefined ? undefined : this.columns[position];
  }

  has(name: string): boolean {
    return this.#position(name) !== undefined;
  }

  /** The rows from `start` up to, without, `end`, as views of the same memory. */
  slice(start: number, end: number = this.rowCount): Frame {
    const from = Math.min(Math.max(start, 0), this.rowCount);
    const to = Math.min(Math.max(end, from), this.rowCount);
    if (from === 0 && to === this.rowCount) return this;
    return new Frame(
      this.names,
      this.columns.map((column) => sliceColumn(column, from, to)),
      to - from,
    );
  }

  /** Only these columns, in this order. @throws TypeError when one does not exist. */
  select(names: readonly string[]): Frame {
    const columns = names.map((name) => {
      const column = this.column(name);
      if (column === undefined) throw new TypeError(`There is no column ${JSON.stringify(name)}.`);
      return column;
    });
    return new Frame(names, columns, this.rowCount);
  }

  /** One object a row, with the values as they were sent; what was not sent has no key. */
  toRecords(): Record<string, unknown>[] {
    const records: Record<string, unknown>[] = [];
    for (let row = 0; row < this.rowCount; row++) {
      const record: Record<string, unknown> = {};
      for (let i = 0; i < this.columns.length; i++) {
        const value = readCell(this.columns[i]!, row);
        if (value !== undefined) setOwn(record, this.names[i]!, value);
      }
      records.push(record);
    }
    return records;
  }

  #position(name: string): number | undefined {
    if (this.#positions === undefined) {
      this.#positions = new Map(this.names.map((each, i) => [each, i]));
      if (this.#positions.size !== this.names.length) {
        throw new TypeError("Two columns of a frame have the same name.");
      }
    }
    return this.#positions.get(name);
  }
}
