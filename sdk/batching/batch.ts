/** What became of one job of a batch: its result, or the error that only it gets. */
export type Outcome<Result> = { ok: true; value: Result } | { ok: false; error: unknown };

/** One request in the queue of a batcher. */
export interface Job<Value> {
  readonly value: Value;
  /** How many items the value holds: limits count items. */
  readonly items: number;
  /** Aborts when the client has gone or the request has timed out. */
  readonly signal?: AbortSignal;
}

export interface BatcherOptions<Value, Result> {
  /** For messages: the name of the API. */
  name: string;
  /**
   * Runs a batch and answers one outcome a job, in order. A throw means that the batch failed as a
   * whole: a batch of several jobs is then tried again in halves, until the poison is alone.
   */
  run(jobs: readonly Job<Value>[]): Promise<readonly Outcome<Result>[]>;
  /** The most items of one batch; a job with more goes alone. @default 100 */
  maxBatchSize?: number;
  /**
   * Milliseconds from arrival to answer. A job that cannot be answered in time is shed with
   * DEADLINE_UNREACHABLE. @default no limit
   */
  maxLatencyMs?: number;
  /** How many batches may run at once. @default 1 */
  concurrency?: number;
  /** The most items that may wait; more are refused with QUEUE_FULL. @default 10_000 */
  maxQueueItems?: number;
  /** Sees every batch that ran and every job that was shed, for metrics. */
  observer?: BatchObserver;
}

/** Why a batch left the queue: full, the model was idle, or a batch before it ended. */
export type DispatchReason = "full" | "idle" | "freed" | "isolation";

export type ShedReason = "queue-full" | "deadline" | "aborted" | "closed";

export interface BatchRecord {
  requests: number;
  items: number;
  reason: DispatchReason;
  /** Milliseconds that the oldest job of the batch had waited. */
  waitMs: number;
  runMs: number;
  failed: boolean;
}

export interface BatchObserver {
  batch?(record: BatchRecord): void;
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
  running: number;
  batches: number;
  requests: number;
  items: number;
  shed: Readonly<Record<ShedReason, number>>;
  isolations: number;
  fit: Fit | undefined;
}

/** Joins the jobs of many requests into batches. */
export interface Batcher<Value, Result> {
  /** Answers when the job's batch has run. @throws what the job's outcome holds, or why it was shed. */
  submit(job: Job<Value>): Promise<Result>;
  stats(): BatcherStats;
  /** Takes no more jobs and answers when all that waited have been answered. */
  drain(): Promise<void>;
}
