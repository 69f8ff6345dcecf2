import { describe, expect, it } from "vitest";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import { systemClock } from "../../sdk/core/clock.js";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("on the clock of the process", () => {
  it("runs a lone job in the next turn of the loop, without any timer", async () => {
    let timers = 0;
    const clock = {
      ...systemClock,
      after: (ms: number, run: () => void) => (timers++, systemClock.after(ms, run)),
    };
    const ran: number[] = [];
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxLatencyMs: 10_000,
      clock,
      async run(jobs) {
        ran.push(jobs.length);
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    for (let value = 0; value < 20; value++) {
      const answer = batcher.submit({ value, items: 1 });
      expect(ran.length).toBe(value);
      await turn();
      expect(ran.length).toBe(value + 1);
      expect(await answer).toBe(value);
    }
    expect(timers).toBe(0);
  });

  it("joins jobs that come in one turn, and those that come while a batch runs", async () => {
    const ran: number[] = [];
    let release = () => {};
    const batcher = createBatcher<number, number>({
      name: "predict",
      async run(jobs) {
        ran.push(jobs.length);
        await new Promise<void>((resolve) => (release = resolve));
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const first = [1, 2, 3].map((value) => batcher.submit({ value, items: 1 }));
    await turn();
    await turn();
    const second = [4, 5].map((value) => batcher.submit({ value, items: 1 }));
    await turn();
    expect(ran).toEqual([3]);
    release();
    expect(await Promise.all(first)).toEqual([1, 2, 3]);
    expect(ran).toEqual([3, 2]);
    release();
    expect(await Promise.all(second)).toEqual([4, 5]);
    await batcher.drain();
  });

  it("sheds at the real deadline while a batch hangs", async () => {
    let release = () => {};
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxLatencyMs: 250,
      async run(jobs) {
        await new Promise<void>((resolve) => (release = resolve));
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const hangs = batcher.submit({ value: 1, items: 1 });
    await turn();
    const keepAlive = setInterval(() => {}, 1000);
    const started = performance.now();
    await expect(batcher.submit({ value: 2, items: 1 })).rejects.toMatchObject({
      code: "DEADLINE_UNREACHABLE",
    });
    clearInterval(keepAlive);
    expect(performance.now() - started).toBeGreaterThanOrEqual(249);
    release();
    expect(await hangs).toBe(1);
  });
});
