import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { EkibenError } from "../../core/errors.js";
import { toCurrentLog } from "../../observability/current-log.js";
import type { Log } from "../../observability/log.js";
import { acceptWaiting } from "../accept-waiting.js";
import { listenAdmin, type AdminPort } from "../admin/listen-admin.js";
import type { Operations, ReloadReport, WorkerReport } from "../admin/operations.js";
import { bind } from "../bind.js";
import type { Answerers } from "../channel.js";
import { openLines } from "../logs/open-lines.js";
import { createServerLog } from "../logs/server-log.js";
import type { PrimaryAnswers, ToWorker } from "../messages.js";
import { logSettings } from "../settings/report.js";
import type { ResolvedSettings } from "../settings/resolve.js";
import { reloadSettings } from "../settings/restart.js";
import { readBundleFacts, type BundleFacts } from "./bundle-facts.js";
import { createDistributor } from "./distributor.js";
import { createPool, type Pool } from "./pool.js";
import { createPrimaryMetrics } from "./primary-metrics.js";
import { refuseConnection } from "./refuse-connection.js";
import { startWatchdog } from "./watchdog.js";

/** The folder of a bundle, and what removes it when it was only unpacked. */
export interface FoundFolder {
  readonly directory: string;
  dispose(): Promise<void>;
}

export interface PrimaryOptions {
  /** What `find` is asked for, at the start and at a reload that names nothing else. */
  readonly target: string;
  /** Finds the bundle that a target means now. */
  find(target: string): Promise<FoundFolder>;
  /** Reads the settings as they are now; called at the start and at each reload. */
  readSettings(): Promise<ResolvedSettings>;
  /** @default one of the service, on standard output */
  log?: Log;
}

/** A primary whose workers answer. */
export interface RunningPrimary {
  readonly address: string;
  readonly log: Log;
  readonly operations: Operations;
  reload(to?: string): Promise<ReloadReport>;
  /** Says that it is not ready, stops accepting, and ends the workers when they have answered. */
  stop(): Promise<void>;
  /** Ends the workers at once. */
  kill(): void;
}

/** A bundle with the workers that serve it. */
interface Served {
  readonly found: FoundFolder;
  readonly facts: BundleFacts;
  readonly pool: Pool;
  readonly settings: ResolvedSettings;
}

/** Milliseconds in which a connection without a request stays open at the end. */
const LINGER_MS = 250;
/** The same after a reload: most clients ask again within it, and move without a closed socket. */
const RELOAD_LINGER_MS = 2_000;
const HEALTH_MS = 1_000;

/**
 * Serves a bundle by several processes: this one has the port and hands each connection to a
 * worker. Resolves when the first worker is ready.
 * @throws BUNDLE_NOT_FOUND, PORT_IN_USE, and what a worker could not start for.
 */
