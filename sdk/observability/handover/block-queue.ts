import { Block } from "./block.js";

/** Small enough to stay in the caches of both processors while it is filled and read. */
const MOST_BLOCK_BYTES = 128 * 1024;
const LEAST_BLOCK_BYTES = 4 * 1024;
/** Those that a burst has left are let go of. */
const MOST_FREE = 8;

/** The blocks between two threads, in the order in which they were filled. */
export class BlockQueue {
  readonly #blockBytes: number;
  #current: Block | undefined;
  /** Not read yet, as far as is known. */
  #handed: Block[] = [];
  #free: Block[] = [];
  /** Of all blocks that there are. */
  #bytes = 0;

  /** `post` gets blocks that are to be read. */
  constructor(
    private readonly limitBytes: number,
    private readonly post: (block: Block) => void,
  ) {
    const quarter = (limitBytes / 4) & ~7;
    this.#blockBytes = Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, quarter));
  }

  /** A block with so much room, or `undefined` when no more may wait. */
  reserve(bytes: number): Block | undefined {
    const current = this.#current;
    if (current !== undefined && current.room >= bytes) return current;
    this.hand();
    // An empty one that is too small is of use later.
    if (this.#current !== undefined) this.#free.push(this.#current);
    return (this.#current = this.#next(bytes));
  }

  /** Whether nothing waits for being read. */
  get isRead(): boolean {
    this.#collect();
    return this.#handed.length === 0;
  }

  /** Whether nothing waits for being handed over. */
  get isEmpty(): boolean {
    return this.#current === undefined || this.#current.isEmpty;
  }

  /** Hands over what was filled. */
  hand(): void {
    const block = this.#current;
    if (block === undefined || block.isEmpty) return;
    this.#current = undefined;
    block.hand();
    this.#handed.push(block);
    this.post(block);
  }

  /** Posts again what nobody has read to its end. */
  handAgain(): void {
    this.#collect();
    for (const block of this.#handed) this.post(block);
  }

  /** Gives all of it up. */
  clear(): void {
    this.#current = undefined;
    this.#handed = [];
    this.#free = [];
    this.#bytes = 0;
  }

  #next(bytes: number): Block | undefined {
    this.#collect();
    if (bytes <= this.#blockBytes) {
      const free = this.#free.pop();
      if (free !== undefined) return free;
    } else {
      // One of its own, in place of those that nobody uses now.
      for (const block of this.#free.splice(0)) this.#bytes -= block.memory.byteLength;
    }
    const block = Math.max(bytes, this.#blockBytes);
    if (this.#bytes + block > this.limitBytes) return undefined;
    const made = Block.make(block);
    this.#bytes += made.memory.byteLength;
    return made;
  }

  #collect(): void {
    while (this.#handed[0]?.isRead === true) {
      const block = this.#handed.shift()!;
      block.clear();
      const isOfUse = block.capacity === this.#blockBytes && this.#free.length < MOST_FREE;
      if (!isOfUse) this.#bytes -= block.memory.byteLength;
      else this.#free.push(block);
    }
  }
}
