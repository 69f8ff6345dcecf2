import type { DropTally } from "../lines/line-sink.js";
import type { Log } from "../log.js";
import type { LogRecord, RecordListener } from "./record.js";

export interface RecordHooksOptions {
  hooks: readonly RecordListener[];
  log: Log;
  tally: DropTally;
  /** How many records may wait for each hook. @default 1000 */
  maxWaiting?: number;
}

/** The most records that a hook gets at once. */
const MOST_AT_ONCE = 100;
/** A hook that goes on failing is told of so often. */
const TELL_EVERY_MS = 60_000;

/** Hands records to the author's hooks, behind the backs of the requests. */
export interface RecordHooks {
  push(record: LogRecord): void;
  /** Resolves when all that waited was handed over, at the latest after so many milliseconds. */
  drain(limitMs: number): Promise<void>;
}

export function createRecordHooks(options: RecordHooksOptions): RecordHooks {
  const queues = options.hooks.map((hook) => createHookQueue(hook, options));
  return {
    push(record) {
      for (const queue of queues) queue.push(record);
    },
    async drain(limitMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
      await Promise.race([Promise.all(queues.map((queue) => queue.idle())), late]);
      clearTimeout(timer);
    },
  };
}

function createHookQueue(
  { hook, streams }: RecordListener,
  { log, tally, maxWaiting = 1000 }: RecordHooksOptions,
) {
  let waiting: LogRecord[] = [];
  let working: Promise<void> | undefined;
  let told = -Infinity;

  async function work(): Promise<void> {
    // What comes in one turn of the loop goes together, and no request waits for it.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const records = waiting.slice(0, MOST_AT_ONCE);
      waiting = waiting.slice(records.length);
      try {
        await hook(records);
      } catch (error) {
        for (const { stream } of records) tally.add(stream, "hook-failed");
        if (performance.now() - told < TELL_EVERY_MS) continue;
        told = performance.now();
        log.error("an onRecord hook failed; its records are lost", {
          records: records.length,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      }
    }
    working = undefined;
  }

  return {
    push(record: LogRecord): void {
      if (!streams.includes(record.stream)) return;
      if (waiting.length >= maxWaiting) return tally.add(record.stream, "hook-full");
      waiting.push(record);
      working ??= work();
    },
    idle: (): Promise<void> => working ?? Promise.resolve(),
  };
}
