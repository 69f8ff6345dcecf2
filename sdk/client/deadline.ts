import type { Clock } from "../core/clock.js";

export type WaitingClock = Pick<Clock, "now" | "after">;

/** The clock of the platform; unlike a server's, its timers keep the process alive. */
export const platformClock: WaitingClock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** The longest delay that a timer holds; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** How long one call waits, and why it no longer does. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: WaitingClock;
  readonly #given: AbortSignal | undefined;
  #cancelTimer: (() => void) | undefined;
  #end = Infinity;
  /** Why the signal was aborted, if it was. */
  ended: "timed out" | "aborted" | undefined;

  constructor(clock: WaitingClock, given?: AbortSignal) {
    this.#clock = clock;
    this.#given = given;
    if (given?.aborted === true) this.#abort("aborted");
    else given?.addEventListener("abort", this.#onAbort);
  }

  /** Aborted when the time is over or the caller's signal is. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return this.#end - this.#clock.now();
  }

  /** What the caller's signal says. */
  get reason(): unknown {
    return this.#given?.reason;
  }

  /** Gives so much time from now on. */
  start(ms: number): void {
    this.stop();
    this.#end = this.#clock.now() + ms;
    if (ms === Infinity) return;
    const wait = Math.min(Math.max(0, ms), LONGEST_TIMER_MS);
    this.#cancelTimer = this.#clock.after(wait, () => this.#abort("timed out"));
  }

  /** Stops the time, while somebody else takes theirs. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#end = Infinity;
  }

  /** Waits; sooner when the signal is aborted. */
  async sleep(ms: number): Promise<void> {
    let cancel = (): void => {};
    await this.race(new Promise<void>((resolve) => (cancel = this.#clock.after(ms, resolve))));
    cancel();
  }

  /** What `work` answers, or nothing when the signal is aborted before. @throws what `work` throws */
  race<T>(work: Promise<T>): Promise<T | undefined> {
    const { signal } = this;
    if (signal.aborted) {
      work.catch(() => {});
      return Promise.resolve(undefined);
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => resolve(undefined);
      signal.addEventListener("abort", onAbort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  /** Frees the timer and the caller's signal; what is still under way ends. */
  close(): void {
    this.stop();
    this.#given?.removeEventListener("abort", this.#onAbort);
    this.#controller.abort();
  }

  /** Frees the timer and the caller's signal. */
  settle(): void {
    this.stop();
    this.#given?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#abort("aborted");

  #abort(why: "timed out" | "aborted"): void {
    this.ended ??= why;
    this.settle();
    this.#controller.abort();
  }
}