export async function servePrimary(options: PrimaryOptions): Promise<RunningPrimary> {
  const settings = await options.readSettings();
  const { values } = settings;
  const found = await options.find(options.target);
  const facts = await readBundleFacts(found.directory);
  // The only process that writes: its workers send their lines here.
  const lines = await openLines(values).catch(async (error: unknown) => {
    await found.dispose();
    throw error;
  });
  const { service, version } = facts;
  let currentLog = options.log ?? createServerLog({ service, version }, values, lines);
  const log = toCurrentLog(() => currentLog);
  lines.tellTo(log);
  logSettings(log, settings);

  const distributor = createDistributor({
    // Of TLS a primary knows nothing.
    refuse: (socket) =>
      values["tls.cert"] === undefined ? refuseConnection(socket) : socket.destroy(),
  });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, distributor.add);
  let target = options.target;
  let current: Served | undefined;
  let reloading = false;
  let stopped: Promise<void> | undefined;
  /** Of what is served, what starts to be, and what ends. */
  const pools = new Set<Pool>();
  const inForce = () => (current?.settings ?? settings).values;
  const allWorkers = () => [...pools].flatMap((pool) => pool.workers);
  const metrics = createPrimaryMetrics({
    service: facts.service,
    size: () => current?.pool.size ?? 0,
    workers: allWorkers,
    dropped: () => lines.dropped(),
  });
  const answers: Answerers<PrimaryAnswers> = { metrics: metrics.text };

  let admin: AdminPort | undefined;
  let bound: Awaited<ReturnType<typeof bind>>;
  const release = async (): Promise<void> => {
    server.close();
    admin?.close();
    await found.dispose();
    await lines.close();
  };
  try {
    bound = await bind(server, {
      port: values["server.port"],
      host: values["server.host"],
      scheme: values["tls.cert"] === undefined ? "http" : "https",
    });
    admin = await listenAdmin(values, () => (current === undefined ? undefined : operations));
  } catch (error) {
    await release();
    throw error;
  }

  function createServed(folder: FoundFolder, of: BundleFacts, by: ResolvedSettings): Served {
    const pool: Pool = createPool({
      size: countWorkers(by.values["server.workers"]),
      tag: of.tag,
      start: { directory: folder.directory, settings: by, ...bound },
      memoryMb: by.values["server.workerMemory"],
      startTimeoutMs: by.values["server.startTimeout"] * 1000,
      log,
      lines,
      answers,
      metrics,
      onChange() {
        distributor.pump();
        tellCount(pool);
      },
      onUnclaimed: (socket) => distributor.add(socket),
    });
    pools.add(pool);
    return { found: folder, facts: of, pool, settings: by };
  }

  async function retire({ found: folder, pool }: Served, lingerMs: number): Promise<void> {
    await pool.stop({ drainMs: inForce()["server.drainTimeout"] * 1000, lingerMs });
    pools.delete(pool);
    await folder.dispose();
  }

  async function reload(to: string | undefined): Promise<ReloadReport> {
    if (stopped !== undefined || current === undefined || reloading) {
      throw new EkibenError("COMMAND_INVALID", {
        detail: reloading ? "Another reload is under way." : "The server is not ready to reload.",
        hint: "Try again in a while.",
      });
    }
    reloading = true;
    const old = current;
    try {
      return await exchange(old, to ?? target);
    } catch (error) {
      log.error(`the reload has failed; ${old.facts.tag} is served as before`, { error });
      throw error;
    } finally {
      reloading = false;
    }
  }

  async function exchange(old: Served, wanted: string): Promise<ReloadReport> {
    const began = performance.now();
    const { settings: now, kept } = reloadSettings(old.settings, await options.readSettings());
    const folder = await options.find(wanted);
    const of = await readBundleFacts(folder.directory);
    log.info(`reloading: ${old.facts.tag} to ${of.tag}`);
    const next = createServed(folder, of, now);
    try {
      if (of.service !== old.facts.service) throw otherService(old.facts, of);
      await next.pool.start("all");
    } catch (error) {
      pools.delete(next.pool);
      await folder.dispose();
      throw error;
    }
    if (kept.length > 0) {
      const names = kept.join(", ");
      log.warn(`these settings were changed and need a restart: ${names}`, { settings: kept });
    }
    // From here on every new connection goes to the new workers.
    current = next;
    target = wanted;
    currentLog = options.log ?? createServerLog(of, now.values, lines);
    distributor.pump();
    void retire(old, RELOAD_LINGER_MS).then(() => log.info(`${old.facts.tag} has ended`));
    const report: ReloadReport = {
      from: old.facts.tag,
      to: of.tag,
      workers: next.pool.size,
      ms: Math.round(performance.now() - began),
    };
    log.info(`reloaded: ${of.tag} answers on ${bound.address}`, { ...report });
    return report;
  }

  const operations: Operations = {
    service: facts.service,
    get version() {
      return current!.facts.version;
    },
    address: bound.address,
    state() {
      const { ready, size } = current!.pool;
      const up = ready > 0 ? "ready" : "starting";
      return {
        status: stopped === undefined ? up : "draining",
        workers: { ready, total: size },
      };
    },
    workers: () => [...pools].flatMap(reportWorkers),
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    health: () =>
      Promise.all(
        allWorkers().map(async ({ number, pid, channel }) => {
          const health = await channel.ask("health", HEALTH_MS).then(
            ({ body }) => body,
            (error: Error) => ({ status: "unknown", reason: error.message }),
          );
          return { worker: number, pid, ...health };
        }),
      ),
    reload,
  };

  const began = performance.now();
  const first = createServed(found, facts, settings);
  current = first;
  distributor.setTargets(() => current!.pool.workers);
  try {
    await first.pool.start("one");
  } catch (error) {
    await release();
    throw error;
  }
  const endWatch = startWatchdog(allWorkers, {
    patience: () => ({
      reportMs: inForce()["server.workerTimeout"] * 1000,
      killMs: toMs(inForce()["server.workerKillTimeout"]),
    }),
    log,
  });
  // Whoever reads this line may send a signal at once: the caller gets to take it first.
  const told = setImmediate(() => {
    const { address } = bound;
    admin?.tell(log);
    const startMs = Math.round(performance.now() - began);
    log.info(`${facts.tag} answers on ${address}`, { address, workers: first.pool.size, startMs });
  });

  async function stop(): Promise<void> {
    clearImmediate(told);
    const { "server.drainTimeout": drain, "server.shutdownDelay": delay } = inForce();
    const drainMs = drain * 1000;
    log.info("draining", { address: bound.address });
    tell(allWorkers(), { type: "unready" });
    await sleep(delay * 1000);
    await acceptWaiting();
    server.close();
    // What was accepted is handed over before its worker is asked to end.
    await Promise.race([distributor.empty(), sleep(drainMs)]);
    const { found: folder } = current!;
    await Promise.all([...pools].map((pool) => pool.stop({ drainMs, lingerMs: LINGER_MS })));
    endWatch();
    admin?.close();
    await folder.dispose();
    log.info("stopped");
    await lines.close();
  }

  return {
    address: bound.address,
    log,
    operations,
    reload,
    stop: () => (stopped ??= stop()),
    kill() {
      for (const pool of pools) void pool.kill("the primary was told to end at once");
    },
  };
}

