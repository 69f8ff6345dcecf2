import { describe, expect, it } from "vitest";
import type { BatcherOptions, Job, ShedReason } from "../../sdk/batching/batch.js";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import type { EkibenError } from "../../sdk/core/errors.js";
import { createFakeClock } from "../fake-clock.js";
import { createSimulatedModel } from "./simulated-model.js";

const job = (value: number, items = 1): Job<number> => ({ value, items });

/** A batcher over a model of 10 ms a call and 1 ms an item; jobs of `known` items were measured. */
async function setup(limits: Partial<BatcherOptions<number, number>>, known: number[] = []) {
  const clock = createFakeClock();
  const model = createSimulatedModel<number>(clock, { perItemMs: 1, perCallMs: 10 });
  const shed: ShedReason[] = [];
  const observer = { shed: (reason: ShedReason) => void shed.push(reason) };
  const batcher = createBatcher({ name: "predict", run: model.run, observer, clock, ...limits });
  for (const items of known) {
    const answer = batcher.submit(job(0, items));
    await clock.runAll();
    await answer;
  }
  return { clock, model, batcher, shed };
}

const KNOWN = [1, 40, 20];

/** What becomes of the promise: its value, or the code of its error, and when. */
async function watch(clock: { now(): number }, answer: Promise<number>) {
  try {
    return { value: await answer, at: clock.now() };
  } catch (error) {
    return { code: (error as EkibenError).code, at: clock.now(), error: error as EkibenError };
  }
}

