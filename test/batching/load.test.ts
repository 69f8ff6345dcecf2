import { describe, expect, it } from "vitest";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import { createFakeClock } from "../fake-clock.js";
import { createRandom, createSimulatedModel, poisson, startLoad } from "./simulated-model.js";

const L = 200;
const M = 100;
const COST = { perItemMs: 1, perCallMs: 10 };
/** Items a second in full batches: 100 in 110 ms. */
const CAPACITY = (M / (COST.perItemMs * M + COST.perCallMs)) * 1000;

interface Load {
  seconds?: number;
  arrivals(random: () => number, end: number): (now: number) => number | undefined;
  seed?: number;
  /** Half the width of the noise of durations, as a share of them. */
  noise?: number;
  pauseMs?: number;
  concurrency?: number;
}

/** Sends a load to a batcher over the simulated model and counts what became of it. */
async function simulate({
  seconds = 12,
  arrivals,
  seed = 1,
  noise = 0,
  pauseMs,
  concurrency,
}: Load) {
  const clock = createFakeClock();
  const noises = createRandom(seed + 1000);
  let calls = 0;
  const factor = () => {
    // One pause of the process in every hundred calls.
    const pause = pauseMs !== undefined && ++calls % 100 === 50 ? pauseMs / 20 : 0;
    return 1 + noise * (2 * noises() - 1) + pause;
  };
  const model = createSimulatedModel<number>(clock, { ...COST, factor });
  const batcher = createBatcher<number, number>({
    name: "predict",
    run: model.run,
    maxBatchSize: M,
    maxLatencyMs: L,
    maxQueueItems: 100_000,
    concurrency: concurrency ?? 1,
    clock,
  });
  const seen = { offered: 0, inTime: 0, late: 0, shed: 0 };
  const answered: number[] = [];
  startLoad(clock, arrivals(createRandom(seed), seconds * 1000), () => {
    const value = seen.offered++;
    const due = clock.now() + L + 1e-6;
    batcher.submit({ value, items: 1 }).then(
      (answer) => {
        expect(answer).toBe(value);
        answered.push(value);
        if (clock.now() <= due) seen.inTime++;
        else seen.late++;
      },
      () => seen.shed++,
    );
  });
  await clock.runAll(1_000_000);
  const stats = batcher.stats();
  expect(seen.inTime + seen.late + seen.shed).toBe(seen.offered);
  expect(stats.requests).toBe(seen.inTime + seen.late);
  expect(stats.shed.deadline).toBe(seen.shed);
  expect(stats).toMatchObject({ queuedItems: 0, queuedRequests: 0, running: 0 });
  return { ...seen, answered, perSecond: seen.inTime / seconds, stats, calls: model.calls };
}

const steady = (perSecond: number) => ({
  arrivals: (random: () => number, end: number) => poisson(random, perSecond, end),
});

describe("a cold burst of 40", () => {
  it.each([100, 200, 1000, 10_000])("sheds nobody at a limit of %i ms", async (maxLatencyMs) => {
    const clock = createFakeClock();
    const model = createSimulatedModel<number>(clock, COST);
    const batcher = createBatcher({ name: "predict", run: model.run, maxLatencyMs, clock });
    const answers = Promise.all(
      Array.from({ length: 40 }, (_, value) => batcher.submit({ value, items: 1 })),
    );
    await clock.runAll();
    expect(await answers).toEqual(Array.from({ length: 40 }, (_, value) => value));
    expect(clock.now()).toBe(50);
  });
});

describe("below capacity", () => {
  it.each([50, 200, 500, 800])("sheds nobody at %i requests a second", async (perSecond) => {
    const result = await simulate(steady(perSecond));
    expect(result).toMatchObject({ shed: 0, late: 0 });
    expect(result.answered).toEqual([...result.answered].sort((a, b) => a - b));
    expect(result.stats.fit!.perItemMs).toBeCloseTo(1, 6);
    expect(result.stats.fit!.perCallMs).toBeCloseTo(10, 4);
  });

  it("sheds nobody when requests come in bursts", async () => {
    let left = 0;
    const result = await simulate({
      // 60 at once, about six times a second.
      arrivals: (random, end) => (now) => {
        if (now >= end) return undefined;
        if (left-- > 0) return 0;
        left = 59;
        return 100 + 120 * random();
      },
    });
    expect(result.offered).toBeGreaterThan(4000);
    expect(result).toMatchObject({ shed: 0, late: 0 });
  });

  it("sheds nobody when the load steps up and down", async () => {
    const result = await simulate({
      arrivals: (random, end) =>
        poisson(random, (now) => (Math.floor(now / 2000) % 2 === 0 ? 20 : 700), end),
    });
    expect(result).toMatchObject({ shed: 0, late: 0 });
  });

  it("sheds nobody at half of capacity when durations are noisy and the process pauses", async () => {
    for (const seed of [1, 2, 3]) {
      const result = await simulate({ ...steady(450), seed, noise: 0.2, pauseMs: 60 });
      expect(result).toMatchObject({ shed: 0, late: 0 });
    }
  });

  it("sheds nobody with two slots at 1.6 times the capacity of one", async () => {
    const result = await simulate({ ...steady(1.6 * CAPACITY), concurrency: 2, seconds: 6 });
    expect(result).toMatchObject({ shed: 0, late: 0 });
  });
});

describe("beyond capacity", () => {
  it.each([
    [1.3, 0.95],
    [2.2, 0.9],
  ])("at %f times, the share of capacity answered in time is at least %f", async (times, share) => {
    for (const seed of [1, 2]) {
      const exact = await simulate({ ...steady(times * CAPACITY), seed, seconds: 6 });
      expect(exact.perSecond / CAPACITY).toBeGreaterThanOrEqual(0.98);
      expect(exact.late).toBe(0);
      const noisy = await simulate({ ...steady(times * CAPACITY), seed, seconds: 6, noise: 0.15 });
      expect(noisy.perSecond / CAPACITY).toBeGreaterThanOrEqual(share);
    }
  });

  it("recovers at once when a rush of ten times the capacity is over", async () => {
    const result = await simulate({
      seconds: 6,
      arrivals: (random, end) =>
        poisson(random, (now) => (now >= 2000 && now < 3000 ? 9000 : 400), end),
    });
    // All that came one limit after the rush, or before it, was answered.
    const before = 2 * 400;
    expect(result.inTime).toBeGreaterThan(before + 0.9 * CAPACITY + 3 * 400 - 300);
    expect(result.late).toBe(0);
    expect(result.calls.at(-1)).toBeLessThan(30);
  });

  it("keeps batches within the limit and full", async () => {
    const { calls } = await simulate({ ...steady(2 * CAPACITY), seconds: 4 });
    expect(Math.max(...calls)).toBe(M);
    // Without the first and last calls, when the load comes and goes.
    expect(Math.min(...calls.slice(3, -3))).toBe(M);
  });
});
