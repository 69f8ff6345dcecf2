import { Gauge, Registry } from "prom-client";
import { createBatchMetrics, type BatchFacts, type QueueFacts } from "./batch-metrics.js";
import { createBodyMetrics, type BodyFacts } from "./body-metrics.js";
import { SECONDS } from "./buckets.js";
import { createModelMetrics, type ModelRunFacts } from "./model-metrics.js";
import { addProcessMetrics } from "./process-metrics.js";
import { createRequestTallies } from "./request-tallies.js";
import { takeSnapshot, type Snapshot } from "./snapshot.js";

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
  readonly registry: Registry;
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

/** Creates the metrics of one running service, in a registry of their own. */
export function createServiceMetrics(options: ServiceMetricsOptions): ServiceMetrics {
  const registry = new Registry();
  const registers = [registry];
  new Gauge({
    name: "ekiben_info",
    help: "The service that runs here",
    labelNames: ["service", "version"],
    aggregator: "max",
    registers,
  }).set({ service: options.service, version: options.version }, 1);
  registry.setDefaultLabels({ service: options.service });
  if (options.processMetrics === true) addProcessMetrics(registry, options);

  const tallies = createRequestTallies(SECONDS, options.version);
  for (const metric of tallies.metrics) registry.registerMetric(metric);
  const { watchQueues, ...batches } = createBatchMetrics(registers);
  const model = createModelMetrics(registers);

  return {
    registry,
    observer: { ...batches, model },
    watchQueues,
    watchBodies: createBodyMetrics(registers),
    begin: tallies.begin,
    request: tallies.end,
    bytes: tallies.addBytes,
    streamBroke: tallies.streamBroke,
    contentType: registry.contentType,
    text: () => registry.metrics(),
    snapshot: () => takeSnapshot(registry),
  };
}
