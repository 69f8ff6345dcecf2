import { z } from "zod";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cancellation } from "../../sdk/core/cancellation.js";
import { EkibenError } from "../../sdk/core/errors.js";
import { json } from "../../sdk/inputs/json.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import type { ModelDefinition } from "../../sdk/models/model.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Service } from "../../sdk/service/infer.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import type { Answer, Invocation, Runtime } from "../../sdk/service/runtime.js";
import { createWriter } from "../../sdk/service/writer.js";
import { invoke } from "./invoke.js";

const defineService = createDefineService({} as ServiceFaces);
const Row = z.object({ x: z.number() });
const rows = dataframe(Row);

async function start(service: Service, checkOutputs = true): Promise<Runtime> {
  const runtime = createRuntime(service.definition, {
    log: silentLog,
    metrics: createMetrics(),
    checkOutputs,
  });
  await runtime.start();
  return runtime;
}

async function ask(
  runtime: Runtime,
  api: string,
  body: unknown,
  cancellation = new Cancellation(),
): Promise<Answer> {
  const { input } = runtime.definition.apis[api]!;
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const parsed = input.parse({ bytes, mediaType: "application/json", parameters: {} });
  // At once where it can be, as the order of requests is part of what is tested.
  const payload = parsed instanceof Promise ? await parsed : parsed;
  return await invoke(runtime.apis.get(api)!, payload, invocation(runtime, api, cancellation));
}

function invocation(runtime: Runtime, api: string, cancellation: Cancellation): Invocation {
  const writer = createWriter(runtime.definition.apis[api]!);
  return { id: "r", headers: new Headers(), params: {}, query: {}, writer, cancellation };
}

function text(answer: Answer): string {
  if (answer.kind === "stream") throw new TypeError("a stream has no text");
  return answer.kind === "rejected" ? answer.json : (answer.body as string);
}

const read = (answer: Answer): unknown => JSON.parse(text(answer));

const JSON_HEADERS = {
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
};

function columnX(df: unknown): number[] {
  return Array.from(frameOf(df)!.toRecords(), (record) => record["x"] as number);
}

