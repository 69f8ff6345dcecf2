import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadService, openBundle, type Bundle } from "../bundle/load.js";
import { readSamples, toRecordedAnswers } from "../bundle/sample.js";
import { EkibenError } from "../core/errors.js";
import { createExecutors } from "../execution/create-executors.js";
import { resolveDanfojsFrom } from "../frame/danfojs.js";
import { createApp } from "../http/create-app.js";
import { toHealth, type ProbeAnswer } from "../http/probes.js";
import { createLog } from "../observability/create-log.js";
import type { Log } from "../observability/log.js";
import { addLogMetrics } from "../observability/log-metrics.js";
import { createMetrics } from "../observability/metrics.js";
import type { Snapshot } from "../observability/snapshot.js";
import { openTracing } from "../observability/traces/open-tracing.js";
import { createServiceMetrics } from "../observability/service-metrics.js";
import { createRuntime } from "../service/create-runtime.js";
import { acceptWaiting } from "./accept-waiting.js";
import type { App, AppServerOptions, CloseOptions } from "./app-server.js";
import { toDrainingApp } from "./draining-app.js";
import { createHostCheck } from "./host-check.js";
import { findBodyBudget, findMemoryBytes, type ServerLimits } from "./limits.js";
import { listen, type Listening } from "./listen.js";
import { createServerLog, createServerRequestLog } from "./logs/server-log.js";
import type { ServerLines } from "./logs/server-lines.js";
import type { WorkerCount } from "./messages.js";
import { logSettings, reportSettings } from "./settings/report.js";
import type { ResolvedSettings } from "./settings/resolve.js";

export interface ServeOptions {
  /** The folder of a bundle. */
  directory: string;
  /** 0 takes a free one. @default 3000 */
  port?: number;
  /** @default "127.0.0.1" */
  host?: string;
  /** Milliseconds for answering what is under way when the server is stopped. @default 30_000 */
  drainTimeoutMs?: number;
  /**
   * Checks every output against its schema and answers one that does not match with 500, as the
   * notebook does; it costs what reading the outputs costs. @default false
   */
  checkOutputs?: boolean;
  limits?: ServerLimits;
  /** TLS, and the proxies that are believed. */
  connections?: AppServerOptions;
  /** What was set and where, for the log and `/metadata`. */
  settings?: ResolvedSettings;
  /** Where lines go that the settings ask for; whoever opened it closes it. */
  lines?: ServerLines;
  /** Set in a worker process: the primary has the port, and speaks for all of them. */
  worker?: WorkerPart;
  /** @default one of the service, on standard output */
  log?: Log;
  /** The module that the bundle's `ekiben` means. @default the package that runs */
  ekiben?: object;
}

const METRICS_AFTER_MS = 600;

/** What a server is told that is one of several. */
export interface WorkerPart {
  readonly number: number;
  /** Takes the place of listening on the port. */
  open(app: App, before: AppServerOptions): Listening;
  count(): WorkerCount;
  /** What `/metrics` answers: the sums of all workers. */
  metrics(): Promise<string>;
}

/** A bundle that answers. */
export interface RunningServer {
  readonly address: string;
  readonly port: number;
  readonly bundle: Bundle;
  readonly log: Log;
  /** Open connections. */
  countConnections(): number;
  /** What `/healthz` says. */
  health(): ProbeAnswer;
  metrics(): Promise<{ contentType: string; text: string }>;
  /** What this process has counted. */
  snapshot(): Promise<Snapshot>;
  /** Says on its probes that it is not ready, and goes on answering. */
  unready(): void;
  /**
   * Says that it is not ready any more, stops accepting, answers what is under way, and releases
   * the models. `cut` counts the connections that were still waiting at the limit.
   */
  stop(limits?: StopOptions): Promise<{ cut: number }>;
}

export interface StopOptions extends CloseOptions {
  /** Milliseconds between saying that it is not ready and the end of accepting. @default 0 */
  delayMs?: number;
}

/**
 * Serves a bundle; resolves when it is ready. Its files are checked before any of it is run, and
 * the port is taken before the models are loaded, so that probes are answered meanwhile.
 * @throws BUNDLE_NOT_FOUND, BUNDLE_CORRUPT, BUNDLE_FORMAT_UNSUPPORTED, DEPENDENCY_MISSING,
 * PORT_IN_USE, SERVICE_SETUP_FAILED, MODEL_FILE_INVALID.
 */
