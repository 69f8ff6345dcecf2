import type { Job, Outcome } from "./batch.js";
import { missingOutcome } from "./refusals.js";

/** One job from its arrival to its answer, which is given once. */
export class Ticket<Value, Result> {
  previous: Ticket<Value, Result> | undefined = undefined;
  next: Ticket<Value, Result> | undefined = undefined;
  answered = false;
  /** Whether the watch of abort signals has seen it. */
  watched = false;
  readonly promise: Promise<Result>;
  private resolve!: (value: Result) => void;
  private reject!: (error: unknown) => void;

  constructor(
    readonly job: Job<Value>,
    readonly items: number,
    readonly arrived: number,
    readonly deadline: number,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  answer(outcome: Outcome<Result> | undefined): void {
    if (outcome?.ok === true) {
      this.answered = true;
      this.resolve(outcome.value);
    } else {
      this.fail(outcome?.ok === false ? outcome.error : missingOutcome());
    }
  }

  fail(error: unknown): void {
    this.answered = true;
    this.reject(error);
  }
}
