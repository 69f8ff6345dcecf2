import { performance } from "node:perf_hooks";
import { collectDefaultMetrics, Counter, Histogram, type Registry } from "prom-client";

export interface ProcessMetricsOptions {
  /** The label `worker` of all of them, where there are several processes. */
  worker?: string | undefined;
}

const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SAMPLE_MS = 100;

// Gauges that end in `_total`, which only counters may, and that walk through all sockets.
const UNWANTED = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** CPU, memory, garbage collection and the event loop. They observe the process until it ends. */
export function addProcessMetrics(
  registry: Registry,
  { worker }: ProcessMetricsOptions = {},
): void {
  const labels: Record<string, string> = worker === undefined ? {} : { worker };
  collectDefaultMetrics({ register: registry, labels });
  for (const name of UNWANTED) registry.removeSingleMetric(name);
  addLoopMetrics(registry, labels);
}

/**
 * The library's own metrics of the event loop begin anew at each look, so that two who look see half
 * each, and a block between two looks shows in one sample only. These add up.
 */
function addLoopMetrics(registry: Registry, labels: Record<string, string>): void {
  const registers = [registry];
  const lag = new Histogram({
    name: "ekiben_event_loop_lag_seconds",
    help: "How late a timer of 100 ms was: how long the event loop was busy with something else",
    labelNames: Object.keys(labels),
    buckets: LAG_SECONDS,
    registers,
  });
  let due = performance.now() + SAMPLE_MS;
  setInterval(() => {
    const now = performance.now();
    // Timers of Node have whole milliseconds.
    lag.observe(labels, Math.max(0, now - due - 1) / 1000);
    due = now + SAMPLE_MS;
  }, SAMPLE_MS).unref();
  const loop = new Counter({
    name: "ekiben_event_loop_seconds_total",
    help: "How long the event loop was active, and idle",
    labelNames: ["state", ...Object.keys(labels)],
    registers: [],
    collect() {
      const { active, idle } = performance.eventLoopUtilization();
      this.reset();
      this.inc({ state: "active", ...labels }, active / 1000);
      this.inc({ state: "idle", ...labels }, idle / 1000);
    },
  });
  registry.registerMetric(loop);
}
