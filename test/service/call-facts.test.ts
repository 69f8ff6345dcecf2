import { z } from "zod";
import { describe, expect, it } from "vitest";
import { Cancellation } from "../../sdk/core/cancellation.js";
import { json } from "../../sdk/inputs/json.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import type { ModelDefinition } from "../../sdk/models/model.js";
import type { ModelRun } from "../../sdk/models/watch-model.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { createCallFacts, type CallFacts } from "../../sdk/service/call-facts.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Service } from "../../sdk/service/infer.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import type { Answer, Runtime, RuntimeObserver } from "../../sdk/service/runtime.js";
import { createWriter } from "../../sdk/service/writer.js";
import { invoke } from "./invoke.js";

const defineService = createDefineService({} as ServiceFaces);
const Row = z.object({ x: z.number() });

const doubling: ModelDefinition = {
  kind: "doubling",
  files: async () => [],
  load: async () => ({
    predict: async (xs: number[][]) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return xs.map(([x]) => x! * 2);
    },
    describe: () => ({ kind: "doubling" }),
    release() {},
  }),
};

async function start(service: Service, observer: RuntimeObserver = {}): Promise<Runtime> {
  const options = { log: silentLog, metrics: createMetrics(), checkOutputs: true, observer };
  const runtime = createRuntime(service.definition, options);
  await runtime.start();
  return runtime;
}

/** Asks at once, so that requests of one turn share a batch. */
function ask(
  runtime: Runtime,
  body: unknown,
  facts?: CallFacts,
  cancellation = new Cancellation(),
) {
  const api = runtime.definition.apis["f"]!;
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const payload = api.input.parse({ bytes, mediaType: "application/json", parameters: {} });
  if (payload instanceof Promise) throw new TypeError("parsed later");
  return invoke(runtime.apis.get("f")!, payload, {
    id: "r",
    headers: new Headers(),
    params: {},
    query: {},
    writer: createWriter(api),
    cancellation,
    facts,
  });
}

async function readStream(answer: Answer): Promise<unknown[]> {
  if (answer.kind !== "stream") throw new TypeError("no stream");
  const values: unknown[] = [];
  for await (const value of answer.values) values.push(value);
  await answer.ended;
  return values;
}

const rowsOf = (df: unknown): number[][] => (df as { values: number[][] }).values;

/** The times of a request in the order in which they must come. */
function expectOrder(facts: CallFacts): void {
  const times: number[] = [facts.queued!];
  for (const run of facts.runs) {
    times.push(run.began);
    for (const { began, ms } of run.models) {
      expect(began).toBeGreaterThanOrEqual(run.began);
      expect(began + ms).toBeLessThanOrEqual(run.ended!);
    }
    times.push(run.ended!);
    expect(run.runMs).toBe(run.ended! - run.began);
  }
  expect(times).toEqual(times.toSorted((a, b) => a - b));
}

const batched = defineService({ name: "s" })
  .models({ net: doubling })
  .api("f", {
    input: dataframe(Row),
    batch: { maxBatchSize: 4 },
    async handler(df, { models }) {
      const rows = rowsOf(df);
      if (rows.some(([x]) => x === 13)) throw new RangeError("unlucky");
      return (await (models.net as any).predict(rows)) as number[];
    },
  });

