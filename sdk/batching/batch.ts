import type { Cancellable } from "../core/cancellation.js";
import type { Waiter } from "../core/waiter.js";

/** What became of one job of a batch: its result, or the error that only it gets. */
export type Outcome<Result> = { ok: true; value: Result } | { ok: false; error: unknown };

/** One request in the queue of a batcher. */
export interface Job<Value> {
  readonly value: Value;
  /** How many items the value holds: limits count items, and a job without any counts as one. */
  readonly items: number;
  /** What it holds in memory while it waits. @default 0 */
  readonly bytes?: number;
  /**
   * When its request arrived, by the clock of the batcher: what it took to get here counts towards
   * `maxLatencyMs`. @default the moment of `submit`
   */
  readonly arrived?: number;
  /** When it comes to the batcher, by the clock of that. @default read from the clock */
  readonly now?: number;
  /** When its caller stops waiting, by the clock of the batcher. @default never */
  readonly deadline?: number;
  /**
   * Aborts when the client has gone or the request has timed out: `submit` then rejects with its
   * reason, or with CLIENT_CLOSED when none was given. A job that waits leaves the queue; a batch
   * that runs goes on and keeps its slot.
   */
  readonly signal?: Cancellable;
}

export interface BatcherOptions<Value, Result> {
  /** For messages: the name of the API. */
  name: string;
  /**
   * Runs a batch and answers one outcome a job, in order. A throw means that the batch failed as a
   * whole: a batch of several jobs is then tried again in halves, until the poison is alone.
   * The record is the one that the observer gets afterwards; its end is not known yet.
   */
  run(jobs: readonly Job<Value>[], record: BatchRecord): Promise<readonly Outcome<Result>[]>;
  /** The most items of one batch; a job with more goes alone. @default 100 */
  maxBatchSize?: number;
  /**
   * Milliseconds from arrival to answer. A job that cannot be answered in time is shed with
   * DEADLINE_UNREACHABLE. @default no limit
   */
  maxLatencyMs?: number;
  /** How many batches may run at once. @default 1 */
  concurrency?: number;
  /**
   * The most items that may wait; more are refused with QUEUE_FULL. A job that is larger than this
   * is taken when nothing else waits. @default 10_000
   */
  maxQueueItems?: number;
  /**
   * The most bytes that may wait, by what jobs say of themselves; as `maxQueueItems` otherwise.
   * @default 268_435_456 (256 MiB)
   */
  maxQueueBytes?: number;
  /** Sees every batch that ran and every job that was shed, for metrics. */
  observer?: BatchObserver;
}

/**
 * Why a batch left: it was full, there was a free slot, a batch before it ended, or it is a part
 * of a batch that failed.
 */
export type DispatchReason = "full" | "idle" | "freed" | "isolation";

/**
 * Why a job never ran: too many items or bytes waited, it could not be answered in time, its caller
 * stopped waiting (`timeout`) or went (`aborted`), or the batcher takes no more.
 */
export type ShedReason =
  | "queue-full"
  | "queue-bytes"
  | "deadline"
  | "timeout"
  | "aborted"
  | "closed";

/** One call of `run`. */
export interface BatchRecord {
  requests: number;
  items: number;
  reason: DispatchReason;
  /** When it began, by the clock of the batcher. */
  began: number;
  /** Milliseconds that the oldest job of the batch had waited. */
  waitMs: number;
  /** 0 until it has ended. */
  runMs: number;
  /**
   * Whether `run` threw, or answered another number of outcomes than it got jobs; true until it has
   * ended.
   */
  failed: boolean;
}

/** What it throws is dropped. */
export interface BatchObserver {
  /** After each call of `run`. */
  batch?(record: BatchRecord): void;
  /** For each job that was refused or dropped before it ran. */
  shed?(reason: ShedReason): void;
}

/** The fitted cost of a call, `duration = perItemMs · items + perCallMs`, once it is known. */
export interface Fit {
  perItemMs: number;
  perCallMs: number;
}

export interface BatcherStats {
  queuedRequests: number;
  queuedItems: number;
  /** The most items that may wait. */
  maxQueueItems: number;
  queuedBytes: number;
  /** Slots that are taken now. */
  running: number;
  /** Batches that have run, with the requests and items in them; isolation counts apart. */
  batches: number;
  requests: number;
  items: number;
  /** Jobs that were refused or dropped before they ran. */
  shed: Readonly<Record<ShedReason, number>>;
  /** Calls of `run` with a part of a batch that had failed. */
  isolations: number;
  /** `undefined` until three batches have been measured. */
  fit: Fit | undefined;
}

/** Joins the jobs of many requests into batches. */
export interface Batcher<Value, Result> {
  /**
   * Answers when the job's batch has run.
   * @throws what the job's outcome holds, what `run` threw for this job alone, the reason of its
   * signal, or EkibenError QUEUE_FULL, DEADLINE_UNREACHABLE, CLIENT_CLOSED, SERVER_DRAINING.
   */
  submit(job: Job<Value>): Promise<Result>;
  /** The same for a waiter: a small request has no promise of its own. */
  enter(job: Job<Value>, waiter: Waiter<Result>): void;
  stats(): BatcherStats;
  /** Takes no more jobs and answers when all jobs have been answered and nothing runs. */
  drain(): Promise<void>;
}
