import fc from "fast-check";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import { Cancellation } from "../../sdk/core/cancellation.js";
import { EkibenError } from "../../sdk/core/errors.js";
import { json } from "../../sdk/inputs/json.js";
import type { Log, LogFields } from "../../sdk/observability/log.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { LateEnd, ServiceLimits } from "../../sdk/service/gate.js";
import type { Service } from "../../sdk/service/infer.js";
import type { Runtime } from "../../sdk/service/runtime.js";
import { createWriter } from "../../sdk/service/writer.js";
import { createFakeClock, type FakeClock } from "../fake-clock.js";
import { invoke } from "./invoke.js";

const defineService = createDefineService({} as ServiceFaces);
const Work = z.object({ ms: z.number() });

/** A service whose handlers take as long as their input says, on a clock of the test's. */
async function setup(
  options: { maxConcurrency?: number; timeoutMs?: number; batch?: object; limits?: ServiceLimits },
  log: Log = silentLog,
) {
  const clock = createFakeClock();
  const { limits = {}, batch, ...api } = options;
  const state = { running: 0, most: 0 };
  const work = async (ms: number): Promise<number> => {
    state.most = Math.max(state.most, ++state.running);
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
    state.running--;
    return ms;
  };
  const base = defineService({ name: "s" });
  const service = (
    batch === undefined
      ? base.api("work", { input: json(Work), ...api, handler: ({ ms }) => work(ms) })
      : base.api("work", {
          input: json(Work),
          ...api,
          batch,
          async handler(items) {
            const longest = Math.max(...items.map(({ ms }) => ms));
            await work(longest);
            return items.map(({ ms }) => ms);
          },
        })
  ) as Service;
  const shed: string[] = [];
  const late: LateEnd[] = [];
  const runtime = createRuntime(service.definition, {
    log,
    metrics: createMetrics(),
    checkOutputs: false,
    limits,
    clock,
    observer: {
      shed: (_, reason) => void shed.push(reason),
      late: (_, end) => void late.push(end),
    },
  });
  await runtime.start();
  return { clock, runtime, shed, late, state };
}

interface Asked {
  ms: number;
  bytes?: number;
  /** How long its body takes to arrive. */
  uploadMs?: number;
  timeoutMs?: number;
}

/** A request as HTTP makes it: admitted, read, answered. */
async function ask(
  { runtime, clock }: { runtime: Runtime; clock: FakeClock },
  { ms, bytes = 0, uploadMs = 0, timeoutMs }: Asked,
  cancellation = new Cancellation(),
): Promise<string> {
  try {
    const work = runtime.apis.get("work")!;
    const { api } = work;
    const admission = work.admit({ id: "r", cancellation, timeoutMs });
    try {
      admission.hold(bytes);
      if (uploadMs > 0) await new Promise<void>((resolve) => void clock.after(uploadMs, resolve));
      if (cancellation.aborted) throw cancellation.reason;
      const payload = await api.input.parse({
        bytes: new TextEncoder().encode(JSON.stringify({ ms })),
        mediaType: "application/json",
        parameters: {},
      });
      const answer = await invoke(work, payload, {
        id: "r",
        headers: new Headers(),
        params: {},
        query: {},
        writer: createWriter(api),
        cancellation,
        admission,
      });
      return answer.kind;
    } finally {
      admission.leave();
    }
  } catch (error) {
    return error instanceof EkibenError ? error.code : String(error);
  }
}

