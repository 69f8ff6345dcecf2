import type { Socket } from "node:net";
import { EkibenError } from "../../core/errors.js";
import { createAppServer, type AppServer, type CloseOptions } from "../app-server.js";
import { openChannel, type ChannelEnd } from "../channel.js";
import { inlineMore } from "../inlining.js";
import {
  type PrimaryAnswers,
  type SentError,
  type ToPrimary,
  type ToWorker,
  type WorkerAnswers,
  type WorkerCount,
  type WorkerStart,
} from "../messages.js";
import { serveBundle, type RunningServer } from "../serve.js";
import { toServeOptions } from "../serve-options.js";
import { watchStrayErrors } from "../stray-errors.js";
import { startHeartbeat } from "./heartbeat.js";
import { openWorkerLines } from "./worker-lines.js";

/** A terminal sends these to every process of a group; for the workers the primary decides. */
const LEFT_TO_PRIMARY: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"];

/** Milliseconds within which closed connections are told together. */
const TELL_LOAD_MS = 20;

/** How often it tells what it has counted: so much is lost of a worker that is killed. */
const TELL_METRICS_MS = 2_000;

/** Milliseconds that the primary has for the metrics of all. */
const METRICS_MS = 5_000;

/**
 * Serves a bundle on the connections that a primary hands over, until the primary says so or is gone.
 */
export function runWorker(self: NodeJS.Process): void {
  let server: RunningServer | undefined;
  let appServer: AppServer | undefined;
  let leaving = false;
  let count: WorkerCount = { ready: 0, total: 1 };
  let loadTold: NodeJS.Timeout | undefined;
  const lines = openWorkerLines();

  const channel = openChannel<ToPrimary, PrimaryAnswers, ToWorker, WorkerAnswers>({
    end: self as ChannelEnd,
    answers: {
      metrics: () => server?.snapshot() ?? [],
      health: () => server?.health() ?? { status: 503, body: { status: "starting" } },
    },
    onMessage: (message, socket) => take(message, socket),
  });
  for (const signal of LEFT_TO_PRIMARY) self.on(signal, () => {});
  // Without a primary there will be no more connections: those that are here are answered.
  self.once("disconnect", () => void end(() => stop()));
  if (!self.connected) self.exit(1);

  function take(message: ToWorker, socket: Socket | undefined): void {
    switch (message.type) {
      case "start":
        void start(message);
        break;
      case "connection":
        takeConnection(socket);
        break;
      case "workers":
        count = { ready: message.ready, total: message.total };
        break;
      case "unready":
        server?.unready();
        break;
      case "stop":
        void end(() => stop(message));
        break;
    }
  }

  async function start(message: WorkerStart): Promise<void> {
    const { settings, address, port, host } = message;
    inlineMore();
    try {
      server = await serveBundle({
        ...(await toServeOptions(settings, lines)),
        directory: message.directory,
        worker: {
          number: message.worker,
          count: () => count,
          metrics: () => channel.ask("metrics", METRICS_MS),
          open(app, before) {
            appServer = createAppServer(app, before);
            channel.tell({ type: "open" });
            return { ...appServer, address, port, host };
          },
        },
      });
    } catch (error) {
      await channel.tellLast({ type: "failed", error: toSentError(error) });
      self.exit(1);
      return;
    }
    watchStrayErrors(server.log, () => {
      leaving = true;
      channel.tell({ type: "leaving" });
      return stop();
    });
    setInterval(() => void tellMetrics(), TELL_METRICS_MS).unref();
    startHeartbeat(
      () => appServer!.countConnections(),
      (beat) => channel.tell({ type: "beat", ...beat }),
    );
    channel.tell({ type: "ready" });
  }

  function takeConnection(socket: Socket | undefined): void {
    // The primary keeps what nobody has taken, and gives it to another worker when this one ends.
    if (leaving || appServer === undefined) {
      socket?.destroy();
      return;
    }
    if (socket !== undefined) {
      socket.once("close", tellLoadSoon);
      appServer.take(socket);
    }
    channel.tell({ type: "taken", open: appServer.countConnections() });
  }

  function tellLoadSoon(): void {
    loadTold ??= setTimeout(() => {
      loadTold = undefined;
      channel.tell({ type: "load", open: appServer!.countConnections() });
    }, TELL_LOAD_MS);
  }

  const stop = async (limits?: CloseOptions): Promise<void> => {
    await server?.stop(limits);
    await tellMetrics();
  };

  async function tellMetrics(): Promise<void> {
    const snapshot = await server?.snapshot();
    if (snapshot !== undefined) await channel.tellLast({ type: "metrics", snapshot });
  }

  async function end(work: () => Promise<unknown>): Promise<void> {
    leaving = true;
    try {
      await work();
      await lines.close();
      self.exit(0);
    } catch (error) {
      server?.log.error("the worker did not end in order", { error });
      self.exit(1);
    }
  }
}

/** Its cause stays here: only plain data can be sent. */
function toSentError(error: unknown): SentError {
  const stack = error instanceof Error ? { stack: error.stack ?? String(error) } : {};
  if (!(error instanceof EkibenError)) {
    const detail = error instanceof Error ? error.message : String(error);
    return { code: "INTERNAL", facts: { detail }, ...stack };
  }
  const { cause: _, ...facts } = error.facts;
  return { code: error.code, facts, ...stack };
}
