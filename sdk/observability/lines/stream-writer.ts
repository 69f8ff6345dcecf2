import { write } from "node:fs";
import { promisify } from "node:util";
import { ByteBudget, LineQueue, type LineTarget } from "./line-queue.js";
import { DropTally, type LineSink, type LogStream } from "./line-sink.js";

const append = promisify(write) as (
  fd: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => Promise<{ bytesWritten: number }>;

export interface StreamWriterOptions {
  /** @default 1, standard output */
  fd?: number;
  /** @default 16_777_216 (16 MiB) */
  maxBufferBytes?: number;
  /** Milliseconds for which lines are gathered. @default 0 */
  gatherMs?: number;
  onTrouble?(error: Error | undefined): void;
  /** Counts what is lost. @default one of its own */
  tally?: DropTally;
  /** Lines of these streams are written. */
  onWritten?(streams: readonly LogStream[]): void;
  /** What stands before each line. @default nothing */
  letterOf?(stream: LogStream): number;
}

/** Writes the lines of all streams to one descriptor, in order and in the background. */
export function createStreamWriter(options: StreamWriterOptions = {}): LineSink {
  const { fd = 1, tally = new DropTally(), onWritten, letterOf } = options;
  const target: LineTarget = {
    room: () => Infinity,
    prepare: () => Promise.resolve(),
    async append(bytes, offset) {
      try {
        return (await append(fd, bytes, offset, bytes.byteLength - offset)).bytesWritten;
      } catch (error) {
        // A pipe that is full for now, where whoever made it does not want to be waited for.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
        await new Promise((resolve) => setTimeout(resolve, FULL_PIPE_MS));
        return 0;
      }
    },
    close: () => Promise.resolve(),
  };
  // One queue for all streams: in two, one write could end in the middle of another's line.
  const queue = new LineQueue(target, {
    tally,
    budget: new ByteBudget(options.maxBufferBytes ?? 16 * 1024 * 1024),
    gatherMs: options.gatherMs ?? 0,
    retryMs: 1000,
    onTrouble: (error) => options.onTrouble?.(error),
    ...(onWritten === undefined ? {} : { onWritten }),
    ...(letterOf === undefined ? {} : { letterOf }),
  });
  return {
    write: (stream, line) => queue.write(stream, line),
    dropped: () => tally.list(),
    flush: () => queue.flush(),
    close: () => queue.close(),
  };
}

const FULL_PIPE_MS = 5;
