import type { Log } from "../../observability/log.js";
import { BEAT_MS } from "../messages.js";
import type { WorkerProcess } from "./worker-process.js";

export interface Patience {
  /** Milliseconds of silence after which a worker is reported. */
  readonly reportMs: number;
  /** Milliseconds of silence after which it is ended; `undefined` lets it be. */
  readonly killMs: number | undefined;
}

export interface WatchdogOptions {
  /** Asked at each look: a reload may change it. */
  patience(): Patience;
  log: Log;
}

/** Watches for workers whose event loop is held up; the answer ends it. */
export function startWatchdog(
  workers: () => readonly WorkerProcess[],
  { patience, log }: WatchdogOptions,
): () => void {
  const reported = new WeakSet<WorkerProcess>();
  let last = performance.now();

  function look(): void {
    const now = performance.now();
    // The machine slept, or this process had no core: what the workers sent is still to be read.
    const stalled = now - last > 2 * BEAT_MS;
    last = now;
    if (stalled) return;
    const { reportMs, killMs } = patience();
    for (const worker of workers()) {
      const { number, pid, silentMs } = worker;
      const fields = { worker: number, workerPid: pid };
      if (worker.state === "gone" || silentMs < reportMs) {
        if (reported.delete(worker)) log.info(`worker ${number} answers again`, fields);
        continue;
      }
      const held = `its event loop is held up for ${Math.round(silentMs / 1000)} s`;
      if (!reported.has(worker)) {
        reported.add(worker);
        log.warn(`worker ${number} does not answer: ${held}; it gets no connections`, fields);
      }
      if (killMs !== undefined && silentMs >= killMs) void worker.kill(held);
    }
  }

  const timer = setInterval(look, BEAT_MS);
  timer.unref();
  return () => clearInterval(timer);
}
