import type { Job, Outcome } from "../../sdk/batching/batch.js";
import type { Clock } from "../../sdk/core/clock.js";

/** Numbers in [0, 1) that are the same in every run of a test (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Cost {
  perItemMs: number;
  perCallMs: number;
  /** Multiplies the duration of a call, for noise and pauses. */
  factor?: () => number;
}

/** A model that takes `perItemMs · items + perCallMs` on the clock and answers each value as it is. */
export function createSimulatedModel<Value>(clock: Clock, cost: Cost) {
  const calls: number[] = [];
  return {
    /** The items of each call. */
    calls,
    /** May be changed while it runs. */
    cost,
    async run(jobs: readonly Job<Value>[]): Promise<Outcome<Value>[]> {
      const items = jobs.reduce((sum, job) => sum + job.items, 0);
      calls.push(items);
      const ms = (cost.perItemMs * items + cost.perCallMs) * (cost.factor?.() ?? 1);
      await new Promise<void>((resolve) => void clock.after(ms, resolve));
      return jobs.map((job) => ({ ok: true, value: job.value }));
    },
  };
}

/** Sends jobs as time passes: `gap` gives the milliseconds to the next one, `undefined` ends it. */
export function startLoad(
  clock: Clock,
  gap: (now: number) => number | undefined,
  send: () => void,
): void {
  const wait = gap(clock.now());
  if (wait === undefined) return;
  clock.after(wait, () => {
    send();
    startLoad(clock, gap, send);
  });
}

/** Poisson arrivals until `end`, with `perSecond` a number or a function of the time. */
export function poisson(
  random: () => number,
  perSecond: number | ((now: number) => number),
  end: number,
): (now: number) => number | undefined {
  return (now) => {
    const rate = typeof perSecond === "number" ? perSecond : perSecond(now);
    return now < end ? (-Math.log(1 - random()) / rate) * 1000 : undefined;
  };
}
