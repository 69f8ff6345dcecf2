import { systemClock, type Clock } from "../core/clock.js";
import { promiseOf, type Waiter } from "../core/waiter.js";
import { AbortWatch } from "./abort-watch.js";
import type {
  Batcher,
  BatcherOptions,
  BatcherStats,
  BatchRecord,
  DispatchReason,
  Job,
  Outcome,
  ShedReason,
} from "./batch.js";
import { createCostFit } from "./fit.js";
import { isolate } from "./isolate.js";
import { toLimits, type Limits } from "./limits.js";
import { takeBatch, takeExpired } from "./next-batch.js";
import { TicketQueue } from "./queue.js";
import * as refusals from "./refusals.js";
import { Tally } from "./tally.js";
import { Ticket } from "./ticket.js";

/** The share of the limit that is kept for what follows a batch, and the most of it. */
const ANSWER_SHARE = 0.02;
const MOST_ANSWER_MS = 3;

/** The longest delay that a timer of Node can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A batch that has a slot. */
interface Running<Value, Result> {
  readonly tickets: readonly Ticket<Value, Result>[];
  readonly items: number;
  readonly reason: DispatchReason;
  /** Whether the loop has turned since it began, so that others had their time. */
  turned: boolean;
}

/**
 * Joins jobs into batches, which leave at once when there is a free slot and otherwise as soon as
 * there is one.
 * @throws EkibenError SERVICE_INVALID when a limit is not a positive number.
 */
export function createBatcher<Value, Result>(
  options: BatcherOptions<Value, Result> & { clock?: Clock },
): Batcher<Value, Result> {
  return new MicroBatcher(options, toLimits(options), options.clock ?? systemClock);
}

class MicroBatcher<Value, Result> implements Batcher<Value, Result> {
  private readonly queue = new TicketQueue<Value, Result>();
  private readonly fit = createCostFit();
  private readonly watch = new AbortWatch<Value, Result>((ticket) => this.abort(ticket));
  private running = 0;
  /** Batches that began in this turn of the loop. */
  private readonly begun: Running<Value, Result>[] = [];
  private cancelTurn: (() => void) | undefined;
  private cancelTimer: (() => void) | undefined;
  /** Whether the next turn follows the end of a batch. */
  private freed = false;
  private closed = false;
  private readonly drained: (() => void)[] = [];
  private readonly tally: Tally;

  constructor(
    private readonly options: BatcherOptions<Value, Result>,
    private readonly limits: Limits,
    private readonly clock: Clock,
  ) {
    this.tally = new Tally(options.observer);
  }

  submit(job: Job<Value>): Promise<Result> {
    return promiseOf((waiter) => this.enter(job, waiter));
  }

  enter(job: Job<Value>, waiter: Waiter<Result>): void {
    if (this.closed) return this.refuse(waiter, "closed", refusals.draining(this.options.name));
    if (job.signal?.aborted) {
      const reason = refusals.toAbortReason(job.signal);
      return this.refuse(waiter, refusals.toAbortShed(reason), reason);
    }
    if (!Number.isInteger(job.items) || job.items < 0) {
      return waiter.reject(refusals.itemCountInvalid(this.options.name, job.items));
    }
    const items = Math.max(1, job.items);
    // A job that is larger than the whole queue is taken when nothing waits, or it never would be.
    if (this.queue.items > 0 && this.queue.items + items > this.limits.maxQueueItems) {
      return this.refuse(waiter, "queue-full", refusals.queueFull(this.load(), items));
    }
    const bytes = job.bytes ?? 0;
    if (bytes > 0 && this.queue.bytes > 0 && this.queue.bytes + bytes > this.limits.maxQueueBytes) {
      return this.refuse(waiter, "queue-bytes", refusals.queueBytesFull(this.load(), bytes));
    }
    const now = job.now ?? this.clock.now();
    const expires = (job.arrived ?? now) + this.limits.maxLatencyMs;
    const ticket = new Ticket<Value, Result>(job, now, expires, waiter);
    // Its time was over before it got here: nothing that waits can bring it back.
    if (expires <= now) {
      const error = refusals.deadlineUnreachable(this.load(), ticket, { now });
      return this.refuse(waiter, "deadline", error);
    }
    if (!this.queue.push(ticket)) this.armOwnTimer(ticket);
    if (this.running < this.limits.concurrency) {
      this.scheduleTurn();
    } else {
      this.watch.add(ticket);
      this.armTimer();
    }
  }