describe("facts of a call", () => {
  it("are shared by the requests of one batch, with the models that it ran", async () => {
    const seen: ModelRun[] = [];
    const runtime = await start(batched, { model: (run) => seen.push(run) });
    const [one, two] = [createCallFacts(), createCallFacts()];
    await Promise.all([
      ask(runtime, [{ x: 1 }], one),
      ask(runtime, [{ x: 2 }]),
      ask(runtime, [{ x: 3 }, { x: 4 }], two),
    ]);
    expect(one.runs).toHaveLength(1);
    expect(two.runs[0]).toBe(one.runs[0]);
    const [run] = one.runs;
    expect(run).toMatchObject({ requests: 3, items: 4, reason: "full", failed: false });
    expect(run!.models).toEqual([
      expect.objectContaining({ name: "net", method: "predict", rows: 4, failed: false }),
    ]);
    expect(seen).toEqual(run!.models);
    expect(run!.waitMs).toBeGreaterThanOrEqual(0);
    for (const facts of [one, two]) {
      expectOrder(facts);
      expect(facts.written!.began).toBeGreaterThanOrEqual(run!.models[0]!.began);
      expect(facts.written!.ended).toBeLessThanOrEqual(run!.ended!);
    }
    const again = createCallFacts();
    await ask(runtime, [{ x: 1 }], again);
    expect(again.runs[0]!.id).not.toBe(run!.id);
  });

  it("have a run for each part of a large request", async () => {
    const runtime = await start(batched);
    const facts = createCallFacts();
    await ask(
      runtime,
      Array.from({ length: 10 }, (_, x) => ({ x })),
      facts,
    );
    expect(facts.runs.map(({ items }) => items)).toEqual([4, 4, 2]);
    expect(new Set(facts.runs.map(({ id }) => id)).size).toBe(3);
    expect(facts.runs.map(({ models }) => models.length)).toEqual([1, 1, 1]);
    expectOrder(facts);
    expect(facts.written!.began).toBeGreaterThanOrEqual(facts.runs[2]!.ended!);
  });

  it("tell of the batch that failed and of the runs after it", async () => {
    const runtime = await start(batched);
    const [good, bad] = [createCallFacts(), createCallFacts()];
    const [answer, error] = await Promise.allSettled([
      ask(runtime, [{ x: 1 }], good),
      ask(runtime, [{ x: 13 }], bad),
    ]);
    expect([answer.status, error.status]).toEqual(["fulfilled", "rejected"]);
    expect(good.runs.map(({ reason, failed }) => [reason, failed])).toEqual([
      ["idle", true],
      ["isolation", false],
    ]);
    expect(bad.runs.map(({ reason, failed }) => [reason, failed])).toEqual([
      ["idle", true],
      ["isolation", true],
    ]);
    expect(bad.runs[0]).toBe(good.runs[0]);
    expect(bad.written).toBeUndefined();
    expectOrder(good);
    expectOrder(bad);
  });

  it("tell of a request without a batch, also when it was rejected", async () => {
    const runtime = await start(
      defineService({ name: "s" })
        .models({ net: doubling })
        .api("f", {
          input: json(Row),
          async handler({ x }, { models, reject }) {
            if (x < 0) reject(0, 409, "negative");
            return ((await (models.net as any).predict([[x]])) as number[])[0]!;
          },
        }),
    );
    const facts = createCallFacts();
    await ask(runtime, { x: 2 }, facts);
    expect(facts.runs).toEqual([
      expect.objectContaining({ requests: 1, items: 1, reason: "unbatched", failed: false }),
    ]);
    expect(facts.runs[0]!.models).toHaveLength(1);
    expectOrder(facts);
    const rejected = createCallFacts();
    expect(await ask(runtime, { x: -1 }, rejected)).toMatchObject({ kind: "rejected" });
    expect(rejected.runs).toHaveLength(1);
    expect(rejected.written).toBeUndefined();
  });

  it("end with the stream, and hold what its generator ran", async () => {
    const runtime = await start(
      defineService({ name: "s" })
        .models({ net: doubling })
        .api("f", {
          input: json(Row),
          output: ndjsonStream(),
          async *handler({ x }, { models }) {
            for (let index = 0; index < 3; index++) {
              yield ((await (models.net as any).predict([[x + index]])) as number[])[0]!;
            }
          },
        }),
    );
    const facts = createCallFacts();
    const answer = await ask(runtime, { x: 1 }, facts);
    expect(facts.runs[0]!.ended).toBeUndefined();
    expect(await readStream(answer)).toEqual([2, 4, 6]);
    expect(facts.runs[0]!.models).toHaveLength(3);
    expectOrder(facts);
  });

  it("stay open for a batch that goes on after the client has gone", async () => {
    let release!: () => void;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const runtime = await start(
      defineService({ name: "s" }).api("f", {
        input: dataframe(Row),
        batch: {},
        async handler(df) {
          await gate;
          return rowsOf(df).map(([x]) => x!);
        },
      }),
    );
    const facts = createCallFacts();
    const cancellation = new Cancellation();
    const answer = ask(runtime, [{ x: 1 }], facts, cancellation);
    while (facts.runs.length === 0) await new Promise((resolve) => setImmediate(resolve));
    cancellation.abort(new Error("gone"));
    await expect(answer).rejects.toThrow("gone");
    expect(facts.runs[0]!.ended).toBeUndefined();
    release();
    await runtime.drain();
    expect(facts.runs[0]!.ended).toBeDefined();
  });

  it("of a request of no items have no run", async () => {
    const runtime = await start(batched);
    const facts = createCallFacts();
    await ask(runtime, [], facts);
    expect(facts.runs).toEqual([]);
    expect(facts.queued).toBeDefined();
    expect(facts.written).toBeDefined();
  });
});
