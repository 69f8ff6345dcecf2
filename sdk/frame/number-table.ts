import type { Column, NumberColumn } from "./column.js";

/** For so few rows memory of its own for each column costs less than parts of one block. */
const FEW_ROWS = 8;

/**
 * A table of numbers of which none is missing, row after row as a model takes it. Columns are made of
 * it when somebody asks for one: most handlers hand the whole table to a model.
 */
export class NumberTable {
  constructor(
    /** `rowCount` rows of `width` cells; for reading only. */
    readonly cells: Float64Array,
    readonly width: number,
    /** The place of each column in a row. */
    readonly positions: Int32Array,
    readonly kinds: readonly NumberColumn["kind"][],
  ) {}

  get rowCount(): number {
    return this.cells.length / this.width;
  }

  /** Writes columns of each row after each other, those of all rows. */
  fill(target: Float32Array | Float64Array, positions: Int32Array): void {
    const { cells, width } = this;
    if (isWhole(positions, width)) {
      target.set(cells);
      return;
    }
    for (let row = 0, at = 0; row < cells.length; row += width) {
      for (let column = 0; column < positions.length; column++, at++) {
        target[at] = cells[row + positions[column]!]!;
      }
    }
  }

  toColumns(): Column[] {
    const { cells, width, rowCount, positions } = this;
    const bytes = 8 * rowCount;
    const block = rowCount > FEW_ROWS ? new ArrayBuffer(this.kinds.length * bytes) : undefined;
    return this.kinds.map((kind, column): NumberColumn => {
      const values =
        block === undefined
          ? new Float64Array(rowCount)
          : new Float64Array(block, column * bytes, rowCount);
      for (let row = 0, at = positions[column]!; row < rowCount; row++, at += width) {
        values[row] = cells[at]!;
      }
      return { kind, values };
    });
  }
}

function isWhole(positions: Int32Array, width: number): boolean {
  if (positions.length !== width) return false;
  for (let at = 0; at < width; at++) if (positions[at] !== at) return false;
  return true;
}
