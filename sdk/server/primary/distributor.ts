import type { Socket } from "node:net";
import { BEAT_MS } from "../messages.js";
import type { WorkerProcess } from "./worker-process.js";

/** The part of a worker that connections are handed to. */
export type Target = Pick<WorkerProcess, "state" | "load" | "busyMs" | "silentMs" | "hand">;

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
  let again: NodeJS.Timeout | undefined;
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
    clearTimeout(again);
    again = undefined;
    if (waiting.length > 0) {
      again = setTimeout(look, PATIENCE_MS);
      return;
    }
    for (const resolve of onEmpty) resolve();
    onEmpty = [];
  }

  /** A worker may have been awaited for long enough, and a connection too. */
  function look(): void {
    const now = performance.now();
    const late = waiting.filter(({ until }) => until <= now);
    waiting = waiting.filter(({ until }) => until > now);
    for (const { socket } of late) refuse(socket);
    pump();
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

/** Milliseconds for which a worker with fewer connections is awaited while one is on its way to it. */
const PATIENCE_MS = 100;

/** A worker that still starts takes connections only while none is ready: it answers with 503. */
function choose(targets: readonly Target[]): Target | undefined {
  const state = targets.some((one) => one.state === "ready") ? "ready" : "open";
  let least: Target | undefined;
  let free: Target | undefined;
  for (const target of targets) {
    if (target.state !== state || target.silentMs > SILENT_MS) continue;
    if (target.busyMs > PATIENCE_MS) continue;
    if (least === undefined || target.load < least.load) least = target;
    if (target.busyMs === 0 && (free === undefined || target.load < free.load)) free = target;
  }
  // Given to whoever is free, a burst would go to the worker that happens to be faster just now.
  return free !== undefined && free.load <= least!.load + 1 ? free : undefined;
}