describe("a runtime", () => {
  it("answers the requests of one batch with the outputs of their own rows", async () => {
    const batches: number[] = [];
    const runtime = await start(
      defineService({ name: "s" }).api("twice", {
        input: rows,
        output: z.number(),
        batch: {},
        handler(df) {
          const xs = columnX(df);
          batches.push(xs.length);
          return xs.map((x) => x * 2);
        },
      }),
    );
    const bodies = [[{ x: 1 }], [{ x: 2 }, { x: 3 }], [], [{ x: 4 }]];
    const answers = await Promise.all(bodies.map((body) => ask(runtime, "twice", body)));
    expect(answers.map(read)).toEqual([[2], [4, 6], [], [8]]);
    expect(batches).toEqual([4]);
  });

  it("answers a request alike alone and in any batch", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: rows,
        batch: { maxBatchSize: 5 },
        handler: (df) => columnX(df).map((x) => ({ y: x * 3 - 1, text: `${x}` })),
      }),
    );
    const body = fc.array(fc.record({ x: fc.double({ noNaN: true, noDefaultInfinity: true }) }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(body, { minLength: 1, maxLength: 8 }), async (bodies) => {
        const together = await Promise.all(bodies.map((one) => ask(runtime, "f", one)));
        for (const [index, one] of bodies.entries()) {
          expect(text(together[index]!)).toBe(text(await ask(runtime, "f", one)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("splits a request of more rows than a batch may hold", async () => {
    const sizes: number[] = [];
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: rows,
        batch: { maxBatchSize: 10, maxQueueItems: 10 },
        handler(df) {
          sizes.push(df.shape[0]!);
          return { y: columnX(df) };
        },
      }),
    );
    const body = Array.from({ length: 25 }, (_, x) => ({ x }));
    expect(read(await ask(runtime, "f", body))).toEqual(body.map(({ x }) => ({ y: x })));
    expect(sizes).toEqual([10, 10, 5]);
  });

  it("answers all parts of a request that it accepted before it drains", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: rows,
        batch: { maxBatchSize: 10 },
        async handler(df) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return columnX(df);
        },
      }),
    );
    const body = Array.from({ length: 35 }, (_, x) => ({ x }));
    const answer = ask(runtime, "f", body);
    const drained = runtime.drain();
    expect(read(await answer)).toEqual(body.map(({ x }) => x));
    await drained;
    expect(runtime.state).toBe("closed");
  });

  it("rejects one request of a batch while the others are answered", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: rows,
        batch: {},
        handler(df, { items, reject }) {
          const xs = columnX(df);
          for (const [index, item] of items.entries()) {
            if (xs[item.start]! < 0) reject(index, 200, { errorCode: 7 });
          }
          return xs;
        },
      }),
    );
    const answers = await Promise.all(
      [[{ x: 1 }], [{ x: -1 }, { x: 5 }], [{ x: 2 }]].map((body) => ask(runtime, "f", body)),
    );
    expect(answers).toEqual([
      { kind: "outputs", headers: JSON_HEADERS, body: "[1]" },
      { kind: "rejected", status: 200, json: '{"errorCode":7}' },
      { kind: "outputs", headers: JSON_HEADERS, body: "[2]" },
    ]);
  });

  it("fails only the request that its handler throws on", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: json(Row),
        output: z.number(),
        batch: {},
        handler: (items) =>
          items.map(({ x }) => {
            if (x === 13) throw new RangeError("thirteen");
            return x;
          }),
      }),
    );
    const answers = await Promise.allSettled(
      Array.from({ length: 41 }, (_, x) => ask(runtime, "f", { x })),
    );
    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(40);
    expect(answers[13]).toMatchObject({
      reason: { code: "HANDLER_FAILED", cause: new RangeError("thirteen") },
    });
  });

  it.each([
    ["too few", (n: number) => Array(n - 1).fill(0), /returned 1 output for 2 items/],
    ["too many", (n: number) => Array(n + 1).fill(0), /returned 3 outputs for 2 items/],
    ["nothing", () => undefined as never, /returned nothing for 2 items/],
    ["one number", () => 5 as never, /returned a number for 2 items/],
    ["ragged columns", () => ({ a: [1, 2], b: [1] }) as never, /no table \(a: 2, b: 1\)/],
  ])("names the API and both numbers when a handler returns %s", async (_, make, message) => {
    const runtime = await start(
      defineService({ name: "s" }).api("predict", {
        input: rows,
        handler: (df) => make(df.shape[0]!),
      }),
    );
    await expect(ask(runtime, "predict", [{ x: 1 }, { x: 2 }])).rejects.toMatchObject({
      code: "OUTPUT_COUNT_MISMATCH",
      message: expect.stringMatching(message),
    });
  });

  it("checks outputs where asked, and changes them nowhere", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: json(Row),
      output: z.object({ y: z.number().max(10) }),
      handler: ({ x }) => ({ y: x, extra: true }),
    });
    const checking = await start(service, true);
    expect(read(await ask(checking, "f", { x: 1 }))).toEqual({ y: 1, extra: true });
    await expect(ask(checking, "f", { x: 11 })).rejects.toMatchObject({ code: "OUTPUT_INVALID" });
    const trusting = await start(service, false);
    expect(read(await ask(trusting, "f", { x: 11 }))).toEqual({ y: 11, extra: true });
  });

  it("says that a promise may not have been awaited, where an output is made of nothing", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: json(Row),
      output: z.object({ y: z.number() }),
      handler: ({ x }) => ({ y: (Promise.resolve([x]) as unknown as number[])[0]! }),
    });
    await expect(ask(await start(service, true), "f", { x: 1 })).rejects.toMatchObject({
      code: "OUTPUT_INVALID",
      message: expect.stringContaining("await"),
    });
  });

  it("answers 504 in time, and keeps the place until the handler has ended", async () => {
    let release = (): void => {};
    const runtime = await start(
      defineService({ name: "s" }).api("slow", {
        input: json(Row),
        timeoutMs: 20,
        handler: (_, { items }) =>
          new Promise<number>(
            (resolve) => (release = () => resolve(items[0]!.signal.aborted ? 1 : 0)),
          ),
      }),
    );
    await expect(ask(runtime, "slow", { x: 1 })).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
    let drained = false;
    const draining = runtime.drain().then(() => (drained = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(drained).toBe(false);
    release();
    await draining;
    expect(drained).toBe(true);
  });

  it("aborts the signal of a request whose client has gone", async () => {
    const seen: unknown[] = [];
    const runtime = await start(
      defineService({ name: "s" }).api("slow", {
        input: json(Row),
        handler: (_, { items }) =>
          new Promise<number>((resolve) => {
            items[0]!.signal.addEventListener("abort", () => {
              seen.push("aborted");
              resolve(0);
            });
          }),
      }),
    );
    const client = new Cancellation();
    const answer = ask(runtime, "slow", { x: 1 }, client);
    const gone = new EkibenError("CLIENT_CLOSED", { detail: "The client has gone." });
    setTimeout(() => client.abort(gone), 5);
    await expect(answer).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
    expect(seen).toEqual(["aborted"]);
  });

  it("shows a handler that cannot take a batch when it is rehearsed", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: json(Row),
        batch: {},
        handler: (items) => [items[0]!.x],
      }),
    );
    expect(read(await ask(runtime, "f", { x: 3 }))).toBe(3);
    const payload = await runtime.definition.apis["f"]!.input.parse({
      bytes: Buffer.from('{"x":3}'),
      mediaType: "application/json",
      parameters: {},
    });
    const twice = invocation(runtime, "f", new Cancellation());
    await expect(runtime.apis.get("f")!.rehearse(payload, twice)).rejects.toMatchObject({
      code: "OUTPUT_COUNT_MISMATCH",
      facts: { expected: 2, received: 1 },
    });
  });

  it("loads models, sets up, warms up, answers, and ends in that order", async () => {
    const events: string[] = [];
    const model: ModelDefinition = {
      kind: "made",
      files: async () => [],
      async load({ name, directory }) {
        events.push(`load ${name} ${directory ?? "own files"}`);
        return {
          describe: () => ({ kind: "made" }),
          release: () => void events.push(`release ${name}`),
        };
      },
    };
    const service = defineService({ name: "s" })
      .models({ net: model })
      .setup(({ models }) => {
        events.push(`setup ${Object.keys(models).join()}`);
        return { threshold: 2 };
      })
      .warmup(({ state }) => events.push(`warmup ${state.threshold}`))
      .close(({ state }) => events.push(`close ${state.threshold}`))
      .api("f", {
        input: json(Row),
        example: { x: 9 },
        handler: ({ x }, { state, models }) => {
          events.push(`handle ${x}`);
          return { over: x > state.threshold, models: Object.keys(models) };
        },
      });
    const runtime = createRuntime(service.definition, {
      log: silentLog,
      metrics: createMetrics(),
      checkOutputs: true,
      modelsDirectory: "models",
    });
    await expect(ask(runtime, "f", { x: 1 })).rejects.toMatchObject({ code: "SERVER_STARTING" });
    expect(runtime.state).toBe("starting");
    await runtime.start();
    expect(runtime.state).toBe("ready");
    expect(read(await ask(runtime, "f", { x: 3 }))).toEqual({ over: true, models: ["net"] });
    const last = ask(runtime, "f", { x: 4 });
    await Promise.all([runtime.drain(), runtime.drain()]);
    expect(read(await last)).toMatchObject({ over: true });
    expect(runtime.state).toBe("closed");
    await expect(ask(runtime, "f", { x: 1 })).rejects.toMatchObject({ code: "SERVER_DRAINING" });
    expect(events).toEqual([
      expect.stringMatching(/^load net models.net$/),
      "setup net",
      "handle 9",
      "warmup 2",
      "handle 3",
      "handle 4",
      "close 2",
      "release net",
    ]);
  });

  it("ends and releases its models when setting up fails", async () => {
    let released = 0;
    const model: ModelDefinition = {
      kind: "made",
      files: async () => [],
      load: async () => ({ describe: () => ({ kind: "made" }), release: () => void released++ }),
    };
    const service = defineService({ name: "s" })
      .models({ a: model })
      .setup(() => {
        throw new Error("no database");
      });
    await expect(start(service)).rejects.toMatchObject({
      code: "SERVICE_SETUP_FAILED",
      message: expect.stringContaining("no database"),
    });
    expect(released).toBe(1);
  });

  it("answers although the example fails", async () => {
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: json(Row),
        example: { x: 0 },
        handler: ({ x }) => {
          if (x === 0) throw new Error("zero");
          return x;
        },
      }),
    );
    expect(read(await ask(runtime, "f", { x: 1 }))).toBe(1);
  });
});
