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
 * was full, because the place could not be written to, or because who reads it was slow or gone.
 */
export type DropReason =
  | "buffer-full"
  | "disk-full"
  | "write-failed"
  | "reader-gone"
  | "closed"
  | "hook-full"
  | "hook-failed";

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

/** Counts lost lines. */
export class DropTally {
  readonly #counts = new Map<LogStream, Map<DropReason, number>>();

  add(stream: LogStream, reason: DropReason, count = 1): void {
    let reasons = this.#counts.get(stream);
    if (reasons === undefined) this.#counts.set(stream, (reasons = new Map()));
    reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }

  list(): DroppedLines[] {
    return Array.from(this.#counts, ([stream, reasons]) =>
      Array.from(reasons, ([reason, count]) => ({ stream, reason, count })),
    ).flat();
  }
}

/** The losses of several sinks as one list. */
export function joinDropped(lists: readonly (readonly DroppedLines[])[]): DroppedLines[] {
  const tally = new DropTally();
  for (const { stream, reason, count } of lists.flat()) tally.add(stream, reason, count);
  return tally.list();
}
