/** Room for the cells of many small requests. */
const SHARED_CELLS = 8192;
/** A request of so few cells shares memory with others: memory of its own costs more than reading it. */
const FEW_CELLS = 512;
/** The memory of at most 1 MiB of cells is kept for the next request. */
const MOST_KEPT = 131_072;

/** A part of a longer array. */
export interface Cells {
  readonly cells: Float64Array;
  readonly start: number;
  readonly end: number;
}

/** Where the cells of one request are written while it is read, one request after the other. */
export class CellMemory {
  cells = new Float64Array(SHARED_CELLS);
  /** The place of the first cell of this request. What is before belongs to others. */
  start = 0;
  /** The place after its last cell, once it is read. */
  end = 0;

  /**
   * Moves what was written up to `end` to memory with room for at least `width` more; the new place of
   * the next cell.
   */
  grow(end: number, width: number): number {
    const written = this.cells.subarray(this.start, end);
    const grown = new Float64Array(Math.max(SHARED_CELLS, 2 * written.length + width));
    grown.set(written);
    this.cells = grown;
    this.start = 0;
    return written.length;
  }

  /** The cells that were written, for good. */
  take(): Cells {
    const { cells, start, end } = this;
    if (end - start > FEW_CELLS)
      return { cells: cells.slice(start, end), start: 0, end: end - start };
    this.start = end;
    return { cells, start, end };
  }

  /** Gives up memory that a large request needed. */
  shrink(): void {
    if (this.cells.length <= MOST_KEPT) return;
    this.cells = new Float64Array(SHARED_CELLS);
    this.start = 0;
  }
}
