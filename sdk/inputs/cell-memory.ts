const FIRST_CELLS = 256;
/** The memory of at most 1 MiB of cells is kept for the next request. */
const MOST_KEPT = 131_072;

/** Where the cells of one request are written while it is read, one request after the other. */
export class CellMemory {
  cells = new Float64Array(FIRST_CELLS);
  /** How many cells were written. */
  count = 0;

  /** The same cells in more memory, with room for at least `width` more. */
  grow(width: number): Float64Array<ArrayBuffer> {
    const grown = new Float64Array(2 * this.cells.length + width);
    grown.set(this.cells);
    this.cells = grown;
    return grown;
  }

  /** A copy of the cells: the memory is for the next request. */
  take(): Float64Array {
    return this.cells.slice(0, this.count);
  }

  /** Gives up memory that a large request needed. */
  shrink(): void {
    if (this.cells.length > MOST_KEPT) this.cells = new Float64Array(FIRST_CELLS);
  }
}
