import { describe, expect, it } from "vitest";
import type { BatchObserver, BatchRecord, Job, Outcome } from "../../sdk/batching/batch.js";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import { EkibenError } from "../../sdk/core/errors.js";
import { createFakeClock } from "../fake-clock.js";
import { createSimulatedModel } from "./simulated-model.js";

const job = (value: number, items = 1): Job<number> => ({ value, items });

/** A batcher over a model of 10 ms a call and 1 ms an item, with everything that it tells. */
function setup(limits: Partial<Parameters<typeof createBatcher<number, number>>[0]> = {}) {
  const clock = createFakeClock();
  const model = createSimulatedModel<number>(clock, { perItemMs: 1, perCallMs: 10 });
  const records: BatchRecord[] = [];
  const observer: BatchObserver = { batch: (record) => void records.push(record) };
  const batcher = createBatcher<number, number>({
    name: "predict",
    run: model.run,
    observer,
    clock,
    ...limits,
  });
  return { clock, model, records, batcher };
}

const codeOf = (error: unknown) => (error instanceof EkibenError ? error.code : String(error));

describe("joining jobs into batches", () => {
  it("runs a lone job at once and gives it its answer", async () => {
    const { clock, batcher, records } = setup();
    const answer = batcher.submit(job(7));
    await clock.settle();
    expect(batcher.stats().running).toBe(1);
    await clock.advance(11);
    expect(await answer).toBe(7);
    expect(records).toEqual([
      { requests: 1, items: 1, reason: "idle", began: 0, waitMs: 0, runMs: 11, failed: false },
    ]);
  });

  it("joins what comes in the same turn of the loop, in order of arrival", async () => {
    const { clock, batcher, model } = setup();
    const answers = Promise.all([3, 1, 2].map((value) => batcher.submit(job(value))));
    await clock.runAll();
    expect(await answers).toEqual([3, 1, 2]);
    expect(model.calls).toEqual([3]);
  });

  it("collects while a batch runs and sends the next one at the moment it ends", async () => {
    const { clock, batcher, records } = setup();
    void batcher.submit(job(0));
    await clock.advance(4);
    for (let value = 1; value <= 5; value++) void batcher.submit(job(value));
    await clock.advance(6);
    expect(batcher.stats()).toMatchObject({ queuedRequests: 5, queuedItems: 5, running: 1 });
    await clock.advance(1);
    expect(batcher.stats()).toMatchObject({ queuedRequests: 0, queuedItems: 0, running: 1 });
    await clock.runAll();
    expect(clock.now()).toBe(11 + 15);
    expect(records[1]).toEqual({
      requests: 5,
      items: 5,
      reason: "freed",
      began: 11,
      waitMs: 7,
      runMs: 15,
      failed: false,
    });
  });

  it("says why each batch left", async () => {
    const { clock, batcher, records } = setup({ maxBatchSize: 2 });
    for (let value = 0; value < 5; value++) void batcher.submit(job(value));
    await clock.runAll();
    void batcher.submit(job(5));
    await clock.runAll();
    void batcher.submit(job(6));
    void batcher.submit(job(7));
    await clock.runAll();
    expect(records.map(({ reason }) => reason)).toEqual(["full", "full", "freed", "idle", "full"]);
  });

  it("says of a lone job that there was a free slot, also after a run that never waits", async () => {
    const { clock, batcher, records } = setup({
      maxBatchSize: 2,
      run: async (jobs) => jobs.map(({ value }) => ({ ok: true, value })),
    });
    for (const jobs of [1, 3, 1]) {
      for (let value = 0; value < jobs; value++) void batcher.submit(job(value));
      await clock.settle();
    }
    expect(records.map(({ reason }) => reason)).toEqual(["idle", "full", "freed", "idle"]);
  });

  it("counts items, not requests, and lets a job that is too large go alone", async () => {
    const { clock, batcher, model } = setup({ maxBatchSize: 10 });
    const sizes = [4, 6, 1, 25, 9, 1, 1];
    const answers = Promise.all(sizes.map((items, value) => batcher.submit(job(value, items))));
    await clock.runAll();
    expect(await answers).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(model.calls).toEqual([10, 1, 25, 10, 1]);
    expect(batcher.stats()).toMatchObject({ batches: 5, requests: 7, items: 47 });
  });

  it("runs as many batches at once as it has slots", async () => {
    let most = 0;
    let running = 0;
    const clock = createFakeClock();
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxBatchSize: 2,
      concurrency: 2,
      clock,
      async run(jobs) {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        running--;
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const answers = Promise.all([0, 1, 2, 3, 4, 5, 6].map((value) => batcher.submit(job(value))));
    await clock.settle();
    expect(batcher.stats()).toMatchObject({ running: 2, queuedRequests: 3 });
    await clock.runAll();
    expect(await answers).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(most).toBe(2);
    expect(clock.now()).toBe(20);
  });

  it("uses a second slot for a job that comes while the first is taken", async () => {
    const { clock, batcher } = setup({ concurrency: 2 });
    void batcher.submit(job(0));
    await clock.advance(5);
    void batcher.submit(job(1));
    await clock.settle();
    expect(batcher.stats()).toMatchObject({ running: 2, queuedRequests: 0 });
    await clock.runAll();
    expect(clock.now()).toBe(16);
  });

  it("lets the loop turn between batches of a run that never waits", async () => {
    const clock = createFakeClock();
    const order: string[] = [];
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxBatchSize: 1,
      clock,
      async run(jobs) {
        order.push(`run ${jobs[0]!.value}`);
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    for (const value of [0, 1, 2]) {
      void batcher.submit(job(value)).then(() => {
        order.push(`answer ${value}`);
        clock.soon(() => void order.push("others"));
      });
    }
    await clock.runAll();
    expect(order.join(", ")).toBe(
      "run 0, answer 0, run 1, answer 1, others, run 2, answer 2, others, others",
    );
  });

  it("does nothing while nothing happens: no timers, no turns", async () => {
    const { clock, batcher } = setup();
    void batcher.submit(job(0));
    await clock.advance(1);
    for (let value = 1; value < 50; value++) void batcher.submit(job(value));
    await clock.settle();
    // The one timer is the model's own.
    expect(clock.timers).toBe(1);
    expect(clock.soons).toBe(0);
    await clock.runAll();
    expect(clock.timers + clock.soons).toBe(0);
  });

  it("gives each job its own outcome, errors included", async () => {
    const clock = createFakeClock();
    const own = new Error("only mine");
    const batcher = createBatcher<number, string>({
      name: "predict",
      clock,
      run: async (jobs) =>
        jobs.map(({ value }): Outcome<string> =>
          value === 1 ? { ok: false, error: own } : { ok: true, value: `#${value}` },
        ),
    });
    const settled = Promise.allSettled([0, 1, 2].map((value) => batcher.submit(job(value))));
    await clock.runAll();
    expect(await settled).toEqual([
      { status: "fulfilled", value: "#0" },
      { status: "rejected", reason: own },
      { status: "fulfilled", value: "#2" },
    ]);
    expect(batcher.stats()).toMatchObject({ batches: 1, isolations: 0 });
  });
});

describe("the queue", () => {
  it("is bounded in items and says when to come again", async () => {
    const { clock, batcher } = setup({ maxQueueItems: 10, maxBatchSize: 5 });
    void batcher.submit(job(0));
    await clock.settle();
    for (let value = 1; value <= 3; value++) void batcher.submit(job(value, 3));
    const refused = await batcher.submit(job(4, 2)).catch((error: unknown) => error);
    expect(codeOf(refused)).toBe("QUEUE_FULL");
    expect((refused as EkibenError).facts).toMatchObject({
      detail:
        'The queue of "predict" has no room for 2 items: 3 requests with 9 items wait, the limit is 10 items.',
      expected: 10,
      received: 11,
      retryAfter: 1,
    });
    const last = batcher.submit(job(5, 1));
    await clock.runAll();
    expect(await last).toBe(5);
    expect(batcher.stats().shed).toMatchObject({
      "queue-full": 1,
      deadline: 0,
      aborted: 0,
      closed: 0,
    });
  });

  it("is bounded in bytes, but a job that is larger than all of it is taken when no other holds any", async () => {
    const { clock, batcher } = setup({ maxQueueBytes: 100, maxBatchSize: 5 });
    void batcher.submit(job(0));
    await clock.settle();
    const large = batcher.submit({ ...job(1), bytes: 500 });
    const refused = await batcher.submit({ ...job(2), bytes: 1 }).catch((error: unknown) => error);
    expect((refused as EkibenError).facts).toMatchObject({
      detail:
        'The queue of "predict" has no room for 1 byte: 1 request with 1 item waits, which hold 500 bytes, the limit is 100 bytes.',
      expected: 100,
      received: 501,
      retryAfter: 1,
    });
    const small = batcher.submit(job(3));
    expect(batcher.stats()).toMatchObject({ queuedBytes: 500, queuedRequests: 2 });
    await clock.runAll();
    expect(await Promise.all([large, small])).toEqual([1, 3]);
    expect(batcher.stats()).toMatchObject({ queuedBytes: 0, shed: { "queue-bytes": 1 } });
  });

  it("derives when to come again from the queue and the cost of a batch", async () => {
    const { clock, batcher, model } = setup({ maxQueueItems: 95, maxBatchSize: 10 });
    Object.assign(model.cost, { perItemMs: 100, perCallMs: 0 });
    for (const items of [1, 10, 5]) {
      void batcher.submit(job(0, items));
      await clock.runAll();
    }
    void batcher.submit(job(0, 10));
    await clock.settle();
    for (let value = 0; value < 19; value++) void batcher.submit(job(value, 5));
    const refused: EkibenError = await batcher.submit(job(0)).catch((error) => error);
    // One batch that runs and nine and a half that wait, a second each.
    expect(refused.facts.retryAfter).toBe(11);
    await clock.runAll();
  });

  it("takes a job that is larger than itself when nothing waits", async () => {
    const { clock, batcher } = setup({ maxQueueItems: 10 });
    const large = batcher.submit(job(1, 50));
    await expect(batcher.submit(job(2))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await clock.runAll();
    expect(await large).toBe(1);
  });

  it("bounds jobs without items too", async () => {
    const { clock, batcher } = setup({ maxQueueItems: 3 });
    const settled = Promise.allSettled([0, 1, 2, 3].map((value) => batcher.submit(job(value, 0))));
    await clock.runAll();
    expect((await settled).map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "fulfilled",
      "rejected",
    ]);
  });

  it.each([Number.NaN, -1, 0.5, [3, 4] as unknown as number])(
    "refuses a job of %s items and goes on",
    async (items) => {
      const { clock, batcher } = setup();
      await expect(batcher.submit(job(1, items))).rejects.toMatchObject({ code: "INTERNAL" });
      const good = batcher.submit(job(2));
      await clock.runAll();
      expect(await good).toBe(2);
    },
  );
});

describe("a run that does not do what it should", () => {
  it.each<[string, unknown, string]>([
    ["too few outcomes", [], "with 1 job came back with 0 outcomes"],
    [
      "too many outcomes",
      [
        { ok: true, value: 1 },
        { ok: true, value: 2 },
      ],
      "with 2 outcomes",
    ],
    ["nothing", undefined, "no list but undefined"],
    ["a promise of an object", { length: 1 }, "no list but object"],
  ])("gets a named error for %s, and the slot is free again", async (_, wrong, text) => {
    const clock = createFakeClock();
    let answer = wrong;
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      run: async () => answer as Outcome<number>[],
    });
    const failed = batcher.submit(job(1)).catch((error: unknown) => error);
    await clock.runAll();
    const error = (await failed) as EkibenError;
    expect(codeOf(error)).toBe("INTERNAL");
    expect(error.facts.expected).toBe(1);
    expect(error.facts.detail).toContain(text);
    expect(batcher.stats()).toMatchObject({ running: 0, queuedRequests: 0 });
    answer = [{ ok: true, value: 5 }];
    const good = batcher.submit(job(1));
    await clock.runAll();
    expect(await good).toBe(5);
  });

  it("fails only the job whose outcome is missing from a list of the right length", async () => {
    const clock = createFakeClock();
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      run: async () => [undefined as never, { ok: true, value: 2 }, {} as never],
    });
    const settled = Promise.allSettled([1, 2, 3].map((value) => batcher.submit(job(value))));
    await clock.runAll();
    const [first, second, third] = await settled;
    expect(first).toMatchObject({ reason: { code: "INTERNAL" } });
    expect(second).toEqual({ status: "fulfilled", value: 2 });
    expect(third).toMatchObject({ reason: { code: "INTERNAL" } });
  });

  it("may throw before it gives a promise", async () => {
    const clock = createFakeClock();
    const broken = new Error("at once");
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      run() {
        throw broken;
      },
    });
    const failed = batcher.submit(job(1)).catch((error: unknown) => error);
    await clock.runAll();
    expect(await failed).toBe(broken);
    expect(batcher.stats().running).toBe(0);
  });

  it("may answer a list that is no promise", async () => {
    const clock = createFakeClock();
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      run: (jobs) => jobs.map(({ value }) => ({ ok: true, value })) as never,
    });
    const answer = batcher.submit(job(3));
    await clock.runAll();
    expect(await answer).toBe(3);
  });
});

