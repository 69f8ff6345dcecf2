import { DropTally, LOG_STREAMS, TALLY_BYTES, type LogStream } from "../lines/line-sink.js";

const STREAMS = LOG_STREAMS.length;

/** What a thread has done with its records, in memory that outlives it. */
export class ThreadCounts {
  readonly memory: SharedArrayBuffer;
  /** The lines that it has lost. */
  readonly tally: DropTally;
  readonly #taken: Float64Array;
  readonly #written: Float64Array;

  constructor(memory = new SharedArrayBuffer(TALLY_BYTES + 2 * STREAMS * 8)) {
    this.memory = memory;
    this.tally = new DropTally(memory);
    this.#taken = new Float64Array(memory, TALLY_BYTES, STREAMS);
    this.#written = new Float64Array(memory, TALLY_BYTES + STREAMS * 8, STREAMS);
  }

  /** A record is taken from its block. */
  take(stream: LogStream): void {
    this.#taken[LOG_STREAMS.indexOf(stream)]!++;
  }

  /** Lines are where they belong. */
  write(streams: readonly LogStream[]): void {
    for (const stream of streams) this.#written[LOG_STREAMS.indexOf(stream)]!++;
  }

  taken(stream: LogStream): number {
    return this.#taken[LOG_STREAMS.indexOf(stream)]!;
  }

  /** Records whose lines were neither written nor counted as lost. */
  underWay(stream: LogStream): number {
    const at = LOG_STREAMS.indexOf(stream);
    return Math.max(0, this.#taken[at]! - this.#written[at]! - this.tally.count(stream));
  }
}
