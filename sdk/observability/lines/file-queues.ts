import { createFileTarget, type LogFiles, type Rotation } from "./file-target.js";
import { ByteBudget, LineQueue } from "./line-queue.js";
import { DropTally, LOG_STREAMS, type LineSink, type LogStream } from "./line-sink.js";
import { logFiles } from "./log-files.js";
import type { Retention } from "./rotated-files.js";

export interface FileWriterOptions {
  /** The folder; it is made. It belongs to one writer: two would rotate each other's files. */
  directory: string;
  rotation?: Partial<Rotation>;
  retention?: Partial<Retention>;
  /** Bytes of each stream that may wait in memory. @default 16_777_216 (16 MiB) */
  maxBufferBytes?: number;
  /** Milliseconds for which lines are gathered; application lines are not. @default 50 */
  gatherMs?: number;
  /** Milliseconds after which a write that failed is tried again. @default 1000 */
  retryMs?: number;
  /** Lines of a stream cannot be written for now (an error), or can again (`undefined`). */
  onTrouble?(stream: LogStream, error: Error | undefined): void;
  /** A file could not be renamed, deleted or packed; lines are written all the same. */
  onFault?(stream: LogStream, error: unknown): void;
  /** Counts what is lost. @default one of its own */
  tally?: DropTally;
  /** Lines of these streams are in their files. */
  onWritten?(streams: readonly LogStream[]): void;
  files?: LogFiles;
  /** Milliseconds since 1970. */
  now?(): number;
}

const DEFAULT_ROTATION: Rotation = { maxBytes: 100 * 1024 * 1024, everyMs: Infinity };
const DEFAULT_RETENTION: Retention = {
  maxFiles: 10,
  maxAgeMs: Infinity,
  maxTotalBytes: Infinity,
  gzip: false,
};

/** Writes each stream to its own file of a folder that is there. */
export function openFileQueues(options: FileWriterOptions): LineSink {
  const { directory, onTrouble, onFault, onWritten, tally = new DropTally() } = options;
  const queues = new Map<LogStream, LineQueue>();
  for (const stream of LOG_STREAMS) {
    const target = createFileTarget({
      directory,
      stream,
      rotation: { ...DEFAULT_ROTATION, ...options.rotation },
      retention: { ...DEFAULT_RETENTION, ...options.retention },
      files: options.files ?? logFiles,
      now: options.now ?? Date.now,
      onFault: (error) => onFault?.(stream, error),
    });
    queues.set(
      stream,
      new LineQueue(target, {
        tally,
        // One each: a stream that cannot be written takes no room from the others.
        budget: new ByteBudget(options.maxBufferBytes ?? 16 * 1024 * 1024),
        // What the application says may be the last thing before it ends.
        gatherMs: stream === "application" ? 0 : (options.gatherMs ?? 50),
        retryMs: options.retryMs ?? 1000,
        onTrouble: (error) => onTrouble?.(stream, error),
        ...(onWritten === undefined ? {} : { onWritten }),
      }),
    );
  }
  const each = async (act: (queue: LineQueue) => Promise<void>): Promise<void> => {
    await Promise.all(Array.from(queues.values(), act));
  };
  return {
    write: (stream, line) => queues.get(stream)!.write(stream, line),
    dropped: () => tally.list(),
    flush: () => each((queue) => queue.flush()),
    close: () => each((queue) => queue.close()),
  };
}
