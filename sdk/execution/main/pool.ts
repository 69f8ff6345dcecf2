import type { Clock } from "../../core/clock.js";
import { EkibenError } from "../../core/errors.js";
import { UnderWay } from "../../core/under-way.js";
import type { Log } from "../../observability/log.js";
import { openThread, ThreadEnded, type Thread, type ThreadSource } from "./thread.js";

export interface PoolOptions extends ThreadSource {
  /** The name of the model, for messages. */
  model: string;
  threads: number;
  log: Log;
  clock: Clock;
}

/** Threads with one engine each, and the jobs that wait for them. */
export interface Pool {
  readonly facts: unknown;
  /** What another thread opens the same engine from. */
  readonly source: unknown;
  /** Threads that work, busy or idle. */
  readonly working: number;
  /** Why a thread is missing that could not be replaced so far. */
  readonly fault: string | undefined;
  /** Jobs begin in the order of the calls. */
  run(job: unknown, owned: boolean): Promise<unknown>;
  /** Lets the threads finish and end; jobs that still wait are run before. */
  close(): Promise<void>;
}

interface Job {
  data: unknown;
  owned: boolean;
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** @throws what opening the engine throws; MODEL_MEMORY_EXCEEDED; MODEL_FILE_INVALID */
export async function openPool(options: PoolOptions): Promise<Pool> {
  const { model, log, clock } = options;
  const jobs: Job[] = [];
  const idle: Thread[] = [];
  const runs = new UnderWay();
  const all = new Set<Thread>();
  let again: ThreadSource = options;
  let facts: unknown;
  let pause = FIRST_PAUSE_MS;
  let fault: string | undefined;
  let isClosed = false;
  const waits = new Set<() => void>();

  const open = async (): Promise<void> => {
    const thread = await openThread(again);
    if (isClosed) return thread.close();
    facts ??= thread.facts;
    again = { ...options, source: thread.source };
    thread.onEnded = (ended) => replace(thread, ended);
    all.add(thread);
    fault = undefined;
    idle.push(thread);
    pump();
  };

  const pump = (): void => {
    while (jobs.length > 0 && idle.length > 0) {
      runs.begin();
      void work(idle.shift()!, jobs.shift()!).finally(() => runs.end());
    }
  };

  const work = async (thread: Thread, job: Job): Promise<void> => {
    try {
      const answer = await thread.run(job.data, job.owned);
      pause = FIRST_PAUSE_MS;
      job.resolve(answer);
    } catch (error) {
      job.reject(error instanceof ThreadEnded ? toRunError(model, error) : error);
    }
    if (!all.has(thread)) return;
    idle.push(thread);
    pump();
  };

  const replace = (thread: Thread, ended: ThreadEnded): void => {
    all.delete(thread);
    const place = idle.indexOf(thread);
    if (place !== -1) idle.splice(place, 1);
    log.error(`a worker of the model ${model} ended`, { error: ended, replacedAfterMs: pause });
    openLater();
  };

  const openLater = (): void => {
    if (isClosed) return;
    const cancel = clock.after(pause, () => {
      waits.delete(cancel);
      open().catch((error: unknown) => {
        fault = error instanceof Error ? error.message : String(error);
        log.error(`a worker of the model ${model} could not be replaced`, { error });
        if (all.size === 0) refuseJobs(error);
        openLater();
      });
    });
    waits.add(cancel);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  };

  const refuseJobs = (cause: unknown): void => {
    for (const job of jobs.splice(0)) job.reject(toNoWorker(model, cause));
  };

  const opening = await Promise.allSettled(Array.from({ length: options.threads }, open));
  const failed = opening.find((one) => one.status === "rejected");
  if (failed !== undefined) {
    isClosed = true;
    await Promise.all(Array.from(all, (thread) => thread.close()));
    throw toOpenError(model, failed.reason);
  }

  return {
    facts,
    get source() {
      return again.source;
    },
    get working() {
      return all.size;
    },
    get fault() {
      return fault;
    },
    run(data, owned) {
      if (all.size === 0 && fault !== undefined) return Promise.reject(toNoWorker(model, fault));
      return new Promise((resolve, reject) => {
        jobs.push({ data, owned, resolve, reject });
        pump();
      });
    },
    async close() {
      // One that waited begins as soon as one ends.
      while (runs.count > 0) await runs.ended();
      isClosed = true;
      for (const cancel of waits) cancel();
      refuseJobs("it is released");
      await Promise.all(Array.from(all, (thread) => thread.close()));
      all.clear();
    },
  };
}

function toRunError(model: string, ended: ThreadEnded): EkibenError {
  return new EkibenError("MODEL_RUN_FAILED", {
    detail: `The worker of the model ${JSON.stringify(model)} ended while it computed: ${ended.message}.`,
    hint: ended.isMemory
      ? "Give it fewer rows at once, or more memory with NODE_OPTIONS=--max-old-space-size=4096."
      : "It is replaced; the log has its cause.",
    cause: ended,
  });
}

function toNoWorker(model: string, cause: unknown): EkibenError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EkibenError("MODEL_RUN_FAILED", {
    detail: `The model ${JSON.stringify(model)} has no worker that could compute: ${reason.replace(/\.$/, "")}.`,
    hint: "The log has what ended it; it is tried again.",
    cause,
  });
}

function toOpenError(model: string, error: unknown): unknown {
  if (!(error instanceof ThreadEnded)) return error;
  if (error.isMemory) {
    return new EkibenError("MODEL_MEMORY_EXCEEDED", {
      detail: `The model ${JSON.stringify(model)} needs more memory than a worker may use: ${error.message}.`,
      hint: "Give Node more with NODE_OPTIONS=--max-old-space-size=4096 (megabytes), if the machine has it.",
      cause: error,
    });
  }
  return new EkibenError("SERVICE_SETUP_FAILED", {
    detail: `The worker of the model ${JSON.stringify(model)} ended before it was ready: ${error.message}.`,
    hint: 'Try execution: "loop" to see the error on the main thread.',
    cause: error,
  });
}
