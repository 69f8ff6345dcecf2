import type { Socket } from "node:net";
import { BEAT_MS } from "../messages.js";
import type { WorkerProcess } from "./worker-process.js";

/** The part of a worker that connections are handed to. */
export type Target = Pick<WorkerProcess, "state" | "load" | "busy" | "silentMs" | "hand">;

/** Shares out accepted connections. */
export interface Distributor {
  add(socket: Socket): void;
  /** From now on these workers get the connections. */
  setTargets(targets: () => readonly Target[]): void;
  /** A worker may be able to take one now. */
  pump(): void;
  /** Connections that wait for a worker. */
  readonly held: number;
  /** Resolves when none waits any more. */
  empty(): Promise<void>;
}

export interface DistributorOptions {
  /** Milliseconds that a connection waits for a worker. @default 10_000 */
  holdMs?: number;
  /** @default 4_096 */
  mostHeld?: number;
  /** Gets what no worker took in time, or what is too many. */
  refuse(socket: Socket): void;
}

/**
 * Hands each connection to the worker with the fewest, one at a time: a worker whose loop is held up
 * has at most one on its way, and everything else goes to those that turn. Connections wait in the
 * order in which they came, while no worker can take one.
 */
export function createDistributor(options: DistributorOptions): Distributor {
  const { holdMs = 10_000, mostHeld = 4_096, refuse } = options;
  let targets: () => readonly Target[] = () => [];
  let waiting: { socket: Socket; until: number }[] = [];
  let expiry: NodeJS.Timeout | undefined;
  let onEmpty: (() => void)[] = [];

  function pump(): void {
    let taken = 0;
    for (const { socket } of waiting) {
      const target = choose(targets());
      if (target === undefined) break;
      target.hand(socket);
      taken++;
    }
    if (taken > 0) waiting = waiting.slice(taken);
    settle();
  }

  function settle(): void {
    clearTimeout(expiry);
    expiry = undefined;
    const [oldest] = waiting;
    if (oldest !== undefined) {
      expiry = setTimeout(expire, Math.max(0, oldest.until - performance.now()));
      return;
    }
    for (const resolve of onEmpty) resolve();
    onEmpty = [];
  }

  function expire(): void {
    const now = performance.now();
    const left = waiting.filter(({ until }) => until > now + 1);
    for (const { socket, until } of waiting) if (until <= now + 1) refuse(socket);
    waiting = left;
    settle();
  }

  return {
    add(socket) {
      // Nobody reads it here, so nothing else tells of a client that has gone.
      socket.on("error", () => {});
      if (waiting.length >= mostHeld) return refuse(socket);
      waiting.push({ socket, until: performance.now() + holdMs });
      pump();
    },
    setTargets(next) {
      targets = next;
      pump();
    },
    pump,
    get held() {
      return waiting.length;
    },
    empty: () =>
      new Promise((resolve) => (waiting.length === 0 ? resolve() : onEmpty.push(resolve))),
  };
}

/** Milliseconds after which a loop that does not beat gets no more connections. */
const SILENT_MS = 3 * BEAT_MS;

/** A worker that still starts takes connections only while none is ready: it answers with 503. */
function choose(targets: readonly Target[]): Target | undefined {
  const state = targets.some((one) => one.state === "ready") ? "ready" : "open";
  let best: Target | undefined;
  for (const target of targets) {
    if (target.state !== state || target.busy || target.silentMs > SILENT_MS) continue;
    if (best === undefined || target.load < best.load) best = target;
  }
  return best;
}
