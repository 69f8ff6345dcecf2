import type { DropReason, DropTally, Line, LogStream } from "./line-sink.js";

/** Where the bytes of whole lines are appended. */
export interface LineTarget {
  /** How many more bytes may be appended before `prepare` has to be asked again; at least 1. */
  room(): number;
  /** Makes ready for a chunk of whole lines: opens, rotates. @throws what the system says */
  prepare(bytes: number): Promise<void>;
  /** Appends bytes from `offset` on and answers how many: it may be fewer than there are. */
  append(bytes: Uint8Array, offset: number): Promise<number>;
  close(): Promise<void>;
}

/** How a queue writes. */
export interface QueueOptions {
  tally: DropTally;
  budget: ByteBudget;
  /** Milliseconds for which lines are gathered before they are written together. */
  gatherMs: number;
  /** Milliseconds after which a write that failed is tried again. */
  retryMs: number;
  /** A write has failed, or has succeeded again (`undefined`). */
  onTrouble(error: NodeJS.ErrnoException | undefined): void;
  /** Lines of these streams are where they belong. */
  onWritten?(streams: readonly LogStream[]): void;
  /** What stands before each line. @default nothing */
  letterOf?(stream: LogStream): number;
}

/** The bytes that may wait in memory. */
export class ByteBudget {
  #used = 0;

  constructor(readonly limit: number) {}

  take(bytes: number): boolean {
    if (this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The most bytes that one write takes. */
const CHUNK_BYTES = 1024 * 1024;
/** So much is written at once, without waiting for more. */
const ENOUGH_BYTES = 256 * 1024;

interface Chunk {
  readonly bytes: Buffer;
  /** Of each of its lines. */
  readonly streams: readonly LogStream[];
  written: number;
}

/**
 * Writes lines to one target in the background, in order. A write that fails is tried again from
 * the byte at which it stopped, so that the target has whole lines only; meanwhile lines wait, and
 * those that find no room are lost and counted.
 */
export class LineQueue {
  #lines: Line[] = [];
  /** Bytes of each line, with its letter and its line feed. */
  #sizes: number[] = [];
  #streams: LogStream[] = [];
  #first = 0;
  #bytes = 0;
  #chunk: Chunk | undefined;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #trouble: NodeJS.ErrnoException | undefined;
  #wake: (() => void) | undefined;
  #closing = false;
  #idle: (() => void)[] = [];

  constructor(
    private readonly target: LineTarget,
    private readonly options: QueueOptions,
  ) {}

  write(stream: LogStream, line: Line): void {
    const { tally, budget, gatherMs, letterOf } = this.options;
    if (this.#closing) return tally.add(stream, "closed");
    const own = typeof line === "string" ? Buffer.byteLength(line) : line.byteLength;
    const bytes = own + (letterOf === undefined ? 1 : 2);
    if (!budget.take(bytes)) return tally.add(stream, this.#dropReason());
    this.#lines.push(line);
    this.#sizes.push(bytes);
    this.#streams.push(stream);
    this.#bytes += bytes;
    if (this.#working !== undefined) return;
    if (this.#bytes >= ENOUGH_BYTES || gatherMs === 0) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), gatherMs).unref();
  }

  /** Resolves when nothing waits, or when the target takes nothing for now. */
  flush(): Promise<void> {
    if (this.#isEmpty() || this.#trouble !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#start();
    });
  }

  /** Tries once more to write what waits; what cannot be written is lost and counted. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    if (!this.#isEmpty()) this.#start();
    await this.#working;
    const left = [...findUnwritten(this.#chunk), ...this.#streams.slice(this.#first)];
    for (const stream of left) this.options.tally.add(stream, this.#dropReason());
    this.options.budget.give(this.#bytes);
    this.#bytes = 0;
    this.#chunk = undefined;
    this.#lines = [];
    this.#sizes = [];
    this.#streams = [];
    this.#first = 0;
    await this.target.close();
  }

  #isEmpty(): boolean {
    return this.#chunk === undefined && this.#first === this.#lines.length;
  }

  #dropReason(): DropReason {
    const code = this.#trouble?.code;
    if (code === undefined) return "buffer-full";
    if (code === "EPIPE") return "reader-gone";
    return code === "ENOSPC" || code === "EDQUOT" ? "disk-full" : "write-failed";
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      this.#answerIdle();
    });
  }

  #answerIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #work(): Promise<void> {
    while (!this.#isEmpty()) {
      try {
        if (this.#chunk === undefined) {
          await this.target.prepare(this.#sizes[this.#first]!);
          this.#chunk = this.#take(this.target.room());
        }
        await this.#writeChunk(this.#chunk);
        this.#chunk = undefined;
        this.#setTrouble(undefined);
      } catch (error) {
        this.#setTrouble(error as NodeJS.ErrnoException);
        this.#answerIdle();
        if (this.#closing) return;
        await this.#pause();
      }
    }
  }

  async #writeChunk(chunk: Chunk): Promise<void> {
    const { bytes } = chunk;
    while (chunk.written < bytes.byteLength) {
      chunk.written += await this.target.append(bytes, chunk.written);
    }
    this.#bytes -= bytes.byteLength;
    this.options.budget.give(bytes.byteLength);
    this.options.onWritten?.(chunk.streams);
  }

  /** As many whole lines as there is room for, and at least one. */
  #take(room: number): Chunk {
    const most = Math.min(room, CHUNK_BYTES);
    const from = this.#first;
    let size = 0;
    let end = from;
    while (end < this.#lines.length) {
      const bytes = this.#sizes[end]!;
      if (end > from && size + bytes > most) break;
      size += bytes;
      end++;
    }
    const { letterOf } = this.options;
    const bytes = Buffer.allocUnsafe(size);
    let place = 0;
    for (let at = from; at < end; at++) {
      const line = this.#lines[at]!;
      const begin = place;
      if (letterOf !== undefined) bytes[place++] = letterOf(this.#streams[at]!);
      if (typeof line === "string") bytes.write(line, place);
      else bytes.set(line, place);
      place = begin + this.#sizes[at]!;
      bytes[place - 1] = LINE_FEED;
    }
    const streams = this.#streams.slice(from, end);
    this.#first = end;
    // What was taken is let go of now and then; moving the rest each time would be slow.
    if (end === this.#lines.length || end > 10_000) {
      this.#lines = this.#lines.slice(end);
      this.#sizes = this.#sizes.slice(end);
      this.#streams = this.#streams.slice(end);
      this.#first = 0;
    }
    return { bytes, streams, written: 0 };
  }

  #setTrouble(error: NodeJS.ErrnoException | undefined): void {
    if (error === undefined && this.#trouble === undefined) return;
    this.#trouble = error;
    this.options.onTrouble(error);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.options.retryMs).unref();
      this.#wake = done;
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
    });
  }
}

/** The streams of those lines of a chunk whose line feed has not been written. */
function findUnwritten(chunk: Chunk | undefined): readonly LogStream[] {
  if (chunk === undefined) return [];
  let count = 0;
  for (const byte of chunk.bytes.subarray(chunk.written)) if (byte === LINE_FEED) count++;
  return count === 0 ? [] : chunk.streams.slice(-count);
}

const LINE_FEED = 10;