describe("maxConcurrency of an API", () => {
  it("refuses at once what exceeds it, and says when to come again", async () => {
    const made = await setup({ maxConcurrency: 2 });
    const { clock, runtime, shed } = made;
    const first = [ask(made, { ms: 5000 }), ask(made, { ms: 5000 })];
    await clock.settle();
    expect(runtime.apis.get("work")!.load()).toEqual({ working: 2 });
    expect(await ask(made, { ms: 1 })).toBe("CONCURRENCY_EXCEEDED");
    await clock.runAll();
    expect(await Promise.all(first)).toEqual(["outputs", "outputs"]);
    const third = [ask(made, { ms: 1 }), ask(made, { ms: 1 })];
    await clock.settle();
    const admit = (): unknown =>
      runtime.apis.get("work")!.admit({ id: "r", cancellation: new Cancellation() });
    expect(admit).toThrow(
      expect.objectContaining({ facts: expect.objectContaining({ expected: 2, retryAfter: 5 }) }),
    );
    await clock.runAll();
    expect(await Promise.all(third)).toEqual(["outputs", "outputs"]);
    expect(shed).toEqual(["concurrency", "concurrency"]);
  });

  it("keeps the place of a request until its handler has ended, after a 504 and a hang-up too", async () => {
    const lines: [string, LogFields | undefined][] = [];
    const log: Log = {
      ...silentLog,
      warn: (message, fields) => void lines.push([message, fields]),
    };
    const made = await setup({ maxConcurrency: 2, timeoutMs: 100 }, log);
    const { clock, late, state } = made;
    const slow = ask(made, { ms: 400 });
    const client = new Cancellation();
    const gone = ask(made, { ms: 300 }, client);
    await clock.advance(50);
    client.abort(new EkibenError("CLIENT_CLOSED", { detail: "gone" }));
    await clock.advance(60);
    expect(await Promise.all([slow, gone])).toEqual(["REQUEST_TIMEOUT", "CLIENT_CLOSED"]);
    expect(await ask(made, { ms: 1 })).toBe("CONCURRENCY_EXCEEDED");
    await clock.advance(200);
    const next = ask(made, { ms: 1 });
    await clock.advance(200);
    expect(await next).toBe("outputs");
    expect(state).toEqual({ running: 0, most: 2 });
    expect(late).toEqual([{ requestId: "r", tookMs: 400, lateMs: 300 }]);
    expect(lines).toEqual([
      [
        "a handler ended after its request had been answered with 504",
        { api: "work", requestId: "r", tookMs: 400, lateMs: 300 },
      ],
    ]);
  });

  it("counts a batched request until its batch has ended", async () => {
    const made = await setup({ maxConcurrency: 2, timeoutMs: 100, batch: {} });
    const { clock, runtime } = made;
    const both = [ask(made, { ms: 400 }), ask(made, { ms: 400 })];
    await clock.advance(110);
    expect(await Promise.all(both)).toEqual(["REQUEST_TIMEOUT", "REQUEST_TIMEOUT"]);
    expect(runtime.inFlight).toMatchObject({ requests: 2 });
    expect(await ask(made, { ms: 1 })).toBe("CONCURRENCY_EXCEEDED");
    await clock.advance(300);
    expect(runtime.inFlight).toMatchObject({ requests: 0 });
  });

  it("is not taken by who only uploads", async () => {
    const made = await setup({ maxConcurrency: 1 });
    const uploads = [1, 2, 3].map(() => ask(made, { ms: 1, uploadMs: 500 }));
    await made.clock.settle();
    const quick = ask(made, { ms: 10 });
    await made.clock.advance(20);
    expect(await quick).toBe("outputs");
    await made.clock.runAll();
    expect((await Promise.all(uploads)).filter((one) => one === "outputs")).toHaveLength(1);
  });
});

