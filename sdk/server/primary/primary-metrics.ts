import { Counter, Gauge, Registry } from "prom-client";
import type { DroppedLines } from "../../observability/lines/line-sink.js";
import { addLogMetrics } from "../../observability/log-metrics.js";
import { addLoopMetrics } from "../../observability/loop-metrics.js";
import { addProcessMetrics } from "../../observability/process-metrics.js";
import { takeSnapshot, type Snapshot } from "../../observability/snapshot.js";
import { createWorkerSnapshots } from "../../observability/worker-snapshots.js";
import type { WorkerProcess } from "./worker-process.js";

/** What a primary counts of its workers, and all that they count, as one. */
export interface PrimaryMetrics {
  /** What a worker has told by itself. */
  take(worker: WorkerProcess, snapshot: Snapshot): void;
  /** The worker has ended: what it counted stays. */
  retire(worker: WorkerProcess): void;
  /** Another process takes the place of one that ended. */
  replaced(): void;
  readonly contentType: string;
  /** In the text format of Prometheus, for whoever asks, by whichever worker. */
  text(): Promise<string>;
}

export interface PrimaryMetricsOptions {
  readonly service: string;
  /** How many workers there should be. */
  size(): number;
  workers(): readonly WorkerProcess[];
  /** Lines that were lost on their way to a file, which this process alone writes. */
  dropped(): readonly DroppedLines[];
}

/** Milliseconds that a worker gets to tell its numbers; one that is blocked counts with its last. */
const ASK_MS = 500;

/** Creates the metrics of a primary. They observe its process for good. */
export function createPrimaryMetrics(options: PrimaryMetricsOptions): PrimaryMetrics {
  const registry = new Registry();
  const registers = [registry];
  const all = createWorkerSnapshots();
  registry.setDefaultLabels({ service: options.service });
  const own = { worker: "primary" };
  addProcessMetrics(registry, own);
  addLoopMetrics(registry, own);
  for (const metric of [
    new Gauge({
      name: "ekiben_workers",
      help: "Worker processes that there should be",
      registers: [],
      collect() {
        this.set(options.size());
      },
    }),
    new Gauge({
      name: "ekiben_workers_ready",
      help: "Worker processes that answer",
      registers: [],
      collect() {
        this.set(options.workers().filter(({ state }) => state === "ready").length);
      },
    }),
    new Gauge({
      name: "ekiben_worker_snapshot_age_seconds",
      help: "How old the numbers of a worker are",
      labelNames: ["worker"],
      registers: [],
      collect() {
        this.reset();
        const ages = all.ages();
        const oldest = new Map<number, number>();
        for (const worker of options.workers()) {
          // During a reload two processes have the same number.
          const { number } = worker;
          const age = ages.get(nameOf(worker));
          if (age !== undefined) oldest.set(number, Math.max(age, oldest.get(number) ?? 0));
        }
        for (const [number, age] of oldest) this.set({ worker: String(number) }, age / 1000);
      },
    }),
  ]) {
    registry.registerMetric(metric);
  }
  const restarts = new Counter({
    name: "ekiben_worker_restarts_total",
    help: "Worker processes that took the place of one that had ended",
    registers,
  });

  addLogMetrics(registry, options.dropped);

  async function ask(worker: WorkerProcess): Promise<void> {
    if (worker.state !== "ready" && worker.state !== "leaving") return;
    try {
      all.put(nameOf(worker), await worker.channel.ask("metrics", ASK_MS));
    } catch {
      // Blocked, or just gone: what it told last stands, and how old that is is a metric.
    }
  }

  async function collect(): Promise<string> {
    await Promise.all(options.workers().map(ask));
    return await all.text(await takeSnapshot(registry));
  }

  let collecting: Promise<string> | undefined;
  return {
    take: (worker, snapshot) => all.put(nameOf(worker), snapshot),
    retire: (worker) => void all.retire(nameOf(worker)),
    replaced: () => restarts.inc(),
    contentType: registry.contentType,
    text() {
      // Who asks while others wait gets what they get.
      collecting ??= collect().finally(() => (collecting = undefined));
      return collecting;
    },
  };
}

/** A process that replaces another has its number, and counts from 0. */
function nameOf({ number, pid }: WorkerProcess): string {
  return `${number}/${pid}`;
}
