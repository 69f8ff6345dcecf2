import type { Waiter } from "../core/waiter.js";
import type { Job, Outcome } from "./batch.js";
import { missingOutcome } from "./refusals.js";

/** One job from its arrival to its answer, which is given once. */
export class Ticket<Value, Result> {
  previous: Ticket<Value, Result> | undefined = undefined;
  next: Ticket<Value, Result> | undefined = undefined;
  answered = false;
  /** Whether the watch of abort signals has seen it. */
  watched = false;
  /** Called when its request is cancelled, once it is watched. */
  onAbort: ((ticket: this) => void) | undefined = undefined;
  /** Whether it is due before one that came before it. */
  hasty = false;
  /** Ends its own timer, if it has one. */
  cancelTimer: (() => void) | undefined = undefined;
  /** A job without items takes a place as well: it costs memory and a call like any other. */
  readonly items: number;
  /** When its answer is of no use any more: when it expires, or its caller stops waiting. */
  readonly deadline: number;

  constructor(
    readonly job: Job<Value>,
    /** When it came to the queue. */
    readonly queued: number,
    /** When its `maxLatencyMs` is over. */
    readonly expires: number,
    private readonly waiter: Waiter<Result>,
  ) {
    this.items = Math.max(1, job.items);
    this.deadline = Math.min(expires, job.deadline ?? Number.POSITIVE_INFINITY);
  }

  get bytes(): number {
    return this.job.bytes ?? 0;
  }

  answer(outcome: Outcome<Result> | undefined): void {
    if (outcome?.ok === true) {
      this.answered = true;
      this.waiter.resolve(outcome.value);
    } else {
      this.fail(outcome?.ok === false ? outcome.error : missingOutcome());
    }
  }

  /** As a listener of the cancellation of its request. */
  handleEvent(): void {
    this.onAbort?.(this);
  }

  fail(error: unknown): void {
    this.answered = true;
    this.waiter.reject(error);
  }
}
