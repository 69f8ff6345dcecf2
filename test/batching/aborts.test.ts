import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import type { Job } from "../../sdk/batching/batch.js";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import { createFakeClock } from "../fake-clock.js";
import { createSimulatedModel } from "./simulated-model.js";

function setup(limits: { maxBatchSize?: number; maxQueueItems?: number } = {}) {
  const clock = createFakeClock();
  const model = createSimulatedModel<number>(clock, { perItemMs: 1, perCallMs: 10 });
  const ran: number[] = [];
  const batcher = createBatcher<number, number>({
    name: "predict",
    clock,
    run(jobs) {
      ran.push(...jobs.map(({ value }) => value));
      return model.run(jobs);
    },
    ...limits,
  });
  const submit = (value: number, signal?: AbortSignal, items = 1) =>
    batcher.submit({ value, items, ...(signal && { signal }) } satisfies Job<number>);
  return { clock, batcher, submit, ran };
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;
const caught = (answer: Promise<unknown>) => answer.catch((error: unknown) => error);

describe("a job whose client goes", () => {
  it("is not taken when the signal has aborted before", async () => {
    const { submit, batcher, clock, ran } = setup();
    const reason = new Error("gone");
    expect(await caught(submit(1, AbortSignal.abort(reason)))).toBe(reason);
    await clock.runAll();
    expect(ran).toEqual([]);
    expect(batcher.stats().shed.aborted).toBe(1);
  });

  it("leaves the queue at once, frees its place and never runs", async () => {
    const { submit, batcher, clock, ran } = setup({ maxQueueItems: 5 });
    const client = new AbortController();
    const first = submit(0);
    await clock.advance(1);
    const gone = caught(submit(1, client.signal, 5));
    await expect(submit(2)).rejects.toMatchObject({ code: "QUEUE_FULL" });
    client.abort();
    expect(batcher.stats()).toMatchObject({ queuedItems: 0, queuedRequests: 0, running: 1 });
    expect(await gone).toMatchObject({ code: "CLIENT_CLOSED" });
    const later = submit(3, undefined, 5);
    await clock.runAll();
    expect(await Promise.all([first, later])).toEqual([0, 3]);
    expect(ran).toEqual([0, 3]);
    expect(batcher.stats().shed.aborted).toBe(1);
  });

  it("leaves from anywhere in the queue, and the others keep their order", async () => {
    const { submit, clock, ran } = setup();
    const clients = [0, 1, 2, 3, 4, 5].map(() => new AbortController());
    void submit(100);
    await clock.advance(1);
    const settled = Promise.allSettled(clients.map(({ signal }, value) => submit(value, signal)));
    for (const index of [3, 0, 5]) clients[index]!.abort(index);
    await clock.runAll();
    expect(ran).toEqual([100, 1, 2, 4]);
    expect(
      (await settled).map((one) => (one.status === "fulfilled" ? one.value : one.reason)),
    ).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("never runs either when it goes in the turn in which it came", async () => {
    const { submit, clock, ran, batcher } = setup();
    const client = new AbortController();
    const gone = caught(submit(1, client.signal));
    const stays = submit(2);
    client.abort();
    await clock.runAll();
    expect(await gone).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(await stays).toBe(2);
    expect(ran).toEqual([2]);
    expect(batcher.stats().shed.aborted).toBe(1);
  });

  it("is answered at once while its batch runs, and the slot stays taken until the run ends", async () => {
    const { submit, clock, batcher, ran } = setup();
    const client = new AbortController();
    const reason = new Error("time is up");
    const gone = caught(submit(1, client.signal));
    const stays = submit(2);
    await clock.advance(5);
    client.abort(reason);
    const next = submit(3);
    await clock.settle();
    expect(await gone).toBe(reason);
    expect(batcher.stats()).toMatchObject({ running: 1, queuedRequests: 1 });
    await clock.runAll();
    expect(await Promise.all([stays, next])).toEqual([2, 3]);
    expect(ran).toEqual([1, 2, 3]);
    expect(clock.now()).toBe(12 + 11);
    // It was not shed: it ran.
    expect(batcher.stats()).toMatchObject({ requests: 3, shed: { aborted: 0 } });
  });

  it("is noticed when its signal aborts as its batch begins", async () => {
    const clock = createFakeClock();
    const client = new AbortController();
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      async run(jobs) {
        client.abort();
        await new Promise<void>((resolve) => void clock.after(100, resolve));
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const gone = caught(batcher.submit({ value: 1, items: 1, signal: client.signal }));
    await clock.settle();
    expect(await gone).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(batcher.stats().running).toBe(1);
    await clock.runAll();
    expect(batcher.stats().running).toBe(0);
  });
});

describe("a job of one of two batches that began together", () => {
  it("is answered at once when its client goes, also when the other batch has ended", async () => {
    const clock = createFakeClock();
    const client = new AbortController();
    const batcher = createBatcher<number, number>({
      name: "predict",
      maxBatchSize: 1,
      concurrency: 2,
      clock,
      async run(jobs) {
        if (jobs[0]!.value === 1) await new Promise<void>((done) => void clock.after(100, done));
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const quick = batcher.submit({ value: 0, items: 1 });
    const gone = caught(batcher.submit({ value: 1, items: 1, signal: client.signal }));
    await clock.advance(1);
    expect(await quick).toBe(0);
    client.abort();
    expect(await gone).toMatchObject({ code: "CLIENT_CLOSED" });
    expect(clock.now()).toBe(1);
    await clock.runAll();
  });
});

describe("listeners on signals", () => {
  it("are gone when the jobs are, however they ended", async () => {
    const { submit, clock } = setup({ maxBatchSize: 4 });
    const process = new AbortController();
    const answers = [];
    for (let round = 0; round < 30; round++) {
      for (let value = 0; value < 7; value++) answers.push(submit(value, process.signal));
      await clock.advance(3);
    }
    expect(listeners(process.signal)).toBe(1);
    await clock.runAll();
    await Promise.all(answers);
    expect(listeners(process.signal)).toBe(0);
  });

  it("are not needed for a model that answers within the turn", async () => {
    const clock = createFakeClock();
    const client = new AbortController();
    let seen = 0;
    const batcher = createBatcher<number, number>({
      name: "predict",
      clock,
      async run(jobs) {
        seen = listeners(client.signal);
        return jobs.map(({ value }) => ({ ok: true, value }));
      },
    });
    const answer = batcher.submit({ value: 1, items: 1, signal: client.signal });
    expect(listeners(client.signal)).toBe(0);
    await clock.settle();
    expect(await answer).toBe(1);
    expect(seen + listeners(client.signal)).toBe(0);
  });

  it("tell all jobs that share a signal", async () => {
    const { submit, clock, batcher } = setup({ maxBatchSize: 2 });
    const client = new AbortController();
    const all = Promise.all([1, 2, 3, 4, 5].map((value) => caught(submit(value, client.signal))));
    await clock.advance(1);
    client.abort("stop");
    expect(batcher.stats()).toMatchObject({ queuedRequests: 0, running: 1 });
    expect(await all).toEqual(Array(5).fill("stop"));
    await clock.runAll();
    expect(batcher.stats().running).toBe(0);
  });
});