describe("shedding by estimate", () => {
  it("waits for three measured calls, whatever the estimate would be", async () => {
    for (const calls of [0, 1, 2, 3]) {
      const { clock, batcher } = await setup(
        { maxLatencyMs: 50, maxBatchSize: 40 },
        KNOWN.slice(0, calls),
      );
      const start = clock.now();
      void batcher.submit(job(0, 40));
      await clock.advance(10);
      const tight = watch(clock, batcher.submit(job(1, 20)));
      await clock.advance(35);
      const behind = watch(clock, batcher.submit(job(2)));
      await clock.runAll();
      // The slot is free at 50, when one more call was measured; the tight job is due at 60 and its batch would take 31.
      if (calls + 1 < 3) {
        expect(await tight).toEqual({ value: 1, at: start + 81 });
        expect(await behind).toEqual({ value: 2, at: start + 81 });
      } else {
        expect(await tight).toMatchObject({ code: "DEADLINE_UNREACHABLE", at: start + 50 });
        expect(await behind).toEqual({ value: 2, at: start + 61 });
      }
    }
  });

  it("sheds heads that cannot make it and serves those behind them in time", async () => {
    const { clock, batcher, shed } = await setup({ maxLatencyMs: 100, maxBatchSize: 100 }, KNOWN);
    const start = clock.now();
    void batcher.submit(job(0, 80));
    await clock.advance(1);
    const early = [1, 2, 3].map((value) => watch(clock, batcher.submit(job(value, 10))));
    await clock.advance(59);
    const later = [4, 5].map((value) => watch(clock, batcher.submit(job(value, 20))));
    await clock.runAll();
    // The slot is free at 90: nothing that is due at 101 can be done, what is due at 160 can.
    for (const result of await Promise.all(early)) {
      expect(result).toMatchObject({ code: "DEADLINE_UNREACHABLE", at: start + 90 });
    }
    expect(await Promise.all(later)).toEqual([
      { value: 4, at: start + 140 },
      { value: 5, at: start + 140 },
    ]);
    expect(shed).toEqual(["deadline", "deadline", "deadline"]);
  });

  it("says the limit, the wait, the estimate, the queue and when to come again", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxBatchSize: 100 }, KNOWN);
    void batcher.submit(job(0, 80));
    await clock.advance(1);
    const late = watch(clock, batcher.submit(job(1, 10)));
    await clock.advance(60);
    void batcher.submit(job(2, 20));
    await clock.runAll();
    const { error } = await late;
    expect(error?.facts).toEqual({
      detail:
        '"predict" cannot answer within 100 ms: the request has waited 89 ms, its batch would take about 40 ms.',
      expected: 100,
      received: 129,
      retryAfter: 1,
    });
  });

  it("says whose batch is too slow by itself, without a word of a queue that is empty", async () => {
    const known = [1, 100, 60];
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxBatchSize: 120 }, known);
    void batcher.submit(job(0, 10));
    await clock.advance(1);
    const large = watch(clock, batcher.submit(job(1, 95)));
    const small = watch(clock, batcher.submit(job(2, 5)));
    await clock.runAll();
    expect(await small).toMatchObject({ value: 2 });
    expect((await large).error?.facts.detail).toBe(
      '"predict" cannot answer within 100 ms: a batch of its 95 items would take about 105 ms, more than that by itself; the request has waited 19 ms.',
    );
    void batcher.submit(job(0, 10));
    await clock.advance(1);
    const joint = watch(clock, batcher.submit(job(3, 65)));
    void batcher.submit(job(4, 50));
    const last = watch(clock, batcher.submit(job(5, 10)));
    await clock.runAll();
    expect(await last).toMatchObject({ value: 5 });
    expect((await joint).error?.facts.detail).toBe(
      '"predict" cannot answer within 100 ms: the batch that it would be in would take about 125 ms, more than that by itself; the request has waited 19 ms.',
    );
  });

  it("looks at who is due first, whoever came first", async () => {
    const { clock, batcher, shed } = await setup({ maxLatencyMs: 200, maxBatchSize: 100 }, KNOWN);
    const start = clock.now();
    void batcher.submit(job(0, 80));
    await clock.advance(1);
    const patient = watch(clock, batcher.submit(job(1, 10)));
    const hasty = watch(clock, batcher.submit({ ...job(2, 10), deadline: start + 100 }));
    const slow = watch(clock, batcher.submit({ ...job(3, 10), arrived: start - 140 }));
    await clock.runAll();
    // The slot is free at 90. The batch of all three takes 40; the slow one expired at 60.
    expect(await slow).toMatchObject({ code: "DEADLINE_UNREACHABLE", at: start + 60 });
    expect(await hasty).toMatchObject({ code: "DEADLINE_UNREACHABLE", at: start + 90 });
    expect(await patient).toEqual({ value: 1, at: start + 110 });
    expect(shed).toEqual(["deadline", "deadline"]);
    expect((await hasty).error?.facts.detail).toContain(
      "cannot answer within 99 ms, the time that its client gives it: the request has waited 89 ms",
    );
    expect((await slow).error?.facts.detail).toContain(
      "within 200 ms: the request took 141 ms to get here, it has waited 59 ms",
    );
  });

  it("estimates with the batch that a job would really be in, not with the whole queue", async () => {
    const { clock, batcher, shed } = await setup({ maxLatencyMs: 100, maxBatchSize: 20 }, KNOWN);
    // 60 items as one batch would take 70 ms from 30 on, three batches of 20 take 30 each.
    const answers = [0, 1, 2].map((value) => batcher.submit(job(value, 20)));
    await clock.runAll();
    expect(await Promise.all(answers)).toEqual([0, 1, 2]);
    expect(shed).toEqual([]);
  });

  it("counts a job that goes alone with all its items", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxBatchSize: 20 }, KNOWN);
    const first = watch(clock, batcher.submit(job(0, 20)));
    const large = watch(clock, batcher.submit(job(1, 80)));
    const last = watch(clock, batcher.submit(job(2, 5)));
    await clock.runAll();
    expect(await first).toMatchObject({ value: 0 });
    expect(await large).toMatchObject({ code: "DEADLINE_UNREACHABLE" });
    expect(await last).toMatchObject({ value: 2 });
  });

  it("serves a job that just makes it", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxBatchSize: 100 }, KNOWN);
    const start = clock.now();
    void batcher.submit(job(0, 40));
    await clock.settle();
    const just = watch(clock, batcher.submit(job(1, 39)));
    await clock.runAll();
    expect(await just).toEqual({ value: 1, at: start + 99 });
  });

  it("still lets one job run when it takes no call to be in time, so that it can learn", async () => {
    const { clock, batcher, model } = await setup({ maxLatencyMs: 30 }, KNOWN);
    // The model has become so slow that nothing can be in time, as far as the fit knows.
    Object.assign(model.cost, { perItemMs: 0, perCallMs: 500 });
    for (let call = 0; call < 10; call++) {
      void batcher.submit(job(0));
      await clock.runAll();
    }
    expect(batcher.stats().fit!.perCallMs).toBeGreaterThan(100);
    const before = model.calls.length;
    Object.assign(model.cost, { perItemMs: 0, perCallMs: 5 });
    const answers = [];
    for (let call = 0; call < 10; call++) {
      answers.push(batcher.submit(job(call)), batcher.submit(job(100 + call)));
      answers.at(-2)!.catch(() => {});
      await clock.runAll();
    }
    expect(model.calls.length - before).toBe(10);
    expect(await answers.at(-1)).toBe(109);
    expect(await answers.at(-2)).toBe(9);
    expect(batcher.stats().fit!.perCallMs).toBeLessThan(10);
  });
});