function reportWorkers({ workers, tag }: Pool): WorkerReport[] {
  return workers.map((worker) => ({
    worker: worker.number,
    pid: worker.pid,
    state: worker.state,
    bundle: tag,
    connections: worker.load,
    lagMs: worker.beat?.lagMs,
    silentMs: Math.round(worker.silentMs),
    rssBytes: worker.beat?.rssBytes,
    uptimeSeconds: Math.round((performance.now() - worker.startedAt) / 1000),
  }));
}

function otherService(old: BundleFacts, next: BundleFacts): EkibenError {
  return new EkibenError("COMMAND_INVALID", {
    detail: `${next.tag} is another service; this server serves "${old.service}".`,
    hint: "Reload to a version of the same service, or start another server.",
    expected: old.service,
    received: next.service,
  });
}

function countWorkers(wanted: number | "auto"): number {
  return wanted === "auto" ? availableParallelism() : wanted;
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function tell(workers: Pool["workers"], message: ToWorker): void {
  for (const worker of workers) worker.channel.tell(message);
}

const lastTold = new WeakMap<Pool, string>();

/** Workers answer `/readyz` with it: told only when it is another. */
function tellCount(pool: Pool): void {
  const { ready, workers } = pool;
  const now = `${ready}/${workers.map(({ pid, state }) => `${pid} ${state}`).join()}`;
  if (lastTold.get(pool) === now) return;
  lastTold.set(pool, now);
  tell(workers, { type: "workers", ready, total: pool.size });
}