describe("an observer that throws", () => {
  it("costs no job its answer and no batch its slot", async () => {
    const { clock, batcher } = setup({
      maxQueueItems: 1,
      observer: {
        batch() {
          throw new Error("metrics are broken");
        },
        shed() {
          throw new Error("metrics are broken");
        },
      },
    });
    const answer = batcher.submit(job(1));
    await expect(batcher.submit(job(2))).rejects.toMatchObject({ code: "QUEUE_FULL" });
    await clock.runAll();
    expect(await answer).toBe(1);
    expect(batcher.stats()).toMatchObject({ running: 0, batches: 1 });
    expect(batcher.stats().shed["queue-full"]).toBe(1);
  });
});

describe("draining", () => {
  it("answers what was taken, then ends, and takes nothing more", async () => {
    const { clock, batcher } = setup({ maxBatchSize: 2 });
    const answers = Promise.all([0, 1, 2, 3, 4].map((value) => batcher.submit(job(value))));
    await clock.settle();
    let ends = 0;
    void batcher.drain().then(() => ends++);
    void batcher.drain().then(() => ends++);
    await expect(batcher.submit(job(9))).rejects.toMatchObject({ code: "SERVER_DRAINING" });
    await clock.advance(34);
    expect(ends).toBe(0);
    await clock.advance(1);
    expect(ends).toBe(2);
    expect(await answers).toEqual([0, 1, 2, 3, 4]);
    expect(batcher.stats().shed.closed).toBe(1);
  });

  it("ends at once when there is nothing to do", async () => {
    const { batcher } = setup();
    await batcher.drain();
    await batcher.drain();
  });

  it("waits for a job that was taken in this very turn", async () => {
    const { clock, batcher } = setup();
    const answer = batcher.submit(job(1));
    let ended = false;
    void batcher.drain().then(() => (ended = true));
    await clock.advance(10);
    expect(ended).toBe(false);
    await clock.advance(1);
    expect(ended).toBe(true);
    expect(await answer).toBe(1);
  });

  it("leaves no timer behind", async () => {
    const { clock, batcher } = setup({ maxLatencyMs: 60_000 });
    void batcher.submit(job(0));
    await clock.advance(1);
    void batcher.submit(job(1));
    const drained = batcher.drain();
    await clock.advance(100);
    await drained;
    expect(clock.timers).toBe(0);
  });

  it("ends too when the last that waits is aborted", async () => {
    const { clock, batcher } = setup({ maxLatencyMs: 60_000 });
    const client = new AbortController();
    const gone = batcher.submit({ ...job(1), signal: client.signal }).catch(codeOf);
    const drained = batcher.drain();
    client.abort();
    await clock.settle();
    await drained;
    expect(await gone).toBe("CLIENT_CLOSED");
  });
});

describe("limits with which nothing would ever run", () => {
  it.each([
    { maxBatchSize: 0 },
    { maxBatchSize: 1.5 },
    { maxBatchSize: Number.NaN },
    { concurrency: 0 },
    { maxQueueItems: -1 },
    { maxLatencyMs: 0 },
    { maxLatencyMs: Number.NaN },
  ])("are refused: %o", (limits) => {
    expect(() => setup(limits)).toThrowError(
      expect.objectContaining({ code: "SERVICE_INVALID" }) as Error,
    );
  });
});
