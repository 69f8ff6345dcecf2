import { describe, expect, it } from "vitest";
import type { BatchRecord, Outcome } from "../../sdk/batching/batch.js";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import type { EkibenError } from "../../sdk/core/errors.js";
import { createFakeClock } from "../fake-clock.js";

/** A batcher over a model of 10 ms a call that throws when it sees one of the poisons. */
function setup(poisons: readonly number[], maxBatchSize = 1000) {
  const clock = createFakeClock();
  const records: BatchRecord[] = [];
  const runs: number[][] = [];
  const batcher = createBatcher<number, number>({
    name: "predict",
    clock,
    maxBatchSize,
    observer: { batch: (record) => void records.push(record) },
    async run(jobs) {
      const values = jobs.map(({ value }) => value);
      runs.push(values);
      await new Promise<void>((resolve) => void clock.after(10, resolve));
      const bad = values.find((value) => poisons.includes(value));
      if (bad !== undefined) throw new Error(`poison ${bad}`);
      return values.map((value) => ({ ok: true, value: value * 2 }));
    },
  });
  const submitAll = (count: number, signals: Record<number, AbortSignal> = {}) =>
    Promise.allSettled(
      Array.from({ length: count }, (_, value) =>
        batcher.submit({ value, items: 1, ...(signals[value] && { signal: signals[value] }) }),
      ),
    );
  return { clock, batcher, records, runs, submitAll };
}

const describeResult = (result: PromiseSettledResult<number>) =>
  result.status === "fulfilled" ? result.value : String((result.reason as Error).message);

describe("a batch that throws", () => {
  it.each([0, 1, 20, 21, 39, 40])(
    "fails only the one poison of 41, at place %i",
    async (poison) => {
      const { clock, submitAll, runs, records, batcher } = setup([poison]);
      const settled = submitAll(41);
      await clock.runAll();
      const expected = Array.from({ length: 41 }, (_, value) =>
        value === poison ? `poison ${poison}` : value * 2,
      );
      expect((await settled).map(describeResult)).toEqual(expected);
      // The batch, then at most two attempts in each of ⌈log2 41⌉ rounds.
      expect(runs.length).toBeLessThanOrEqual(1 + 2 * 6);
      expect(batcher.stats()).toMatchObject({
        batches: 1,
        requests: 41,
        isolations: runs.length - 1,
        running: 0,
      });
      expect(records[0]).toMatchObject({ requests: 41, reason: "idle", failed: true });
      expect(records.slice(1).every(({ reason }) => reason === "isolation")).toBe(true);
    },
  );

  it("fails each of several poisons with its own error", async () => {
    const poisons = [3, 4, 17, 40];
    const { clock, submitAll } = setup(poisons);
    const settled = submitAll(41);
    await clock.runAll();
    expect((await settled).map(describeResult)).toEqual(
      Array.from({ length: 41 }, (_, value) =>
        poisons.includes(value) ? `poison ${value}` : value * 2,
      ),
    );
  });

  it("gives everyone an error of their own when nothing can run", async () => {
    const { clock, submitAll, runs, batcher } = setup(Array.from({ length: 16 }, (_, i) => i));
    const settled = submitAll(16);
    await clock.runAll();
    expect((await settled).map(describeResult)).toEqual(
      Array.from({ length: 16 }, (_, value) => `poison ${value}`),
    );
    expect(runs.length).toBe(31);
    expect(batcher.stats()).toMatchObject({ running: 0, isolations: 30 });
  });

  it("is not tried again when it had one job", async () => {
    const { clock, submitAll, runs } = setup([0]);
    const settled = submitAll(1);
    await clock.runAll();
    expect((await settled).map(describeResult)).toEqual(["poison 0"]);
    expect(runs.length).toBe(1);
  });

  it("answers those that ran well without waiting for the rest", async () => {
    const { clock, batcher } = setup([3]);
    const at: (number | undefined)[] = [];
    for (const value of [0, 1, 2, 3]) {
      const note = () => void (at[value] = clock.now());
      batcher.submit({ value, items: 1 }).then(note, note);
    }
    await clock.runAll();
    // The batch until 10, the good half until 20, the bad half until 30, then one after the other.
    expect(at).toEqual([20, 20, 40, 50]);
  });

  it("leaves out whoever has gone meanwhile", async () => {
    const clients = { 2: new AbortController(), 6: new AbortController() };
    const { clock, submitAll, runs } = setup([0]);
    const settled = submitAll(8, { 2: clients[2].signal, 6: clients[6].signal });
    await clock.advance(5);
    clients[2].abort(new Error("gone 2"));
    await clock.advance(6);
    clients[6].abort(new Error("gone 6"));
    await clock.runAll();
    expect((await settled).map(describeResult)).toEqual([
      "poison 0",
      2,
      "gone 2",
      6,
      8,
      10,
      "gone 6",
      14,
    ]);
    expect(runs[0]).toContain(2);
    expect(runs.slice(1).flat()).not.toContain(2);
    expect(runs.slice(1).flat()).not.toContain(6);
  });

  it("lets others have their time before each attempt", async () => {
    const clock = createFakeClock();
    const order: string[] = [];
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      async run(jobs) {
        order.push(`run ${jobs.length}`);
        clock.soon(() => void order.push("others"));
        if (jobs.length > 1) throw new Error("only one at a time");
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    for (const value of [0, 1, 2]) void batcher.submit({ value, items: 1 });
    await clock.settle();
    const expected = ["run 3", "run 1", "run 2", "run 1", "run 1"].flatMap((run) => [
      run,
      "others",
    ]);
    expect(order).toEqual(expected);
  });

  it("keeps its slot until all is settled, then the next batch leaves", async () => {
    const { clock, submitAll, runs, batcher } = setup([1]);
    const first = submitAll(2);
    await clock.advance(5);
    const next = batcher.submit({ value: 50, items: 1 });
    await clock.runAll();
    await first;
    expect(await next).toBe(100);
    expect(runs).toEqual([[0, 1], [0], [1], [50]]);
  });

  it("teaches the fit nothing, and its retries neither", async () => {
    const { clock, submitAll, batcher } = setup([1]);
    for (let batch = 0; batch < 5; batch++) {
      void submitAll(2);
      await clock.runAll();
    }
    expect(batcher.stats()).toMatchObject({ batches: 5, isolations: 10, fit: undefined });
  });
});

describe("a batch that answers the wrong number of outcomes", () => {
  it("is tried again in halves, and only those that are short alone fail, with both numbers", async () => {
    const clock = createFakeClock();
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      // The model drops negative values from its answer.
      run: async (jobs) =>
        jobs
          .filter(({ value }) => value >= 0)
          .map(({ value }): Outcome<number> => ({ ok: true, value })),
    });
    const values = [5, 4, -1, 3, 2, 1, -2, 0];
    const settled = Promise.allSettled(values.map((value) => batcher.submit({ value, items: 1 })));
    await clock.runAll();
    for (const [index, result] of (await settled).entries()) {
      const value = values[index]!;
      if (value >= 0) {
        expect(result).toEqual({ status: "fulfilled", value });
      } else {
        const { reason } = result as PromiseRejectedResult;
        expect((reason as EkibenError).code).toBe("INTERNAL");
        expect((reason as EkibenError).facts).toMatchObject({ expected: 1, received: 0 });
      }
    }
  });
});
