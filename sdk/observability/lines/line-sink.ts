/** What a line tells of; each stream has a file of its own. */
export type LogStream = "application" | "access" | "prediction" | "feedback";

export const LOG_STREAMS: readonly LogStream[] = [
  "application",
  "access",
  "prediction",
  "feedback",
];

/**
 * Why a line was lost: more was written than the buffer holds, or the buffer filled because the disk
 * was full, because the place could not be written to, or because who reads it was slow or gone; or
 * the thread that had it ended.
 */
export type DropReason = (typeof DROP_REASONS)[number];

export const DROP_REASONS = [
  "buffer-full",
  "disk-full",
  "write-failed",
  "reader-gone",
  "thread-ended",
  "closed",
  "hook-full",
  "hook-failed",
] as const;

/** How many lines of a stream were lost for one reason. */
export interface DroppedLines {
  readonly stream: LogStream;
  readonly reason: DropReason;
  readonly count: number;
}

/** A line as text, or as its bytes in UTF-8, which nobody changes any more. */
export type Line = string | Uint8Array;

/** Where lines go. Nothing that happens to a line is told to who wrote it. */
export interface LineSink {
  /** Takes one line without its line feed; it is written later. */
  write(stream: LogStream, line: Line): void;
  /** The lines that were lost since the sink was made. */
  dropped(): readonly DroppedLines[];
  /** Resolves when what was written before is where it belongs, or cannot get there for now. */
  flush(): Promise<void>;
  /** Writes what can be written and takes no more. */
  close(): Promise<void>;
}

/** Bytes of the memory of a tally. */
export const TALLY_BYTES = LOG_STREAMS.length * DROP_REASONS.length * 8;

/** Counts lost lines, in memory that may be shared with another thread. */
export class DropTally {
  readonly #counts: BigInt64Array;

  constructor(memory: ArrayBufferLike = new ArrayBuffer(TALLY_BYTES), offset = 0) {
    this.#counts = new BigInt64Array(memory, offset, TALLY_BYTES / 8);
  }

  add(stream: LogStream, reason: DropReason, count = 1): void {
    const at = LOG_STREAMS.indexOf(stream) * DROP_REASONS.length + DROP_REASONS.indexOf(reason);
    Atomics.add(this.#counts, at, BigInt(count));
  }

  /** How many lines of a stream were lost. */
  count(stream: LogStream): number {
    let sum = 0;
    for (const lost of this.list()) if (lost.stream === stream) sum += lost.count;
    return sum;
  }

  list(): DroppedLines[] {
    return LOG_STREAMS.flatMap((stream, row) =>
      DROP_REASONS.flatMap((reason, column) => {
        const at = row * DROP_REASONS.length + column;
        const count = Number(Atomics.load(this.#counts, at));
        return count === 0 ? [] : [{ stream, reason, count }];
      }),
    );
  }
}

/** The losses of several sinks as one list. */
export function joinDropped(lists: readonly (readonly DroppedLines[])[]): DroppedLines[] {
  const tally = new DropTally();
  for (const { stream, reason, count } of lists.flat()) tally.add(stream, reason, count);
  return tally.list();
}
