import type { Socket } from "node:net";
import { EkibenError } from "../../core/errors.js";
import type { LineSink } from "../../observability/lines/line-sink.js";
import type { Log } from "../../observability/log.js";
import type { Answerers } from "../channel.js";
import type { PrimaryAnswers, WorkerStart } from "../messages.js";
import type { PrimaryMetrics } from "./primary-metrics.js";
import { explainExit, type Exit } from "./exit-cause.js";
import { startWorker, type WorkerProcess } from "./worker-process.js";

export interface PoolOptions {
  readonly size: number;
  readonly start: Omit<WorkerStart, "type" | "worker">;
  /** Of the bundle: what `ps` shows. */
  readonly tag: string;
  readonly memoryMb: number | undefined;
  /** Milliseconds until a worker has to be ready. */
  readonly startTimeoutMs: number;
  readonly log: Log;
  /** Takes the lines that the workers log. */
  readonly lines: LineSink;
  readonly answers: Answerers<PrimaryAnswers>;
  readonly metrics: Pick<PrimaryMetrics, "take" | "retire" | "replaced">;
  onChange(): void;
  /** A worker has ended without taking this connection. */
  onUnclaimed(socket: Socket): void;
}

/** The workers that serve one bundle, each replaced when it ends. */
export interface Pool {
  readonly size: number;
  readonly tag: string;
  readonly workers: readonly WorkerProcess[];
  readonly ready: number;
  readonly restarts: number;
  /** How workers ended lately, newest last. */
  readonly exits: readonly PastExit[];
  /**
   * Starts the workers; resolves when one, or all of them, are ready. Until then a worker that
   * cannot start ends all: from then on it is replaced.
   * @throws the error of a worker; SERVICE_SETUP_FAILED when workers end or are late without one.
   */
  start(until: "one" | "all"): Promise<void>;
  stop(limits: { drainMs: number; lingerMs: number }): Promise<void>;
  kill(why: string): Promise<void>;
}

export interface PastExit {
  readonly worker: number;
  readonly pid: number | undefined;
  /** ISO 8601. */
  readonly at: string;
  readonly cause: string;
}

/** A worker that was ready for so long has not ended because of how it was started. */
const STEADY_MS = 30_000;
const LEAST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 30_000;
/** Ends before the service was ever ready, without a reason told, until the start is given up. */
const MOST_FIRST_ENDS = 3;
const MOST_EXITS = 20;

/** Creates a pool that has no workers yet. */
export function createPool(options: PoolOptions): Pool {
  const { log, size } = options;
  const slots = new Map<number, WorkerProcess>();
  const failures = new Map<number, number>();
  const timers = new Set<NodeJS.Timeout>();
  const exits: PastExit[] = [];
  let restarts = 0;
  let firstEnds = 0;
  let stopping = false;
  let starting: { isEnough(): boolean; resolve(): void; reject(error: Error): void } | undefined;

  const workers = (): WorkerProcess[] => [...slots.values()];
  const countReady = (): number => workers().filter(({ state }) => state === "ready").length;

  function launch(number: number): void {
    let worker: WorkerProcess;
    let told = false;
    // oxlint-disable-next-line prefer-const -- its callbacks need it
    worker = startWorker({
      start: { ...options.start, worker: number },
      title: [options.tag, `worker-${number}`],
      memoryMb: options.memoryMb,
      answers: options.answers,
      lines: options.lines,
      onChange() {
        if (worker.state === "ready") {
          clearTimeout(late);
          if (!told) tellReady(worker);
          told = true;
        }
        if (starting?.isEnough() === true) starting.resolve();
        options.onChange();
      },
      onMetrics: (snapshot) => options.metrics.take(worker, snapshot),
      onExit(exit, unclaimed) {
        clearTimeout(late);
        options.metrics.retire(worker);
        if (slots.get(number) === worker) slots.delete(number);
        onExit(worker, exit);
        if (unclaimed !== undefined) options.onUnclaimed(unclaimed);
        options.onChange();
      },
    });
    slots.set(number, worker);
    const late = setTimeout(
      () => void worker.kill(`it was not ready after ${options.startTimeoutMs / 1000} s`),
      options.startTimeoutMs,
    );
  }

  function tellReady({ number, pid, startedAt, readyAt }: WorkerProcess): void {
    const startMs = Math.round(readyAt! - startedAt);
    log.info(`worker ${number} is ready`, { worker: number, workerPid: pid, startMs });
  }

  function onExit(worker: WorkerProcess, exit: Exit): void {
    const { number, pid } = worker;
    if (stopping) return;
    const cause = worker.failure?.message ?? explainExit(exit);
    exits.push({ worker: number, pid, at: new Date().toISOString(), cause });
    if (exits.length > MOST_EXITS) exits.shift();
    if (starting !== undefined && worker.readyAt === undefined) {
      firstEnds++;
      const isFinal = worker.failure !== undefined || exit.ended !== undefined;
      if (isFinal || firstEnds >= MOST_FIRST_ENDS) {
        return starting.reject(worker.failure ?? notStarted(cause, exit.errors, firstEnds));
      }
    }
    replace(worker, cause);
  }

  function replace(worker: WorkerProcess, cause: string): void {
    const { number, pid, readyAt } = worker;
    const steady = readyAt !== undefined && performance.now() - readyAt > STEADY_MS;
    const failed = steady ? 0 : (failures.get(number) ?? 0);
    failures.set(number, failed + 1);
    const inMs = failed === 0 ? 0 : Math.min(LEAST_BACKOFF_MS * 2 ** failed, MOST_BACKOFF_MS);
    log.error(
      `worker ${number} ${worker.failure === undefined ? "" : "could not start: "}${cause}`,
      {
        worker: number,
        workerPid: pid,
        replacedInMs: inMs,
      },
    );
    restarts++;
    options.metrics.replaced();
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (!stopping) launch(number);
    }, inMs);
    timers.add(timer);
  }

  function halt(): void {
    stopping = true;
    for (const timer of timers) clearTimeout(timer);
    starting?.reject(
      new EkibenError("SERVER_DRAINING", { detail: "The server was stopped while it started." }),
    );
  }

  return {
    size,
    tag: options.tag,
    get workers() {
      return workers();
    },
    get ready() {
      return countReady();
    },
    get restarts() {
      return restarts;
    },
    exits,
    async start(until) {
      try {
        await new Promise<void>((resolve, reject) => {
          const enough = until === "one" ? 1 : size;
          starting = { isEnough: () => countReady() >= enough, resolve, reject };
          for (let number = 1; number <= size; number++) launch(number);
        });
      } catch (error) {
        halt();
        await Promise.all(workers().map((worker) => worker.kill("the start has failed")));
        throw error;
      } finally {
        starting = undefined;
      }
    },
    async stop(limits) {
      halt();
      await Promise.all(workers().map((worker) => worker.stop(limits)));
    },
    async kill(why) {
      halt();
      await Promise.all(workers().map((worker) => worker.kill(why)));
    },
  };
}

function notStarted(cause: string, errors: string, ends: number): EkibenError {
  const last = errors.trim().split("\n").slice(-10).join("\n");
  return new EkibenError("SERVICE_SETUP_FAILED", {
    detail: `A worker could not start${ends > 1 ? `, ${ends} times over` : ""}: it ${cause}.`,
    hint: last === "" ? "It wrote no error." : `It wrote:\n${last}`,
  });
}
