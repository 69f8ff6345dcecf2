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
  /** When its answer is of no use any more: when it expires, or its caller stops waiting. */
  readonly deadline: number;
  readonly promise: Promise<Result>;
  private resolve!: (value: Result) => void;
  private reject!: (error: unknown) => void;

  constructor(
    readonly job: Job<Value>,
    readonly items: number,
    /** When it came to the queue. */
    readonly queued: number,
    /** When its `maxLatencyMs` is over. */
    readonly expires: number,
  ) {
    this.deadline = Math.min(expires, job.deadline ?? Number.POSITIVE_INFINITY);
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get bytes(): number {
    return this.job.bytes ?? 0;
  }

  answer(outcome: Outcome<Result> | undefined): void {
    if (outcome?.ok === true) {
      this.answered = true;
      this.resolve(outcome.value);
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
    this.reject(error);
  }
}