  stats(): BatcherStats {
    return {
      queuedRequests: this.queue.requests,
      queuedItems: this.queue.items,
      maxQueueItems: this.limits.maxQueueItems,
      queuedBytes: this.queue.bytes,
      running: this.running,
      ...this.tally.counts(),
      fit: this.fit.current(),
    };
  }

  drain(): Promise<void> {
    this.closed = true;
    return new Promise((resolve) => {
      this.drained.push(resolve);
      this.answerDrain();
    });
  }

  private scheduleTurn(): void {
    this.cancelTurn ??= this.clock.soon(this.turn);
  }

  /**
   * A turn of the loop. Jobs that came together leave together; and only what has outlived a turn
   * is watched for aborts, which the jobs of a fast model do not.
   */
  private readonly turn = (): void => {
    this.cancelTurn = undefined;
    for (const batch of this.begun) {
      batch.turned = true;
      for (const ticket of batch.tickets) this.watch.add(ticket);
    }
    this.begun.length = 0;
    this.dispatch();
  };

  private dispatch(): void {
    const cause = this.freed ? "freed" : "idle";
    this.freed = false;
    while (this.running < this.limits.concurrency && this.queue.first !== undefined) {
      this.start(cause);
    }
    if (this.begun.length > 0) this.scheduleTurn();
    // Who has not been watched yet came last.
    let newest = this.queue.last;
    while (newest !== undefined && !newest.watched) {
      const { previous } = newest;
      this.watch.add(newest);
      newest = previous;
    }
    this.armTimer();
    this.answerDrain();
  }

  private start(cause: DispatchReason): void {
    const { batch, items, aborted, late } = takeBatch(this.queue, {
      now: this.clock.now(),
      maxBatchSize: this.limits.maxBatchSize,
      estimate: this.fit.estimate,
      answerMs: Math.min(MOST_ANSWER_MS, this.limits.maxLatencyMs * ANSWER_SHARE),
      idle: this.running === 0,
    });
    if (batch.length > 0) {
      const full = items >= this.limits.maxBatchSize || this.queue.first !== undefined;
      const reason = full ? "full" : cause;
      const running: Running<Value, Result> = { tickets: batch, items, reason, turned: false };
      this.running++;
      this.begun.push(running);
      void this.serve(running);
    }
    for (const ticket of aborted) this.dropAborted(ticket);
    for (const { ticket, estimateMs } of late) this.dropLate(ticket, estimateMs);
  }

  /** Runs a batch, gives the slot back and answers its jobs, whatever `run` does. */
  private async serve(batch: Running<Value, Result>): Promise<void> {
    const { tickets, reason } = batch;
    let outcomes: readonly Outcome<Result>[] = [];
    try {
      outcomes = await this.attempt(tickets, reason);
    } catch (error) {
      if (tickets.length === 1) outcomes = [{ ok: false, error }];
      else await this.isolate(tickets);
    }
    // First, so that a model on another thread computes the next batch while answers are written.
    this.giveBack(batch);
    if (outcomes.length > 0) this.answer(tickets, outcomes);
  }

  private giveBack(batch: Running<Value, Result>): void {
    this.running--;
    this.freed = this.queue.first !== undefined;
    if (batch.turned) {
      this.dispatch();
      return;
    }
    // `run` kept the loop to itself. The answers leave and new requests are read before it may
    // again, or a long queue would stop everything else.
    this.begun.splice(this.begun.indexOf(batch), 1);
    if (this.queue.first !== undefined) {
      this.scheduleTurn();
    } else {
      if (this.begun.length === 0) this.unscheduleTurn();
      this.answerDrain();
    }
  }

  /** One call of `run`. @throws what it throws, and when it does not answer one outcome a job. */
  private async attempt(
    tickets: readonly Ticket<Value, Result>[],
    reason: DispatchReason,
  ): Promise<readonly Outcome<Result>[]> {
    let items = 0;
    for (const ticket of tickets) items += ticket.items;
    const began = this.clock.now();
    const record: BatchRecord = {
      requests: tickets.length,
      items,
      reason,
      began,
      waitMs: began - tickets[0]!.queued,
      runMs: 0,
      failed: true,
    };
    try {
      const jobs = tickets.map((ticket) => ticket.job);
      const outcomes = await this.options.run(jobs, record);
      if (!Array.isArray(outcomes) || outcomes.length !== tickets.length) {
        throw refusals.wrongOutcomeCount(this.options.name, tickets.length, outcomes);
      }
      record.failed = false;
      return outcomes;
    } finally {
      record.runMs = this.clock.now() - began;
      if (!record.failed && reason !== "isolation") this.fit.measure(items, record.runMs);
      this.tally.batch(record);
    }
  }

