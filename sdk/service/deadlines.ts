import type { Clock } from "../core/clock.js";

/** The longest delay that a timer of Node can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What waits with others of the same limit; one is for one use. */
export interface Deadline {
  /** For `Deadlines` alone. */
  previous: Deadline | undefined;
  next: Deadline | undefined;
  waits: boolean;
  /** When its time is over, by the clock of those it waits with. */
  readonly deadline: number;
  /** Called when its time is over, unless it was removed before. */
  expire(): void;
}

/**
 * Limits of time of many requests behind one timer: with the same limit they are due in the order in
 * which they came, and a timer for each would cost more than all else that is done with it.
 */
export class Deadlines {
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #armedFor = Infinity;
  #cancel: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  add(entry: Deadline): void {
    const at = entry.deadline;
    let previous = this.#last;
    while (previous !== undefined && previous.deadline > at) ({ previous } = previous);
    const next = previous === undefined ? this.#first : previous.next;
    entry.previous = previous;
    entry.next = next;
    entry.waits = true;
    if (previous === undefined) this.#first = entry;
    else previous.next = entry;
    if (next === undefined) this.#last = entry;
    else next.previous = entry;
    if (this.#first === entry && at < this.#armedFor) this.#arm();
  }

  remove(entry: Deadline): void {
    if (!entry.waits) return;
    entry.waits = false;
    const { previous, next } = entry;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // A removed entry that still points into the list would keep all later ones, and the requests
    // that they are for, from the collector of young objects.
    entry.previous = undefined;
    entry.next = undefined;
  }

  /** Set for the oldest, and not moved when that one leaves: it is then early and never late. */
  #arm(): void {
    if (this.#first === undefined) return;
    this.#cancel?.();
    this.#armedFor = this.#first.deadline;
    const ms = Math.min(Math.max(0, this.#armedFor - this.clock.now()), LONGEST_TIMER_MS);
    this.#cancel = this.clock.after(ms, this.#onTime);
  }

  readonly #onTime = (): void => {
    this.#armedFor = Infinity;
    this.#cancel = undefined;
    const now = this.clock.now();
    while (this.#first !== undefined && this.#first.deadline <= now) {
      const first = this.#first;
      this.remove(first);
      first.expire();
    }
    this.#arm();
  };
}
