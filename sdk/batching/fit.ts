import type { Fit } from "./batch.js";

/** Learns what a call costs from the calls that were measured. */
export interface CostFit {
  /** Takes one successful call: how many items it had and how many milliseconds it took. */
  measure(items: number, ms: number): void;
  /**
   * Milliseconds within which a call with so many items ends: the fitted duration and a margin for
   * how much calls scatter around it. `undefined` until three calls were measured.
   */
  estimate(items: number): number | undefined;
  /** The fitted line without a margin. */
  current(): Fit | undefined;
}

/** What a call weighs when one more has been measured: the fit remembers about the last 32 calls. */
const MEMORY = 1 - 1 / 32;
const CALLS_TO_KNOW = 3;
/** No call is taken to be shorter than a nanosecond, so that nothing here is divided by zero. */
const CLOCK_TICK_MS = 1e-6;
/** No durations are taken to be more exact than this share of their mean: a few agree by chance. */
const LEAST_NOISE = 0.05;
/** The largest standard error of the items' share in the cost of a call for a line to be believed. */
const LARGEST_SHARE_ERROR = 0.1;
/** A call that is off by this factor is a pause or a change; two of three in a row are a change. */
const OUTLIER = 2;
/**
 * The margin of an estimate, in mean deviations. Under overload every batch begins when its oldest
 * job can just make it, so without a margin half of the batches would end too late for some.
 */
const MARGIN = 2;
const LARGEST_MARGIN = 0.5;

/**
 * Fits `duration = a · items + b` by least squares with exponentially fading weights, `a` and `b`
 * not negative. Mean and central moments are kept (West 1979), so a measurement costs a few
 * multiplications and no memory.
 */
export function createCostFit(): CostFit {
  let calls = 0;
  let weight = 0;
  let meanItems = 0;
  let meanMs = 0;
  let spreadItems = 0;
  let spreadMs = 0;
  let together = 0;
  // The line; before sizes have differed all of the cost is in the call, so that nothing is
  // concluded for batches larger than those seen.
  let perItem = 0;
  let perCall = 0;
  let believed = false;
  // The last two ratios of measured to estimated, with the newest call's the vote on a change.
  let before = 1;
  let beforeThat = 1;
  /** Mean of |measured / estimated − 1|. */
  let scatter = 0;

  const at = (items: number): number => perItem * items + perCall;

  /** Whether the line says something for this size, or the size is far from all that was seen. */
  const known = (items: number): boolean =>
    believed || Math.abs(items - meanItems) <= meanItems / 2;

  /** The duration to learn from: that of a lone slow call is cut, that of a changed model is not. */
  function judge(items: number, ms: number): number {
    const expected = at(items);
    if (calls === 0 || expected <= 0 || !known(items)) return ms;
    const ratio = ms / expected;
    const vote = middle(ratio, before, beforeThat);
    beforeThat = before;
    before = ratio;
    // The first calls of a process are slow ones, and no guide to the later ones.
    const warmedUp = calls < CALLS_TO_KNOW && ratio < 1 / OUTLIER;
    if (warmedUp || vote > OUTLIER || vote < 1 / OUTLIER) {
      weight = 0;
      before = 1;
      beforeThat = 1;
      return ms;
    }
    scatter += (Math.min(Math.abs(ratio - 1), 1) - scatter) * (1 - MEMORY);
    return Math.min(ms, OUTLIER * expected);
  }

  function add(items: number, ms: number): void {
    if (weight === 0) {
      meanItems = items;
      meanMs = ms;
      spreadItems = 0;
      spreadMs = 0;
      together = 0;
      weight = 1;
      return;
    }
    weight = MEMORY * weight + 1;
    const offItems = items - meanItems;
    const offMs = ms - meanMs;
    meanItems += offItems / weight;
    meanMs += offMs / weight;
    spreadItems = MEMORY * spreadItems + offItems * (items - meanItems);
    spreadMs = MEMORY * spreadMs + offMs * (ms - meanMs);
    together = MEMORY * together + offItems * (ms - meanMs);
  }

  /** Whether the sizes differ enough, against the noise of the durations, to tell `a` from `b`. */
  function spreadTells(): boolean {
    if (weight <= 1 || spreadItems === 0) return false;
    const unexplained = spreadMs - (together * together) / spreadItems;
    const noise = Math.max(unexplained / Math.max(1, weight - 2), (LEAST_NOISE * meanMs) ** 2);
    const slopeError = Math.sqrt(noise / spreadItems);
    return slopeError * meanItems <= LARGEST_SHARE_ERROR * meanMs;
  }

  function draw(): void {
    if (spreadTells()) {
      const slope = Math.max(0, together / spreadItems);
      const rest = meanMs - slope * meanItems;
      // A line that would start below zero is drawn through zero instead, again by least squares.
      perItem =
        rest >= 0
          ? slope
          : (together + weight * meanItems * meanMs) /
            (spreadItems + weight * meanItems * meanItems);
      perCall = Math.max(0, rest);
      believed = true;
      return;
    }
    const expected = at(meanItems);
    if (expected > 0) {
      perItem *= meanMs / expected;
      perCall *= meanMs / expected;
    } else {
      perItem = 0;
      perCall = meanMs;
    }
  }

  return {
    measure(items, ms) {
      add(items, judge(items, Math.max(ms, CLOCK_TICK_MS)));
      draw();
      calls++;
    },
    estimate(items) {
      if (calls < CALLS_TO_KNOW) return undefined;
      return at(items) * (1 + Math.min(MARGIN * scatter, LARGEST_MARGIN));
    },
    current: () => (calls < CALLS_TO_KNOW ? undefined : { perItemMs: perItem, perCallMs: perCall }),
  };
}

const middle = (a: number, b: number, c: number): number =>
  Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
