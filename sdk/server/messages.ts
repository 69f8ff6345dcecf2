import type { ErrorCode, ErrorFacts } from "../core/errors.js";
import type { Snapshot } from "../observability/snapshot.js";
import type { ResolvedSettings } from "./settings/resolve.js";

/**
 * All that passes between the primary and its workers. Messages are JSON; `channel.ts` carries them,
 * and adds questions that wait for an answer. What is new between the two sides goes in here first.
 */
export type ToWorker =
  | WorkerStart
  /** Comes with the socket of a connection that the primary has accepted. */
  | { readonly type: "connection" }
  /** How the service as a whole stands; said again whenever it changes. */
  | ({ readonly type: "workers" } & WorkerCount)
  /** Says from now on that it is not ready, and goes on answering. */
  | { readonly type: "unready" }
  /** Answers what it has, closes, and ends with exit code 0. */
  | { readonly type: "stop"; readonly drainMs: number; readonly lingerMs: number };

export type ToPrimary =
  /** Takes connections, and answers that it starts until it is ready. */
  | { readonly type: "open" }
  | { readonly type: "ready" }
  /** Could not start, and ends. */
  | { readonly type: "failed"; readonly error: SentError }
  /** The connection sent last is in its hands; the primary lets go of it and sends the next. */
  | { readonly type: "taken"; readonly open: number }
  /** Connections have closed. */
  | { readonly type: "load"; readonly open: number }
  | ({ readonly type: "beat" } & Beat)
  /** What it has counted; sent from time to time, and at its end. */
  | { readonly type: "metrics"; readonly snapshot: Snapshot }
  /** An exception nobody caught: it takes no more connections, answers what it has, and ends. */
  | { readonly type: "leaving" };

/** The descriptor of a worker that takes the lines of its logs; `line-pipe.ts` says how. */
export const LINES_FD = 4;
/** That of its thread, which prints and writes those about requests: a pipe has one writer. */
export const THREAD_LINES_FD = 5;

/** The first message to a worker. */
export interface WorkerStart {
  readonly type: "start";
  /** The folder of the bundle. */
  readonly directory: string;
  readonly settings: ResolvedSettings;
  /** Counts from 1; a worker that replaces another has its number. */
  readonly worker: number;
  /** Where the primary listens. */
  readonly address: string;
  readonly port: number;
  readonly host: string;
}

export interface WorkerCount {
  readonly ready: number;
  readonly total: number;
}

/** Sent every `BEAT_MS` by an event loop that turns. */
export interface Beat {
  readonly open: number;
  /** The longest that the loop was late since the beat before, in milliseconds. */
  readonly lagMs: number;
  readonly rssBytes: number;
}

export const BEAT_MS = 500;

/** An error of the catalogue on its way to another process. */
export interface SentError {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;
  readonly stack?: string;
}

/** Questions of the primary to a worker, each with its answer. */
export interface WorkerAnswers {
  /** What `/healthz` says in this worker. */
  health: { readonly status: number; readonly body: object };
  /** What it has counted until now. */
  metrics: Snapshot;
}

/** Questions of a worker to the primary, each with its answer. */
export interface PrimaryAnswers {
  /** The metrics of all processes, in the text format of Prometheus. */
  metrics: string;
}
