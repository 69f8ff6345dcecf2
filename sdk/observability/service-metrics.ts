import { createBatchMetrics, type BatchFacts, type QueueFacts } from "./batch-metrics.js";
import { createBodyMetrics, type BodyFacts } from "./body-metrics.js";
import { SECONDS } from "./buckets.js";
import { createModelMetrics, type ModelRunFacts } from "./model-metrics.js";
import { createLateRegistry } from "./late-registry.js";
import { addLoopMetrics } from "./loop-metrics.js";
import { createRequestTallies } from "./request-tallies.js";
import { takeSnapshot, type Snapshot } from "./snapshot.js";
import { toMetric, type MetricKeeper } from "./tally.js";

export interface ServiceMetricsOptions {
  service: string;
  version: string;
  /**
   * Adds the metrics of the process: CPU, memory, event loop, garbage collection. They observe the
   * process for as long as it runs, so only what lives as long should ask for them. @default false
   */
  processMetrics?: boolean;
  /** Which of several processes this is: the label `worker` of the metrics of the process. */
  worker?: string;
}

/** The metrics of a running service, in the text format of Prometheus. */
export interface ServiceMetrics {
  /** Also holds the metrics that the author makes. */
  readonly registry: MetricKeeper;
  /** Loads now what the first look would load. Garbage collection is observed from then on. */
  load(): Promise<void>;
  /** To be given to the runtime. */
  readonly observer: {
    batch(api: string, record: BatchFacts): void;
    shed(api: string, reason: string): void;
    model(run: ModelRunFacts): void;
  };
  /** `read` tells of all queues when somebody looks. */
  watchQueues(read: () => Iterable<QueueFacts>): void;
  /** `facts` are read when somebody looks. */
  watchBodies(facts: BodyFacts): void;
  /** A request has arrived. `endpoint` is the template of a route, never what a client wrote. */
  begin(endpoint: string, method: string): void;
  /** The request has been answered; `seconds` counts from its arrival. */
  request(endpoint: string, method: string, status: number, seconds: number): void;
  /** The stream of an answer ended with an error, whose code it is, after its status had been sent. */
  streamBroke(endpoint: string, method: string, code: string): void;
  /** Bytes of the bodies of a request and of its answer, where they are known. */
  bytes(
    endpoint: string,
    method: string,
    received: number | undefined,
    sent: number | undefined,
  ): void;
  readonly contentType: string;
  text(): Promise<string>;
  /** All values as plain data, to be added to those of other processes. */
  snapshot(): Promise<Snapshot>;
}

/** The text format that prom-client prints. */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Creates the metrics of one running service, in a registry of their own. */
export function createServiceMetrics(options: ServiceMetricsOptions): ServiceMetrics {
  const { service, version, processMetrics = false, worker } = options;
  const processLabels: Record<string, string> = worker === undefined ? {} : { worker };
  const registry = createLateRegistry({
    labels: { service },
    ...(processMetrics ? { processLabels } : {}),
  });
  const info = [{ value: 1, labels: { service, version } }];
  registry.registerMetric(
    toMetric(
      { name: "ekiben_info", help: "The service that runs here", type: "gauge", aggregator: "max" },
      () => info,
    ),
  );
  if (processMetrics) addLoopMetrics(registry, processLabels);

  const tallies = createRequestTallies(SECONDS, version);
  for (const metric of tallies.metrics) registry.registerMetric(metric);
  const { watchQueues, ...batches } = createBatchMetrics(registry);
  const model = createModelMetrics(registry);

  return {
    registry,
    async load() {
      await registry.open();
    },
    observer: { ...batches, model },
    watchQueues,
    watchBodies: createBodyMetrics(registry),
    begin: tallies.begin,
    request: tallies.end,
    bytes: tallies.addBytes,
    streamBroke: tallies.streamBroke,
    contentType: CONTENT_TYPE,
    text: async () => (await registry.open()).metrics(),
    snapshot: async () => takeSnapshot(await registry.open()),
  };
}
