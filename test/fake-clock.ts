import type { Clock } from "../sdk/core/clock.js";

/** A clock that stands still until a test moves it, so that tests of time are exact and take none. */
export interface FakeClock extends Clock {
  /**
   * Moves time forward by `ms`. Everything that falls due on the way runs at its own moment and in
   * order, and promises settle in between.
   */
  advance(ms: number): Promise<void>;
  /** Runs all that is due now, without moving time. */
  settle(): Promise<void>;
  /**
   * Moves time to the last timer, also to those that timers set on the way.
   * @throws Error when there is no end after `limit` timers, as with polling.
   */
  runAll(limit?: number): Promise<void>;
  /** Timers that wait, for tests that nothing is left behind and that nothing polls. */
  readonly timers: number;
  /** Callbacks that wait for the next turn of the loop. */
  readonly soons: number;
}

interface Timer {
  at: number;
  callback: () => void;
}

/** Lets every promise that can settle do so: a turn of the real loop drains all microtasks. */
const settlePromises = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createFakeClock(start = 0): FakeClock {
  let time = start;
  // In order of time; timers of the same moment in the order in which they were set.
  const timers: Timer[] = [];
  let soons = new Set<() => void>();

  function insert(timer: Timer): void {
    let index = timers.length;
    while (index > 0 && timers[index - 1]!.at > timer.at) index--;
    timers.splice(index, 0, timer);
  }

  async function settle(): Promise<void> {
    await settlePromises();
    for (;;) {
      if (soons.size > 0) {
        // As with setImmediate: what a callback asks for soon comes in the turn after this one.
        const turn = soons;
        soons = new Set();
        for (const run of turn) {
          run();
          await settlePromises();
        }
      } else if (timers.length > 0 && timers[0]!.at <= time) {
        timers.shift()!.callback();
        await settlePromises();
      } else {
        return;
      }
    }
  }

  async function advanceTo(end: number): Promise<void> {
    await settle();
    while (timers.length > 0 && timers[0]!.at <= end) {
      time = Math.max(time, timers[0]!.at);
      await settle();
    }
    time = Math.max(time, end);
  }

  return {
    now: () => time,
    after(ms, callback) {
      const timer = { at: time + Math.max(0, ms), callback };
      insert(timer);
      return () => {
        const index = timers.indexOf(timer);
        if (index >= 0) timers.splice(index, 1);
      };
    },
    soon(callback) {
      // Wrapped, so that the same callback may wait twice and a cancel during the turn still counts.
      let cancelled = false;
      const run = () => {
        if (!cancelled) callback();
      };
      soons.add(run);
      return () => {
        cancelled = true;
        soons.delete(run);
      };
    },
    advance: (ms) => advanceTo(time + ms),
    settle,
    async runAll(limit = 100_000) {
      await settle();
      for (let fired = 0; timers.length > 0; fired++) {
        if (fired >= limit) throw new Error(`The clock still has timers after ${limit} of them.`);
        await advanceTo(timers[0]!.at);
      }
    },
    get timers() {
      return timers.length;
    },
    get soons() {
      return soons.size;
    },
  };
}
