import { SECONDS, SIZES } from "./buckets.js";
import {
  createTalliedCounter,
  createTalliedHistogram,
  toMetric,
  type MetricKeeper,
  type TalliedHistogram,
  type Value,
} from "./tally.js";

/** What a batch tells; the batcher's own record has this shape. */
export interface BatchFacts {
  requests: number;
  items: number;
  reason: string;
  waitMs: number;
  runMs: number;
  failed: boolean;
}

/** What a batcher tells when it is asked; its own statistics have this shape. */
export interface QueueFacts {
  api: string;
  queuedRequests: number;
  queuedItems: number;
  maxQueueItems: number;
  running: number;
  /** The fitted cost of a call, once it is known. */
  fit: { perItemMs: number; perCallMs: number } | undefined;
}

export interface BatchMetrics {
  batch(api: string, record: BatchFacts): void;
  shed(api: string, reason: string): void;
  /** `read` is called when somebody looks. */
  watchQueues(read: () => Iterable<QueueFacts>): void;
}

/** The metrics of batchers and their queues. */
export function createBatchMetrics(keeper: MetricKeeper): BatchMetrics {
  const batches = createTalliedCounter("ekiben_batches_total", {
    help: "Batches that ran, by why they left the queue and how they ended",
    labels: ["api", "reason", "outcome"],
  });
  const histogram = (name: string, help: string, bounds: number[]): TalliedHistogram =>
    createTalliedHistogram(name, { help, label: "api", bounds });
  const items = histogram("ekiben_batch_items", "Items of a batch", SIZES);
  const requests = histogram("ekiben_batch_requests", "Requests of a batch", SIZES);
  const wait = histogram(
    "ekiben_queue_wait_seconds",
    "How long the oldest request of a batch had waited",
    SECONDS,
  );
  const run = histogram(
    "ekiben_batch_duration_seconds",
    "How long the handler took for a batch",
    SECONDS,
  );
  const shed = createTalliedCounter("ekiben_shed_total", {
    help: "Requests that never came to their handler, by reason",
    labels: ["api", "reason"],
  });
  for (const { metric } of [batches, items, requests, wait, run, shed]) {
    keeper.registerMetric(metric);
  }
  const watchQueues = createQueueMetrics(keeper);
  return {
    batch(api, record) {
      batches.add([api, record.reason, record.failed ? "failed" : "ok"]);
      items.observe(api, record.items);
      requests.observe(api, record.requests);
      wait.observe(api, record.waitMs / 1000);
      run.observe(api, record.runMs / 1000);
    },
    shed(api, reason) {
      shed.add([api, reason]);
    },
    watchQueues,
  };
}

/** Gauges that are read from the queues when somebody looks: a request costs nothing for them. */
function createQueueMetrics(keeper: MetricKeeper): BatchMetrics["watchQueues"] {
  let read: () => Iterable<QueueFacts> = () => [];
  const gauge = (
    name: string,
    help: string,
    value: (facts: QueueFacts) => number | undefined,
    aggregator: "sum" | "average" = "sum",
  ): void => {
    const values = (): Value[] =>
      Array.from(read()).flatMap((facts) => {
        const now = value(facts);
        return now === undefined ? [] : [{ value: now, labels: { api: facts.api } }];
      });
    keeper.registerMetric(toMetric({ name, help, type: "gauge", aggregator }, values));
  };
  gauge("ekiben_queue_requests", "Requests that wait for a batch", (one) => one.queuedRequests);
  gauge("ekiben_queue_items", "Items that wait for a batch", (one) => one.queuedItems);
  gauge("ekiben_queue_limit_items", "The most items that may wait", (one) => one.maxQueueItems);
  gauge("ekiben_batches_running", "Batches that run now", (one) => one.running);
  gauge(
    "ekiben_batch_item_cost_seconds",
    "What an item of a batch takes, as fitted: batch = call + items * item",
    ({ fit }) => (fit === undefined ? undefined : fit.perItemMs / 1000),
    "average",
  );
  gauge(
    "ekiben_batch_call_cost_seconds",
    "What a batch takes whatever its size, as fitted",
    ({ fit }) => (fit === undefined ? undefined : fit.perCallMs / 1000),
    "average",
  );
  return (next) => {
    read = next;
  };
}
