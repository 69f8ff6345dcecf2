import { expect, test } from "vitest";
import type { ModelDefinition } from "../../sdk/models/model.js";
import { api, build, listen, send, service, until } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });

const table: ModelDefinition = {
  kind: "table",
  files: async () => [],
  load: async () => ({
    describe: () => ({
      kind: "table",
      inputs: [{ name: "row", dtype: "float32", shape: [null, 4] }],
    }),
    release() {},
  }),
};

test("while the service starts it lives, is not ready and answers 503 with Retry-After", async () => {
  const { app, runtime } = await build(service([api()], { models: { table } }), { start: false });
  await using served = await listen(app);
  expect((await send(`${served.url}/livez`, { method: "GET" })).status).toBe(200);
  for (const probe of ["readyz", "healthz"]) {
    const answer = await send(`${served.url}/${probe}`, { method: "GET" });
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.body)).toMatchObject({
      status: "starting",
      reason: expect.stringContaining("loading"),
    });
  }
  const early = await send(`${served.url}/v1/add`, { body: BODY });
  expect(early.status).toBe(503);
  expect(early.headers["retry-after"]).toBe("1");
  expect(JSON.parse(early.body).code).toBe("SERVER_STARTING");

  await runtime.start();
  expect((await send(`${served.url}/readyz`, { method: "GET" })).status).toBe(200);
  expect((await send(`${served.url}/v1/add`, { body: BODY })).status).toBe(200);
});

test("while it drains it lives, is not ready, and answers what it had", async () => {
  let finish: (() => void) | undefined;
  const { app, runtime } = await build(
    service([
      api({
        example: undefined,
        handler: () => new Promise((resolve) => (finish = () => resolve({ sum: 3 }))),
      }),
    ]),
  );
  await using served = await listen(app);
  const before = send(`${served.url}/v1/add`, { body: BODY });
  await until(() => finish !== undefined);
  const drained = runtime.drain();
  expect((await send(`${served.url}/livez`, { method: "GET" })).status).toBe(200);
  const ready = await send(`${served.url}/readyz`, { method: "GET" });
  expect(ready.status).toBe(503);
  expect(JSON.parse(ready.body).status).toBe("draining");
  const late = await send(`${served.url}/v1/add`, { body: BODY });
  expect(late.status).toBe(503);
  expect(JSON.parse(late.body).code).toBe("SERVER_DRAINING");
  finish!();
  expect((await before).body).toBe('{"sum":3}');
  await drained;
});

test("/healthz shows models and queues", async () => {
  const batch = {
    maxBatchSize: 5,
    maxLatencyMs: 100,
    maxQueueItems: 10,
    maxQueueBytes: 2 ** 28,
    concurrency: 1,
  };
  const handler = ((points: unknown[]) => points.map(() => ({ sum: 0 }))) as never;
  const { app } = await build(
    service([api({ batch, handler, example: undefined })], { models: { table } }),
  );
  const answer = await app.request("/healthz");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toMatchObject({
    status: "ready",
    service: "adder",
    uptimeSeconds: expect.any(Number),
    models: [{ name: "table", kind: "table", loaded: true }],
    queues: { add: { queuedRequests: 0, queuedItems: 0, running: 0 } },
  });
});

test("/metadata tells what runs here", async () => {
  const { app } = await build(service([api()], { models: { table }, description: "Adds." }), {
    bundle: {
      version: "v7",
      digest: "abc",
      created: "2026-01-02T03:04:05Z",
      labels: { team: "a" },
    },
  });
  const metadata = await (await app.request("/metadata")).json();
  expect(metadata).toMatchObject({
    service: "adder",
    description: "Adds.",
    version: "v7",
    mode: "production",
    bundle: { digest: "abc", created: "2026-01-02T03:04:05Z", labels: { team: "a" } },
    apis: [
      {
        name: "add",
        method: "POST",
        path: "/v1/add",
        input: { kind: "json", items: "one" },
        limits: { maxBodyBytes: 1024 * 1024, timeoutMs: 5000 },
      },
    ],
    models: [
      {
        name: "table",
        kind: "table",
        inputs: [{ name: "row", dtype: "float32", shape: [null, 4] }],
      },
    ],
    runtime: { ekiben: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.version },
  });
});

test("without metrics there is no /metrics", async () => {
  const { app } = await build(service([api()]), { serviceMetrics: undefined });
  expect((await app.request("/metrics")).status).toBe(404);
});