export async function serveBundle(options: ServeOptions): Promise<RunningServer> {
  const bundle = await openBundle(options.directory);
  const { manifest, directory } = bundle;
  if (existsSync(join(directory, "node_modules", "danfojs-node"))) resolveDanfojsFrom(directory);
  const { definition } = await loadService(bundle, options.ekiben);
  checkDefinition(bundle, Object.keys(definition.apis));

  const facts = { service: manifest.name, version: manifest.version };
  const { worker } = options;
  const { checkOutputs = false, settings, lines } = options;
  const whole =
    options.log ??
    (settings === undefined ? createLog(facts) : createServerLog(facts, settings.values, lines));
  const log = worker === undefined ? whole : whole.child({ worker: worker.number });
  const serviceMetrics = createServiceMetrics({
    ...facts,
    processMetrics: true,
    ...(worker === undefined ? {} : { worker: String(worker.number) }),
  });
  const values = settings?.values;
  const requestLog =
    settings &&
    (await createServerRequestLog(definition, facts, { settings: settings.values, lines, log }));
  if (requestLog !== undefined) addLogMetrics(serviceMetrics.registry, requestLog.dropped);
  if (settings !== undefined && worker === undefined) logSettings(log, settings);
  const { limits = {} } = options;
  const { allowedHosts, maxConcurrency } = limits;
  const tracing = await openTracing({
    ...facts,
    directory,
    log,
    scheme: values?.["tls.cert"] === undefined ? "http" : "https",
    enabled: values?.["tracing.enabled"],
    endpoint: values?.["tracing.endpoint"],
    sampleRatio: values?.["tracing.sampleRatio"],
    headers: values?.["tracing.headers"],
  });
  const runtime = createRuntime(definition, {
    limits: {
      bodyBudgetBytes: limits.bodyBudgetBytes ?? findBodyBudget(findMemoryBytes()),
      ...(maxConcurrency === undefined ? {} : { maxConcurrency }),
    },
    log,
    metrics: createMetrics(serviceMetrics.registry, {
      log,
      ...(values === undefined
        ? {}
        : {
            maxLabelValues: values["metrics.maxLabelValues"],
            maxSeries: values["metrics.maxSeries"],
          }),
    }),
    modelsDirectory: join(directory, "models"),
    executors: createExecutors({ log, bundle: directory }),
    checkOutputs,
    observer: {
      ...serviceMetrics.observer,
      ...(tracing === undefined ? {} : { run: tracing.beginRun }),
    },
  });
  const { version, digest, created, labels } = manifest;
  const app = createApp(runtime, {
    mode: "production",
    log,
    checkOutputs,
    ...(settings === undefined ? {} : { settings: reportSettings(settings) }),
    ...(worker === undefined ? {} : { workers: worker.count }),
    serviceMetrics:
      worker === undefined ? serviceMetrics : { ...serviceMetrics, text: worker.metrics },
    ...(requestLog === undefined
      ? {}
      : { requestLog, logProbes: settings?.values["logs.probes"] ?? false }),
    tracing,
    bundle: { version, digest, created, labels },
    recordedAnswers: async () =>
      toRecordedAnswers((await readSamples(bundle)).map(([, sample]) => sample)),
  });
  const { port: wanted = 3000, host } = options;
  const before = {
    ...options.connections,
    check: allowedHosts === undefined ? undefined : createHostCheck({ allowedHosts }),
    limits,
    onRefused: (reason: string) => serviceMetrics.observer.shed("*", reason),
  };
  const listening =
    worker?.open(app, before) ??
    (await listen(app, { ...before, port: wanted, ...(host === undefined ? {} : { host }) }));
  try {
    await runtime.start();
  } catch (error) {
    await listening.close({ drainMs: 0, lingerMs: 0 });
    throw error;
  }
  // When it has begun and nobody waits for it, so that the first look need not.
  const metricsLater = setTimeout(
    () => serviceMetrics.load().catch(() => {}),
    METRICS_AFTER_MS,
  ).unref();
  const { address, port } = listening;
  // Whoever reads this line may send a signal at once: the caller gets to take it first.
  const told = setImmediate(() => {
    if (worker !== undefined) log.debug("the worker is ready");
    else log.info(`${manifest.name}:${version} answers on ${address}`, { address });
  });

  let stopped: Promise<{ cut: number }> | undefined;
  return {
    address,
    port,
    bundle,
    log,
    countConnections: listening.countConnections,
    health: () => toHealth(runtime),
    async metrics() {
      return { contentType: serviceMetrics.contentType, text: await serviceMetrics.text() };
    },
    snapshot: serviceMetrics.snapshot,
    unready: () => listening.setApp(toDrainingApp(app)),
    stop: ({
      drainMs: limit = options.drainTimeoutMs ?? 30_000,
      lingerMs = 250,
      delayMs = 0,
    } = {}) =>
      (stopped ??= (async () => {
        clearImmediate(told);
        clearTimeout(metricsLater);
        log.info("draining", { address });
        listening.setApp(toDrainingApp(app));
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        await acceptWaiting();
        const began = performance.now();
        const closed = await listening.close({ drainMs: limit, lingerMs });
        if (closed.cut > 0) log.warn("connections were cut at the limit", closed);
        const left = Math.max(limit - (performance.now() - began), CLOSE_MS);
        if (!(await settlesWithin(runtime.drain(), left))) {
          log.warn("handlers or .close() were still running at the limit");
        }
        await requestLog?.drain(CLOSE_MS);
        if (tracing !== undefined) await settlesWithin(tracing.close(), CLOSE_MS);
        log.info("stopped");
        await lines?.flush();
        return closed;
      })()),
  };
}

/** Milliseconds that `.close()` and the models always get, also when requests took all the time. */
const CLOSE_MS = 1_000;

async function settlesWithin(work: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A manifest that tells of other APIs than the code has would mislead whoever reads it. */
function checkDefinition({ manifest, directory }: Bundle, apis: string[]): void {
  const told = manifest.apis.map((api) => api.name);
  const same = told.length === apis.length && told.every((api) => apis.includes(api));
  if (same) return;
  throw new EkibenError("BUNDLE_CORRUPT", {
    detail: `The service in ${directory} is not the one that its manifest describes.`,
    hint: "Save the service again.",
    expected: told.join(", "),
    received: apis.join(", "),
  });
}
