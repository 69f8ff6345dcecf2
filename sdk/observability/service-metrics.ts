import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { createRequestTallies } from "./request-tallies.js";

export interface ServiceMetricsOptions {
  service: string;
  version: string;
  /**
   * Adds the metrics of the process: CPU, memory, event loop, garbage collection. They observe the
   * process for as long as it runs, so only what lives as long should ask for them. @default false
   */
  processMetrics?: boolean;
}

/** What a batch tells; the batcher's own record has this shape. */
export interface BatchFacts {
  requests: number;
  items: number;
  reason: string;
  waitMs: number;
  runMs: number;
  failed: boolean;
}

/** The metrics of a running service, in the text format of Prometheus. */
export interface ServiceMetrics {
  /** Also holds the metrics that the author makes. */
  readonly registry: Registry;
  /** To be given to the runtime. */
  readonly observer: {
    batch(api: string, record: BatchFacts): void;
    shed(api: string, reason: string): void;
  };
  /** A request has arrived. `endpoint` is the template of a route, never what a client wrote. */
  begin(endpoint: string): void;
  /** The request has been answered; `seconds` counts from its arrival. */
  request(endpoint: string, method: string, status: number, seconds: number): void;
  readonly contentType: string;
  text(): Promise<string>;
}

// From half a millisecond, where a small model answers, to the default time limit of an API.
const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Creates the metrics of one running service, in a registry of their own. */
export function createServiceMetrics(options: ServiceMetricsOptions): ServiceMetrics {
  const registry = new Registry();
  const registers = [registry];
  // Only on `ekiben_info`: a version on every series would start each of them anew at a deployment.
  new Gauge({
    name: "ekiben_info",
    help: "The service that runs here",
    labelNames: ["service", "version"],
    registers,
  }).set({ service: options.service, version: options.version }, 1);
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics === true) collectDefaultMetrics({ register: registry });

  const tallies = createRequestTallies(SECONDS);
  for (const metric of tallies.metrics) registry.registerMetric(metric);
  const running = new Map<string, number>();
  const inProgress = new Gauge({
    name: "ekiben_requests_in_progress",
    help: "Requests that wait for their answer",
    labelNames: ["endpoint"],
    registers: [],
    collect() {
      for (const [endpoint, count] of running) this.set({ endpoint }, count);
    },
  });
  registry.registerMetric(inProgress);
  const batch = createBatchMetrics(registers);

  return {
    registry,
    observer: batch,
    begin(endpoint) {
      running.set(endpoint, (running.get(endpoint) ?? 0) + 1);
    },
    request(endpoint, method, status, seconds) {
      running.set(endpoint, (running.get(endpoint) ?? 1) - 1);
      tallies.add(endpoint, METHODS.has(method) ? method : "other", status, seconds);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function createBatchMetrics(registers: Registry[]): ServiceMetrics["observer"] {
  const labelNames = ["api"] as const;
  const batches = new Counter({
    name: "ekiben_batches_total",
    help: "Batches that ran, by why they left the queue and how they ended",
    labelNames: ["api", "reason", "outcome"],
    registers,
  });
  const items = new Histogram({
    name: "ekiben_batch_items",
    help: "Items of a batch",
    labelNames,
    buckets: SIZES,
    registers,
  });
  const requests = new Histogram({
    name: "ekiben_batch_requests",
    help: "Requests of a batch",
    labelNames,
    buckets: SIZES,
    registers,
  });
  const wait = new Histogram({
    name: "ekiben_queue_wait_seconds",
    help: "How long the oldest request of a batch had waited",
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const run = new Histogram({
    name: "ekiben_batch_duration_seconds",
    help: "How long the handler took for a batch",
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const shed = new Counter({
    name: "ekiben_shed_total",
    help: "Requests that left the queue without an answer of the handler, by reason",
    labelNames: ["api", "reason"],
    registers,
  });
  return {
    batch(api, record) {
      const labels = { api };
      batches.inc({ api, reason: record.reason, outcome: record.failed ? "failed" : "ok" });
      items.observe(labels, record.items);
      requests.observe(labels, record.requests);
      wait.observe(labels, record.waitMs / 1000);
      run.observe(labels, record.runMs / 1000);
    },
    shed(api, reason) {
      shed.inc({ api, reason });
    },
  };
}