  private isolate(tickets: readonly Ticket<Value, Result>[]): Promise<void> {
    return isolate(tickets, {
      turn: () => new Promise((resolve) => void this.clock.soon(resolve)),
      // Whoever has gone was answered: the batch has outlived a turn, so its signals are watched.
      wanted: (ticket) => !ticket.answered,
      attempt: (some) => this.attempt(some, "isolation"),
      answer: (some, outcomes) => this.answer(some, outcomes),
      fail: (ticket, error) => this.fail(ticket, error),
    });
  }

  private answer(
    tickets: readonly Ticket<Value, Result>[],
    outcomes: readonly Outcome<Result>[],
  ): void {
    for (let index = 0; index < tickets.length; index++) {
      const ticket = tickets[index]!;
      if (ticket.answered) continue;
      this.watch.remove(ticket);
      ticket.answer(outcomes[index]);
    }
  }

  private fail(ticket: Ticket<Value, Result>, error: unknown): void {
    if (ticket.answered) return;
    this.watch.remove(ticket);
    ticket.fail(error);
  }

  /** The caller is answered at once; a batch that runs keeps its slot, since the work goes on. */
  private abort(ticket: Ticket<Value, Result>): void {
    if (this.queue.has(ticket)) {
      this.queue.remove(ticket);
      this.dropAborted(ticket);
    } else {
      this.fail(ticket, refusals.toAbortReason(ticket.job.signal!));
    }
  }

  private dropAborted(ticket: Ticket<Value, Result>): void {
    const reason = refusals.toAbortReason(ticket.job.signal!);
    this.fail(ticket, reason);
    this.tally.shed(refusals.toAbortShed(reason));
  }

  private dropLate(ticket: Ticket<Value, Result>, estimateMs: number | undefined): void {
    const facts = { now: this.clock.now(), estimateMs };
    this.fail(ticket, refusals.deadlineUnreachable(this.load(), ticket, facts));
    this.tally.shed("deadline");
  }

  private refuse(waiter: Waiter<Result>, reason: ShedReason, error: unknown): void {
    this.tally.shed(reason);
    waiter.reject(error);
  }

  /**
   * One timer for the oldest job that waits. It is not moved when that job leaves: jobs expire in
   * order of arrival, so a timer that was set for an earlier job is never too late.
   */
  private armTimer(): void {
    const oldest = this.queue.first;
    if (this.cancelTimer !== undefined || oldest === undefined) return;
    if (oldest.expires === Number.POSITIVE_INFINITY) return;
    const wait = Math.max(0, oldest.expires - this.clock.now());
    this.cancelTimer = this.clock.after(Math.min(wait, LONGEST_TIMER_MS), this.expire);
  }

  private readonly expire = (): void => {
    this.cancelTimer = undefined;
    const expired = takeExpired(this.queue, this.clock.now());
    for (const ticket of expired) this.dropLate(ticket, this.fit.estimate(ticket.items));
    this.armTimer();
  };

  /** For a job that expires before one in front of it, such as after a slow way here. */
  private armOwnTimer(ticket: Ticket<Value, Result>): void {
    const wait = Math.min(ticket.expires - this.clock.now(), LONGEST_TIMER_MS);
    ticket.cancelTimer = this.clock.after(wait, () => {
      ticket.cancelTimer = undefined;
      this.queue.remove(ticket);
      this.dropLate(ticket, this.fit.estimate(ticket.items));
    });
  }

  private unscheduleTurn(): void {
    this.cancelTurn?.();
    this.cancelTurn = undefined;
  }

  private answerDrain(): void {
    if (!this.closed || this.running > 0 || this.queue.first !== undefined) return;
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    for (const resolve of this.drained.splice(0)) resolve();
  }

  private load(): refusals.Load {
    return {
      name: this.options.name,
      limits: this.limits,
      fit: this.fit,
      queuedRequests: this.queue.requests,
      queuedItems: this.queue.items,
      queuedBytes: this.queue.bytes,
      running: this.running,
    };
  }
}
