import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BatchRecord, Outcome, ShedReason } from "../../sdk/batching/batch.js";
import { createBatcher } from "../../sdk/batching/create-batcher.js";
import { EkibenError } from "../../sdk/core/errors.js";
import { createFakeClock } from "../fake-clock.js";

type Step =
  | {
      kind: "submit";
      items: number;
      nature: "good" | "poison" | "error" | "short";
      signal: boolean;
      bytes: number;
      /** Milliseconds that its request took to get here. */
      wayMs: number;
      /** Milliseconds from now on that its caller waits; it says so only to the batcher. */
      patienceMs: number | undefined;
    }
  | { kind: "abort"; which: number }
  | { kind: "wait"; ms: number }
  | { kind: "turn" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      items: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 4 }) }, fc.nat(30)),
      nature: fc.oneof(
        { weight: 8, arbitrary: fc.constant("good" as const) },
        fc.constantFrom("poison" as const, "error" as const, "short" as const),
      ),
      signal: fc.boolean(),
      bytes: fc.nat(20),
      wayMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(100)),
      patienceMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("abort" as const), which: fc.nat(60) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.integer({ min: 0, max: 40 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "turn" as const }) },
);

const limits = fc.record({
  maxBatchSize: fc.integer({ min: 1, max: 12 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
  maxQueueItems: fc.integer({ min: 1, max: 60 }),
  maxQueueBytes: fc.integer({ min: 1, max: 200 }),
  maxLatencyMs: fc.option(fc.integer({ min: 5, max: 120 }), { nil: undefined }),
  /** How a run takes its time: on the clock, within the turn, or it throws before it waits. */
  pace: fc.constantFrom("clock" as const, "turn" as const, "mixed" as const),
  drainAt: fc.option(fc.nat(60), { nil: undefined }),
});

describe("whatever is submitted, aborted and thrown", () => {
  it("every job is settled once, with its own answer or a reason, and all limits hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 70 }), limits, async (steps, drawn) => {
        const { pace, drainAt, maxLatencyMs, ...sizes } = drawn;
        const clock = createFakeClock();
        const natures: string[] = [];
        const itemsOf: number[] = [];
        const clients: (AbortController | undefined)[] = [];
        const first = new Set<number>();
        const firstRuns: number[] = [];
        const records: BatchRecord[] = [];
        const shed: Record<ShedReason, number> = {
          "queue-full": 0,
          "queue-bytes": 0,
          deadline: 0,
          timeout: 0,
          aborted: 0,
          closed: 0,
        };
        // Not thrown in `run`, where the batcher would take it for an error of the model.
        const broken: string[] = [];
        let running = 0;
        let runs = 0;

        const batcher = createBatcher<number, string>({
          name: "predict",
          clock,
          ...sizes,
          ...(maxLatencyMs !== undefined && { maxLatencyMs }),
          observer: {
            batch: (record) => void records.push(record),
            shed: (reason) => void shed[reason]++,
          },
          async run(jobs) {
            const call = runs++;
            if (++running > sizes.concurrency) broken.push(`${running} batches at once`);
            const items = jobs.reduce((sum, job) => sum + Math.max(1, job.items), 0);
            if (jobs.length > 1 && items > sizes.maxBatchSize) broken.push(`${items} items`);
            for (const { value } of jobs) {
              if (first.has(value)) continue;
              first.add(value);
              firstRuns.push(value);
            }
            try {
              const waits = pace === "clock" || (pace === "mixed" && call % 2 === 0);
              if (waits) {
                await new Promise<void>((resolve) => void clock.after(3 + items, resolve));
              }
              if (jobs.some(({ value }) => natures[value] === "poison")) throw new Error("poison");
              return jobs
                .filter(({ value }) => natures[value] !== "short")
                .map(({ value }): Outcome<string> =>
                  natures[value] === "error"
                    ? { ok: false, error: `error of ${value}` }
                    : { ok: true, value: `answer of ${value}` },
                );
            } finally {
              running--;
            }
          },
        });

        const settled: unknown[][] = [];
        let drained = drainAt === undefined;
        for (const [index, next] of steps.entries()) {
          if (index === drainAt) void batcher.drain().then(() => (drained = true));
          if (next.kind === "submit") {
            const value = natures.push(next.nature) - 1;
            itemsOf.push(next.items);
            clients.push(next.signal ? new AbortController() : undefined);
            settled.push([]);
            const signal = clients[value]?.signal;
            const job = {
              value,
              items: next.items,
              bytes: next.bytes,
              arrived: clock.now() - next.wayMs,
              ...(next.patienceMs !== undefined && { deadline: clock.now() + next.patienceMs }),
              ...(signal && { signal }),
            };
            batcher.submit(job).then(
              (answer) => settled[value]!.push(answer),
              (error: unknown) => settled[value]!.push(error),
            );
          } else if (next.kind === "abort") {
            clients[next.which]?.abort(`abort of ${next.which}`);
          } else if (next.kind === "wait") {
            await clock.advance(next.ms);
          } else {
            await clock.settle();
          }
          const { queuedItems, queuedBytes, queuedRequests } = batcher.stats();
          expect(queuedItems <= sizes.maxQueueItems || queuedRequests === 1).toBe(true);
          // One that is larger than the whole queue stands alone among those that hold anything.
          expect(queuedBytes <= Math.max(sizes.maxQueueBytes, 20)).toBe(true);
        }
        await clock.runAll();
        expect(broken).toEqual([]);
        if (drainAt !== undefined && drainAt < steps.length) expect(drained).toBe(true);

        for (const [value, answers] of settled.entries()) {
          expect(answers.length).toBe(1);
          const [answer] = answers;
          if (answer instanceof EkibenError) {
            expect(
              ["QUEUE_FULL", "DEADLINE_UNREACHABLE", "SERVER_DRAINING"].includes(answer.code) ||
                (answer.code === "INTERNAL" && natures[value] === "short"),
            ).toBe(true);
            if (answer.code !== "INTERNAL") expect(first.has(value)).toBe(false);
          } else if (answer === `abort of ${value}`) {
            expect(clients[value]!.signal.aborted).toBe(true);
          } else if (answer instanceof Error) {
            expect([answer.message, natures[value]]).toEqual(["poison", "poison"]);
          } else {
            const kind = natures[value] === "error" ? "error" : "answer";
            expect(["good", "error"]).toContain(natures[value]);
            expect(answer).toBe(`${kind} of ${value}`);
          }
        }

        expect(firstRuns).toEqual([...firstRuns].sort((a, b) => a - b));
        const stats = batcher.stats();
        const ran = records.filter(({ reason }) => reason !== "isolation");
        const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
        expect(stats).toMatchObject({
          queuedItems: 0,
          queuedRequests: 0,
          running: 0,
          batches: ran.length,
          isolations: records.length - ran.length,
          requests: first.size,
          items: sum([...first].map((value) => Math.max(1, itemsOf[value]!))),
          shed,
        });
        expect(sum(ran.map(({ requests }) => requests))).toBe(stats.requests);
        expect(sum(ran.map(({ items }) => items))).toBe(stats.items);
        expect(first.size + sum(Object.values(shed))).toBe(settled.length);
        expect(clock.timers + clock.soons).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("an answer is the same alone and in any batch", async () => {
    const square = (value: number) => value * value + 1;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer(), fc.nat(3), fc.nat(20)), { maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        async (jobs, maxBatchSize) => {
          const clock = createFakeClock();
          const batcher = createBatcher<number, number>({
            name: "predict",
            maxBatchSize,
            clock,
            async run(batch) {
              await new Promise<void>((resolve) => void clock.after(10, resolve));
              return batch.map(({ value }) => ({ ok: true, value: square(value) }));
            },
          });
          const answers: Promise<number>[] = [];
          for (const [value, items, wait] of jobs) {
            answers.push(batcher.submit({ value, items }));
            await clock.advance(wait);
          }
          await clock.runAll();
          expect(await Promise.all(answers)).toEqual(jobs.map(([value]) => square(value)));
        },
      ),
      { numRuns: 100 },
    );
  });
});
