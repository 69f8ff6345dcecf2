import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCostFit } from "../../sdk/batching/fit.js";
import { createRandom } from "./simulated-model.js";

const line = (a: number, b: number) => (items: number) => a * items + b;

/** The fit after calls of these sizes, each as long as `cost` says. */
function fitted(sizes: Iterable<number>, cost: (items: number) => number, fit = createCostFit()) {
  for (const size of sizes) fit.measure(size, cost(size));
  return fit;
}

function* between(low: number, high: number, calls: number, random = createRandom(1)) {
  for (let call = 0; call < calls; call++) yield low + Math.floor(random() * (high - low + 1));
}

const constant = (size: number, calls: number) => Array<number>(calls).fill(size);

describe("the fit of a call's cost", () => {
  it("is unknown until three calls were measured", () => {
    const fit = createCostFit();
    for (const size of [1, 40]) {
      fit.measure(size, line(1, 10)(size));
      expect(fit.estimate(1)).toBeUndefined();
      expect(fit.current()).toBeUndefined();
    }
    fit.measure(7, 17);
    expect(fit.current()).toBeDefined();
    expect(fit.estimate(100)).toBeCloseTo(110, 6);
  });

  it("finds any line exactly when sizes differ and durations are exact", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 500, noNaN: true }),
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 3, maxLength: 60 }),
        (a, b, sizes) => {
          // Two sizes far apart, so that the sizes differ whatever else is drawn.
          const fit = fitted([1, 1000, ...sizes, 1, 1000], line(a, b));
          expect(fit.current()!.perItemMs).toBeCloseTo(a, 5);
          expect(fit.current()!.perCallMs).toBeCloseTo(b, 3);
        },
      ),
    );
  });

  it("comes within a tenth of the truth when durations are noisy", () => {
    const random = createRandom(3);
    const noisy = (items: number) => line(1, 10)(items) * (0.9 + 0.2 * random());
    const fit = fitted(between(1, 100, 400), noisy);
    for (const size of [20, 60, 100]) {
      const { perItemMs, perCallMs } = fit.current()!;
      const error = (perItemMs * size + perCallMs) / line(1, 10)(size) - 1;
      expect(Math.abs(error)).toBeLessThan(0.1);
    }
  });

  it.each([
    ["ten times slower", 10],
    ["twice as slow", 2],
    ["half as slow again", 1.5],
    ["a third faster", 2 / 3],
    ["ten times faster", 0.1],
  ])("follows a model that becomes %s", (_, factor) => {
    const fit = fitted(between(1, 100, 200), line(1, 10));
    fitted(between(1, 100, 250, createRandom(2)), line(factor, 10 * factor), fit);
    expect(fit.current()!.perItemMs / factor).toBeCloseTo(1, 1);
    expect(fit.current()!.perCallMs / factor).toBeCloseTo(10, 0);
  });

  it("needs only a few calls to follow a large change", () => {
    const fit = fitted(between(1, 100, 200), line(1, 10));
    fitted(between(1, 100, 6, createRandom(2)), line(10, 100), fit);
    const { perItemMs, perCallMs } = fit.current()!;
    expect(perItemMs * 50 + perCallMs).toBeGreaterThan(500);
    expect(perItemMs * 50 + perCallMs).toBeLessThan(700);
  });

  it("keeps what it knows of the fixed cost while all batches have the same size", () => {
    const fit = fitted(between(1, 100, 100), line(1, 10));
    fitted(constant(50, 5000), line(1, 10), fit);
    expect(fit.current()!.perItemMs).toBeCloseTo(1, 3);
    expect(fit.current()!.perCallMs).toBeCloseTo(10, 3);
  });

  it("keeps the ratio and scales it when the cost changes under batches of one size", () => {
    const random = createRandom(5);
    const fit = fitted(between(1, 100, 100), line(1, 10));
    // Noise, so that sizes that are nearly equal could be taken for a steep line.
    const slower = (items: number) => line(3, 30)(items) * (0.98 + 0.04 * random());
    fitted(between(50, 51, 400), slower, fit);
    const { perItemMs, perCallMs } = fit.current()!;
    expect(perItemMs).toBeGreaterThan(2.7);
    expect(perItemMs).toBeLessThan(3.3);
    expect(perCallMs).toBeGreaterThan(25);
    expect(perCallMs).toBeLessThan(35);
  });

  it("concludes nothing for larger batches from batches of one size", () => {
    const fit = fitted(constant(1, 20), line(1, 10));
    expect(fit.estimate(1)).toBeCloseTo(11, 6);
    expect(fit.estimate(100)).toBeCloseTo(11, 6);
    fit.measure(100, 110);
    fit.measure(60, 70);
    expect(fit.current()!.perItemMs).toBeCloseTo(1, 6);
  });

  it("hardly moves for one pause of the process, however long", () => {
    for (const pause of [100, 1000, 100_000]) {
      const fit = fitted(between(1, 100, 60), line(1, 10));
      fit.measure(50, 60 + pause);
      expect(fit.estimate(100)!).toBeLessThan(110 * 1.15);
      fitted(between(1, 100, 100, createRandom(9)), line(1, 10), fit);
      expect(fit.estimate(100)!).toBeCloseTo(110, -1);
    }
  });

  it("forgets the slow first calls of a process", () => {
    for (const first of [
      [900, 60, 11],
      [900, 850, 11],
      [900, 11, 11],
    ]) {
      const fit = createCostFit();
      for (const ms of first) fit.measure(1, ms);
      expect(fit.estimate(1)!).toBeLessThan(13);
    }
  });

  it("never has a negative part, whatever is measured", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.integer({ min: 1, max: 10_000 }),
            fc.double({ min: 0, max: 1e6, noNaN: true }),
          ),
          { minLength: 3, maxLength: 80 },
        ),
        (calls) => {
          const fit = createCostFit();
          for (const [items, ms] of calls) fit.measure(items, ms);
          const { perItemMs, perCallMs } = fit.current()!;
          expect(perItemMs).toBeGreaterThanOrEqual(0);
          expect(perCallMs).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(fit.estimate(100))).toBe(true);
        },
      ),
    );
  });

  it("adds a margin when durations scatter and none when they do not", () => {
    const random = createRandom(8);
    const exact = fitted(between(1, 100, 200), line(1, 10));
    const noisy = fitted(between(1, 100, 200), (n) => line(1, 10)(n) * (0.8 + 0.4 * random()));
    expect(exact.estimate(100)!).toBeCloseTo(110, 6);
    expect(noisy.estimate(100)!).toBeGreaterThan(115);
    expect(noisy.estimate(100)!).toBeLessThan(150);
  });
});
