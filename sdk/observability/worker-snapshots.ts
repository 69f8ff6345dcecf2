import { mergeSnapshots, printSnapshots } from "./merge-snapshots.js";
import { keepCounts, type Snapshot } from "./snapshot.js";

/**
 * The metrics of several processes as one. What a process counted stays when it ends, so that no
 * counter goes down while the whole runs.
 */
export interface WorkerSnapshots {
  /** The latest of a process; `worker` names it for good, so a process in its place has another name. */
  put(worker: string, snapshot: Snapshot): void;
  /** The process has ended; what it still sends is too late. */
  retire(worker: string): Promise<void>;
  /** Milliseconds since each living process has told anything. */
  ages(): Map<string, number>;
  /** All in the text format of Prometheus, with those of the process that asks. */
  text(own?: Snapshot): Promise<string>;
}

/** `now` answers milliseconds. */
export function createWorkerSnapshots(
  now: () => number = () => performance.now(),
): WorkerSnapshots {
  const latest = new Map<string, { snapshot: Snapshot; at: number }>();
  const ended = new Set<string>();
  /** What the processes that have ended counted, one after the other so that none is lost. */
  let kept: Promise<Snapshot> = Promise.resolve([]);

  return {
    put(worker, snapshot) {
      if (!ended.has(worker)) latest.set(worker, { snapshot, at: now() });
    },
    async retire(worker) {
      if (ended.has(worker)) return;
      ended.add(worker);
      const last = latest.get(worker);
      latest.delete(worker);
      if (last === undefined) return;
      // In the same moment as the process leaves the living: in between it would be missing.
      const before = kept;
      kept = before.then((counts) => mergeSnapshots([counts, keepCounts(last.snapshot)]));
      await kept;
    },
    ages: () => new Map(Array.from(latest, ([worker, { at }]) => [worker, now() - at])),
    async text(own = []) {
      const living = Array.from(latest.values(), ({ snapshot }) => snapshot);
      const counts = await kept;
      return printSnapshots([own, ...living, counts]);
    },
  };
}
