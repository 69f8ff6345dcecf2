import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { EkibenError, toProblem } from "../../core/errors.js";
import { createLog } from "../../observability/create-log.js";
import type { Log } from "../../observability/log.js";
import { bind } from "../listen.js";
import type { PrimaryAnswers, ToWorker } from "../messages.js";
import type { Answerers } from "../channel.js";
import { logSettings } from "../settings/report.js";
import type { ResolvedSettings } from "../settings/resolve.js";
import { createDistributor } from "./distributor.js";
import { createPool, type Pool } from "./pool.js";
import { startWatchdog } from "./watchdog.js";

/** The folder of a bundle, and what removes it when it was only unpacked. */
export interface FoundFolder {
  readonly directory: string;
  dispose(): Promise<void>;
}

export interface PrimaryOptions {
  readonly target: string;
  readonly settings: ResolvedSettings;
  /** Finds the bundle that a target means now. */
  find(target: string): Promise<FoundFolder>;
  /** @default one of the service, on standard output */
  log?: Log;
}

/** A primary whose workers answer. */
export interface RunningPrimary {
  readonly address: string;
  readonly port: number;
  readonly log: Log;
  /** Says that it is not ready, stops accepting, and ends the workers when they have answered. */
  stop(): Promise<void>;
  /** Ends the workers at once. */
  kill(): void;
}

/** What is served now. */
interface Served {
  readonly found: FoundFolder;
  readonly pool: Pool;
}

/**
 * Serves a bundle by several processes: this one has the port and hands each connection to a
 * worker. Resolves when the first worker is ready.
 * @throws BUNDLE_NOT_FOUND, PORT_IN_USE, and what a worker could not start for.
 */
export async function servePrimary(options: PrimaryOptions): Promise<RunningPrimary> {
  const { settings, target } = options;
  const { values } = settings;
  const found = await options.find(target);
  const facts = await readFacts(found.directory);
  const log = options.log ?? createLog({ ...facts, level: values["logs.level"] });
  logSettings(log, settings);

  const distributor = createDistributor({ refuse: refuseConnection });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, distributor.add);
  const bound = await bind(server, { port: values["server.port"], host: values["server.host"] });
  const size = countWorkers(values["server.workers"]);
  const answers: Answerers<PrimaryAnswers> = {};

  const createServed = (folder: FoundFolder, tag: string): Served => {
    const pool = createPool({
      size,
      tag,
      start: { directory: folder.directory, settings, ...bound },
      memoryMb: values["server.workerMemory"],
      startTimeoutMs: values["server.startTimeout"] * 1000,
      log,
      answers,
      onChange() {
        distributor.pump();
        tellCount(pool);
      },
      onUnclaimed: (socket) => distributor.add(socket),
    });
    return { found: folder, pool };
  };

  const current = createServed(found, `${facts.service}:${facts.version}`);
  distributor.setTargets(() => current.pool.workers);
  const began = performance.now();
  try {
    await current.pool.start("one");
  } catch (error) {
    server.close();
    throw error;
  }
  const endWatch = startWatchdog(() => current.pool.workers, {
    reportMs: values["server.workerTimeout"] * 1000,
    killMs: toMs(values["server.workerKillTimeout"]),
    log,
  });
  // Whoever reads this line may send a signal at once: the caller gets to take it first.
  const told = setImmediate(() => {
    const { address } = bound;
    log.info(`${facts.service}:${facts.version} answers on ${address}`, {
      address,
      workers: size,
      startMs: Math.round(performance.now() - began),
    });
  });

  let stopped: Promise<void> | undefined;
  return {
    address: bound.address,
    port: bound.port,
    log,
    stop: () =>
      (stopped ??= (async () => {
        clearImmediate(told);
        const drainMs = values["server.drainTimeout"] * 1000;
        log.info("draining", { address: bound.address });
        tell(current.pool, { type: "unready" });
        server.close();
        // What was accepted is handed over before its worker is asked to end.
        await Promise.race([distributor.empty(), sleep(drainMs)]);
        await current.pool.stop({ drainMs, lingerMs: LINGER_MS });
        endWatch();
        await found.dispose();
        log.info("stopped");
      })()),
    kill() {
      void current.pool.kill("the primary was told to end at once");
    },
  };
}

/** Milliseconds in which a connection without a request stays open at the end. */
const LINGER_MS = 250;

function countWorkers(wanted: number | "auto"): number {
  return wanted === "auto" ? availableParallelism() : wanted;
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

function tell(pool: Pool, message: ToWorker): void {
  for (const worker of pool.workers) worker.channel.tell(message);
}

const lastTold = new WeakMap<Pool, string>();

/** Workers answer `/readyz` with it: told only when it is another. */
function tellCount(pool: Pool): void {
  const { ready, workers } = pool;
  const now = `${ready}/${workers.map(({ pid, state }) => `${pid} ${state}`).join()}`;
  if (lastTold.get(pool) === now) return;
  lastTold.set(pool, now);
  tell(pool, { type: "workers", ready, total: pool.size });
}

/** Name and version as the manifest says them; whether it is in order is for the workers to find. */
async function readFacts(directory: string): Promise<{ service: string; version: string }> {
  try {
    const text = await readFile(join(directory, "ekiben.json"), "utf8");
    const { name, version } = JSON.parse(text) as { name: unknown; version: unknown };
    return { service: String(name), version: String(version) };
  } catch {
    return { service: "unknown", version: "unknown" };
  }
}

/** What a connection gets that no worker takes. */
function refuseConnection(socket: Socket): void {
  const problem = toProblem(
    new EkibenError("SERVER_STARTING", {
      detail: "No process of the service takes connections now.",
      retryAfter: 1,
    }),
  );
  const body = JSON.stringify(problem);
  socket.end(
    [
      "HTTP/1.1 503 Service Unavailable",
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "retry-after: 1",
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
  setTimeout(() => socket.destroy(), 500).unref();
}