describe("deadlines while all slots are taken", () => {
  it("answers a job at its deadline, by one timer, also when nothing was measured", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100 });
    void batcher.submit(job(0, 1000));
    await clock.advance(20);
    const results = [];
    for (let value = 1; value <= 3; value++) {
      results.push(watch(clock, batcher.submit(job(value))));
      await clock.advance(10);
    }
    // The model's timer and one for the deadlines of three jobs.
    expect(clock.timers).toBe(2);
    await clock.runAll();
    expect((await Promise.all(results)).map(({ code, at }) => [code, at])).toEqual([
      ["DEADLINE_UNREACHABLE", 120],
      ["DEADLINE_UNREACHABLE", 130],
      ["DEADLINE_UNREACHABLE", 140],
    ]);
    expect(batcher.stats()).toMatchObject({ queuedItems: 0, batches: 1 });
  });

  it("answers those too that came with the batch that runs", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxBatchSize: 500 });
    void batcher.submit(job(0, 500));
    const late = watch(clock, batcher.submit(job(1)));
    await clock.runAll();
    expect(await late).toMatchObject({ code: "DEADLINE_UNREACHABLE", at: 100 });
  });

  it("hold also when a run keeps the thread, so that no timer can fire", async () => {
    const clock = createFakeClock();
    let blocked = 0;
    const ran: number[] = [];
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxBatchSize: 1,
      maxLatencyMs: 100,
      clock: { ...clock, now: () => clock.now() + blocked },
      async run(jobs) {
        blocked += 200;
        ran.push(jobs[0]!.value);
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const first = watch(clock, batcher.submit(job(0)));
    const second = watch(clock, batcher.submit(job(1)));
    await clock.settle();
    expect(await first).toMatchObject({ value: 0 });
    expect(await second).toMatchObject({ code: "DEADLINE_UNREACHABLE" });
    expect(ran).toEqual([0]);
  });

  it("frees the places of the queue", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100, maxQueueItems: 5 });
    void batcher.submit(job(0, 1000));
    await clock.settle();
    const late = watch(clock, batcher.submit(job(1, 5)));
    await expect(batcher.submit(job(2))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await clock.advance(100);
    expect((await late).code).toBe("DEADLINE_UNREACHABLE");
    expect(batcher.stats().queuedItems).toBe(0);
    void batcher.submit(job(3, 5)).catch(() => {});
    expect(batcher.stats().queuedItems).toBe(5);
    await clock.runAll();
  });

  it("does not give up a batch that runs", async () => {
    const { clock, batcher } = await setup({ maxLatencyMs: 100 });
    const slow = batcher.submit(job(1, 1000));
    await clock.runAll();
    expect(await slow).toBe(1);
  });

  it("can hold a limit that is longer than a timer of Node", async () => {
    const waits: number[] = [];
    const clock = createFakeClock();
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxLatencyMs: 2 ** 40,
      clock: { ...clock, after: (ms, run) => (waits.push(ms), clock.after(ms, run)) },
      run: createSimulatedModel<number>(clock, { perItemMs: 0, perCallMs: 10 }).run,
    });
    void batcher.submit(job(0));
    await clock.settle();
    const answer = batcher.submit(job(1));
    await clock.advance(20);
    expect(await answer).toBe(1);
    expect(waits).toEqual([2 ** 31 - 1]);
  });
});
