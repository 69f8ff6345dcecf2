import type { Clock } from "../core/clock.js";

/** A request that waits with others of the same limit. */
interface Entry {
  readonly at: number;
  readonly expire: () => void;
  previous: Entry | undefined;
  next: Entry | undefined;
  gone: boolean;
}

/**
 * One limit of time for many requests, behind one timer: with the same limit they are due in the
 * order in which they came, and a timer for each would cost more than all that is done with it.
 */
export class Deadlines {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #armed = false;

  constructor(
    private readonly limitMs: number,
    private readonly clock: Clock,
  ) {}

  /** Calls `expire` when the limit has passed, unless what is given back was removed. */
  add(expire: () => void): Entry {
    const at = this.clock.now() + this.limitMs;
    const entry: Entry = { at, expire, previous: this.#last, next: undefined, gone: false };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    if (!this.#armed) this.#arm();
    return entry;
  }

  remove(entry: Entry): void {
    if (entry.gone) return;
    entry.gone = true;
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }

  /** Set for the oldest, and not moved when that one leaves: it is then early and never late. */
  #arm(): void {
    if (this.#first === undefined) return;
    this.#armed = true;
    this.clock.after(Math.max(0, this.#first.at - this.clock.now()), this.#onTime);
  }

  readonly #onTime = (): void => {
    this.#armed = false;
    const now = this.clock.now();
    while (this.#first !== undefined && this.#first.at <= now) {
      const { expire } = this.#first;
      this.remove(this.#first);
      expire();
    }
    this.#arm();
  };
}
