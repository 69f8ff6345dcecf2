import { setOwn } from "../core/set-own.js";
import { countElements } from "../tensor/tensor.js";
import type { OutputSlice, ShapedElements } from "./output.js";
import { printJson } from "./print-json.js";
import { printRecords, type PrintedColumns } from "./print-records.js";

/** Outputs that the handler gave as an array. */
export class ArraySlice implements OutputSlice {
  readonly count: number;
  readonly #outputs: readonly unknown[];
  readonly #start: number;

  constructor(outputs: readonly unknown[], start: number, end: number) {
    this.count = end - start;
    this.#outputs = outputs;
    this.#start = start;
  }

  values(): unknown[] {
    return this.#outputs.slice(this.#start, this.#start + this.count);
  }

  printJson(): string {
    return printJson(this.count === this.#outputs.length ? this.#outputs : this.values());
  }
}

export interface Cells extends PrintedColumns {
  readonly names: readonly string[];
}

/** Outputs that the handler gave as columns; printed without making rows. */
export class ColumnSlice implements OutputSlice {
  readonly count: number;
  readonly #table: Cells;
  readonly #start: number;

  constructor(table: Cells, start: number, end: number) {
    this.count = end - start;
    this.#table = table;
    this.#start = start;
  }

  values(): unknown[] {
    const { names, cells } = this.#table;
    const rows: unknown[] = [];
    for (let row = this.#start; row < this.#start + this.count; row++) {
      const record: Record<string, unknown> = {};
      for (let column = 0; column < names.length; column++) {
        const value = cells[column]![row];
        if (value !== undefined) setOwn(record, names[column]!, value);
      }
      rows.push(record);
    }
    return rows;
  }

  printJson(): string {
    return `[${printRecords(this.#table, [this.#start, this.#start + this.count], ",")}]`;
  }

  columns(): Readonly<Record<string, ArrayLike<unknown>>> {
    const { names, cells } = this.#table;
    return Object.fromEntries(
      names.map((name, column) => [name, cut(cells[column]!, this.#start, this.count)]),
    );
  }
}

/** Outputs that the handler gave as one tensor: each is an element, or a row of elements. */
export class TensorSlice implements OutputSlice {
  readonly count: number;
  readonly #whole: ShapedElements;
  readonly #start: number;

  constructor(whole: ShapedElements, start: number, end: number) {
    this.count = end - start;
    this.#whole = whole;
    this.#start = start;
  }

  values(): unknown[] {
    const { data, dims } = this.tensor();
    if (dims.length === 1) return Array.from(data);
    const size = countElements(dims.slice(1));
    return Array.from({ length: this.count }, (_, row) => Array.from(cut(data, row * size, size)));
  }

  printJson(): string {
    return printJson(this.values());
  }

  tensor(): ShapedElements {
    const { data, dims } = this.#whole;
    const rest = dims.slice(1);
    const size = countElements(rest);
    return {
      data: cut(data, this.#start * size, this.count * size),
      dims: [this.count, ...rest],
    };
  }
}

/** Part of an array; a view where it is typed. */
function cut(cells: ArrayLike<unknown>, start: number, count: number): ArrayLike<unknown> {
  if (start === 0 && count === cells.length) return cells;
  return Array.isArray(cells)
    ? cells.slice(start, start + count)
    : (cells as Float64Array).subarray(start, start + count);
}
