import { brokenArrow } from "./arrow-messages.js";

/** The part of a record batch's header that is read. */
export interface BatchHeader {
  readonly length: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly { readonly offset: number; readonly length: number }[];
  readonly variadicBufferCounts: readonly number[];
}

/** What is left of the cells that a body may have. */
export interface CellBudget {
  left: number;
}

/**
 * Goes through the arrays of a batch in the order in which they are written, and hands out no byte
 * that is not there.
 */
export class BatchReader {
  readonly #header: BatchHeader;
  readonly #body: Uint8Array;
  readonly #budget: CellBudget;
  #node = 0;
  #buffer = 0;
  #variadic = 0;

  constructor(header: BatchHeader, body: Uint8Array, budget: CellBudget) {
    this.#header = header;
    this.#body = body;
    this.#budget = budget;
  }

  /** The length of the next array, and whether it may have missing values. */
  nextArray(): { length: number; nullCount: number } {
    const node = this.#header.nodes[this.#node++];
    if (node === undefined) throw brokenArrow("an array of the schema is not there");
    const { length, nullCount } = node;
    if (length < 0 || nullCount < 0 || nullCount > length) {
      throw brokenArrow("an array has no right length");
    }
    this.#budget.left -= length;
    if (this.#budget.left < 0) {
      throw brokenArrow("it claims to have more values than a body of its size may hold");
    }
    return node;
  }

  /** The next buffer, with at least so many bytes. */
  nextBuffer(atLeast = 0): Uint8Array {
    const region = this.#header.buffers[this.#buffer++];
    if (region === undefined) throw brokenArrow("a buffer of the schema is not there");
    const { offset, length } = region;
    if (offset < 0 || length < 0 || offset + length > this.#body.length) {
      throw brokenArrow("a buffer lies outside of its message");
    }
    if (length < atLeast) throw brokenArrow("a buffer is shorter than its array");
    return this.#body.subarray(offset, offset + length);
  }

  /** The bits that say which values are there, or `undefined` when none is missing. */
  nextValidity(length: number, nullCount: number): Uint8Array | undefined {
    const bits = this.nextBuffer(nullCount === 0 ? 0 : Math.ceil(length / 8));
    return nullCount === 0 ? undefined : bits;
  }

  /** The buffers that hold the long texts of an array of views. */
  nextVariadic(): Uint8Array[] {
    const count = this.#header.variadicBufferCounts[this.#variadic++] ?? 0;
    if (count < 0 || count > this.#header.buffers.length) {
      throw brokenArrow("an array of views has no right number of buffers");
    }
    return Array.from({ length: count }, () => this.nextBuffer());
  }
}
