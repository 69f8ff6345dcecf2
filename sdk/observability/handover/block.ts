/** Where the first record of a block begins; before it stands what both threads know of the block. */
const FIRST = 64;

// Places among the first integers.
const STATE = 0;
const NEXT = 1;
const END = 2;

const FREE = 0;
const HANDED = 1;

/**
 * Memory that two threads share: one fills it with records, hands it over, and may fill it again when
 * the other has read them. How far that one is stands in it, so that another thread can go on there.
 */
export class Block {
  readonly ints: Int32Array;
  readonly floats: Float64Array;
  readonly bytes: Buffer;
  /** Where the next record goes; known to the thread that fills it alone. */
  end = FIRST;

  constructor(readonly memory: SharedArrayBuffer) {
    this.ints = new Int32Array(memory);
    this.floats = new Float64Array(memory);
    this.bytes = Buffer.from(memory);
  }

  /** A block with room for so many bytes of records. */
  static make(bytes: number): Block {
    return new Block(new SharedArrayBuffer(FIRST + Math.ceil(bytes / 8) * 8));
  }

  /** Bytes of records that it holds at most. */
  get capacity(): number {
    return this.memory.byteLength - FIRST;
  }

  get room(): number {
    return this.memory.byteLength - this.end;
  }

  get isEmpty(): boolean {
    return this.end === FIRST;
  }

  /** Whether the other thread has read all of it. */
  get isRead(): boolean {
    return Atomics.load(this.ints, STATE) === FREE;
  }

  /** Gives it to the other thread. */
  hand(): void {
    this.ints[NEXT] = FIRST;
    this.ints[END] = this.end;
    Atomics.store(this.ints, STATE, HANDED);
  }

  /** Makes it ready for being filled; only after all of it was read. */
  clear(): void {
    this.end = FIRST;
  }

  /** Where the next record to be read stands, or `undefined` behind the last one. */
  get next(): number | undefined {
    const at = this.ints[NEXT]!;
    return at < this.ints[END]! ? at : undefined;
  }

  /** The record there is read, and never again: should it end the thread, it would end the next one, too. */
  begin(at: number): void {
    Atomics.store(this.ints, NEXT, at + this.ints[at >> 2]!);
  }

  /** The places of the records before one, in order. */
  *before(at: number): Iterable<number> {
    for (let place = FIRST; place < at; place += this.ints[place >> 2]!) yield place;
  }

  /** Gives it back. */
  giveBack(): void {
    Atomics.store(this.ints, STATE, FREE);
  }
}
