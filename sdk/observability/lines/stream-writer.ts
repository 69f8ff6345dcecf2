import { write } from "node:fs";
import { promisify } from "node:util";
import { ByteBudget, LineQueue, type LineTarget } from "./line-queue.js";
import { DropTally, type LineSink } from "./line-sink.js";

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
  onTrouble?(error: Error | undefined): void;
}

/** Writes the lines of all streams to one descriptor, in order and in the background. */
export function createStreamWriter(options: StreamWriterOptions = {}): LineSink {
  const { fd = 1 } = options;
  const tally = new DropTally();
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
    gatherMs: 0,
    retryMs: 1000,
    onTrouble: (error) => options.onTrouble?.(error),
  });
  return {
    write: (stream, line) => queue.write(stream, line),
    dropped: () => tally.list(),
    flush: () => queue.flush(),
    close: () => queue.close(),
  };
}

const FULL_PIPE_MS = 5;