describe("the time of a request", () => {
  it("begins with its arrival: a body that comes too late is 408, a handler 504", async () => {
    const made = await setup({ timeoutMs: 100 });
    const { clock, runtime, state } = made;
    const asked = [
      ask(made, { ms: 1, uploadMs: 150 }),
      ask(made, { ms: 60, uploadMs: 60 }),
      ask(made, { ms: 30, uploadMs: 60 }),
      ask(made, { ms: 30, uploadMs: 0, timeoutMs: 20 }),
    ];
    await clock.advance(200);
    const codes = ["REQUEST_INCOMPLETE", "REQUEST_TIMEOUT", "outputs", "REQUEST_TIMEOUT"];
    expect(await Promise.all(asked)).toEqual(codes);
    expect(runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
    expect(state.running).toBe(0);
  });

  it("counts towards maxLatencyMs of a batch, the way to the queue included", async () => {
    const made = await setup({ batch: { maxLatencyMs: 100 } });
    const late = ask(made, { ms: 1, uploadMs: 120 });
    const early = ask(made, { ms: 1, uploadMs: 50 });
    await made.clock.advance(200);
    expect(await late).toBe("DEADLINE_UNREACHABLE");
    expect(await early).toBe("outputs");
    expect(made.shed).toEqual(["deadline"]);
  });
});

describe("the bytes of bodies", () => {
  it("are bounded for the whole service, but one larger body is taken alone", async () => {
    const made = await setup({ limits: { bodyBudgetBytes: 100 } });
    const { clock, runtime, shed } = made;
    const large = ask(made, { ms: 10, bytes: 500 });
    await clock.settle();
    expect(await ask(made, { ms: 1, bytes: 1 })).toBe("BODY_BUDGET_EXCEEDED");
    await clock.advance(20);
    expect(await large).toBe("outputs");
    const fits = [60, 40].map((bytes) => ask(made, { ms: 10, bytes }));
    await clock.settle();
    expect(runtime.inFlight).toMatchObject({ requests: 2, bytes: 100 });
    expect(await ask(made, { ms: 1, bytes: 1 })).toBe("BODY_BUDGET_EXCEEDED");
    await clock.advance(20);
    expect(await Promise.all(fits)).toEqual(["outputs", "outputs"]);
    expect(shed).toEqual(["body-bytes", "body-bytes"]);
    expect(runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
  });
});

describe("whatever comes, is slow, times out and hangs up", () => {
  const step = fc.record({
    ms: fc.nat(80),
    bytes: fc.nat(60),
    uploadMs: fc.oneof(fc.constant(0), fc.nat(60)),
    timeoutMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    hangsUpAfter: fc.option(fc.nat(80), { nil: undefined }),
    waitMs: fc.nat(20),
  });
  const made = fc.record({
    maxConcurrency: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    timeoutMs: fc.integer({ min: 10, max: 120 }),
    batch: fc.option(
      fc.record({
        maxBatchSize: fc.integer({ min: 1, max: 4 }),
        maxLatencyMs: fc.integer({ min: 20, max: 200 }),
        maxQueueItems: fc.integer({ min: 1, max: 6 }),
        maxQueueBytes: fc.integer({ min: 1, max: 100 }),
        concurrency: fc.integer({ min: 1, max: 2 }),
      }),
      { nil: undefined },
    ),
    limits: fc.record({
      maxConcurrency: fc.integer({ min: 1, max: 8 }),
      bodyBudgetBytes: fc.integer({ min: 20, max: 150 }),
    }),
  });

  it("each request is answered once, every limit holds, all is given back, and counts match", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), made, async (steps, drawn) => {
        const { maxConcurrency, batch, ...rest } = drawn;
        const service = await setup({
          ...rest,
          ...(maxConcurrency !== undefined && { maxConcurrency }),
          ...(batch !== undefined && { batch }),
        });
        const { clock, runtime, shed, state } = service;
        const asked: Promise<string>[] = [];
        const check = (): void => {
          const { requests, bytes } = runtime.inFlight;
          expect(requests).toBeLessThanOrEqual(rest.limits.maxConcurrency);
          expect(bytes).toBeLessThanOrEqual(Math.max(rest.limits.bodyBudgetBytes, 60));
          const { working } = runtime.apis.get("work")!.load();
          if (maxConcurrency !== undefined) expect(working).toBeLessThanOrEqual(maxConcurrency);
          if (batch === undefined) expect(state.running).toBe(working);
        };
        for (const { hangsUpAfter, waitMs, timeoutMs, ...one } of steps) {
          const client = new Cancellation();
          if (hangsUpAfter !== undefined) {
            clock.after(hangsUpAfter, () => {
              client.abort(new EkibenError("CLIENT_CLOSED", { detail: "gone" }));
            });
          }
          asked.push(
            ask(service, { ...one, ...(timeoutMs !== undefined && { timeoutMs }) }, client),
          );
          await clock.advance(waitMs);
          check();
        }
        await clock.runAll();
        const answers = await Promise.all(asked);
        expect(answers).toHaveLength(steps.length);
        const count = (...codes: string[]): number =>
          answers.filter((one) => codes.includes(one)).length;
        const reasons = (...names: string[]): number =>
          shed.filter((one) => names.includes(one)).length;
        expect(count("CONCURRENCY_EXCEEDED")).toBe(reasons("concurrency", "service-concurrency"));
        expect(count("BODY_BUDGET_EXCEEDED")).toBe(reasons("body-bytes"));
        expect(count("QUEUE_FULL")).toBe(reasons("queue-full", "queue-bytes"));
        expect(count("DEADLINE_UNREACHABLE")).toBe(reasons("deadline"));
        const known = ["outputs", "CLIENT_CLOSED", "REQUEST_TIMEOUT", "REQUEST_INCOMPLETE"];
        expect(count(...known) + shed.length - reasons("timeout", "aborted")).toBe(steps.length);
        expect(runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
        expect(runtime.apis.get("work")!.load()).toEqual({ working: 0 });
        expect(state.running).toBe(0);
        expect(clock.timers + clock.soons).toBe(0);
        await runtime.drain();
      }),
      { numRuns: 150 },
    );
  });
});
