import { gzipSync } from "node:zlib";
import type { MiddlewareHandler } from "hono";
import { expect, test } from "vitest";
import { z } from "zod";
import { reject } from "../../sdk/core/rejection.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { file } from "../../sdk/inputs/file.js";
import { json } from "../../sdk/inputs/json.js";
import { none } from "../../sdk/inputs/none.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import type { LogRecord } from "../../sdk/observability/records/record.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import { serveLogging, type Line } from "./request-log-serving.js";
import { api, send, service, until } from "./serving.js";

const BODY = '{"x":1,\n "y":2.50}';
const BATCH = {
  maxBatchSize: 8,
  maxLatencyMs: 20_000,
  maxQueueItems: 1000,
  maxQueueBytes: 2 ** 28,
  concurrency: 1,
};

test("a request has one access line and one prediction line, with the same id", async () => {
  await using served = await serveLogging(service([api()]), { headers: ["X-Tenant"] });
  const answer = await send(`${served.url}/v1/add?debug=1`, {
    headers: { "x-request-id": "r-1", "user-agent": 'me "1"', "x-tenant": "acme" },
    body: BODY,
  });
  expect(answer.body).toBe('{"sum":3.5}');
  expect(await served.line("access", "r-1")).toEqual({
    "@timestamp": expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    "log.level": "info",
    message: "access",
    "event.dataset": "ekiben.access",
    "service.name": "adder",
    "service.version": "7",
    "process.pid": process.pid,
    "http.request.id": "r-1",
    "http.request.method": "POST",
    "http.route": "/v1/add",
    "url.path": "/v1/add",
    "url.query": "debug=1",
    "http.response.status_code": 200,
    "event.duration": expect.any(Number),
    "ekiben.api": "add",
    "http.request.body.bytes": BODY.length,
    "http.response.body.bytes": 11,
    "client.address": "127.0.0.1",
    "user_agent.original": 'me "1"',
  });
  expect(await served.line("prediction", "r-1")).toMatchObject({
    message: "prediction",
    "event.dataset": "ekiben.prediction",
    "ekiben.api": "add",
    "http.route": "/v1/add",
    "http.response.status_code": 200,
    "http.request.headers.x-tenant": "acme",
    "ekiben.items": 1,
    "ekiben.input.media_type": "application/json",
    "ekiben.input.bytes": BODY.length,
    "ekiben.input.body": BODY,
    "ekiben.output.media_type": "application/json",
    "ekiben.output.body": '{"sum":3.5}',
    "ekiben.batch.id": expect.any(String),
    "ekiben.batch.requests": 1,
    "ekiben.batch.items": 1,
    "ekiben.batch.reason": "unbatched",
    "ekiben.run.count": 1,
    "ekiben.run.ms": expect.any(Number),
    "ekiben.queue.wait_ms": expect.any(Number),
  });
  for (const line of served.raw) expect(line).not.toContain("\n");
});

test("the plain way and the way through Hono log alike", async () => {
  await using served = await serveLogging(service([api()]));
  await send(`${served.url}/v1/add`, { headers: { "x-request-id": "plain" }, body: BODY });
  await send(`${served.url}/v1/add`, {
    headers: { "x-request-id": "hono", "content-encoding": "gzip" },
    body: gzipSync(BODY),
  });
  const same = (line: Line) =>
    Object.fromEntries(
      Object.entries(line).filter(
        ([name]) => !/timestamp|duration|_ms$|\.ms$|batch\.id|request\.id/.test(name),
      ),
    );
  expect(same(await served.line("prediction", "hono"))).toEqual(
    same(await served.line("prediction", "plain")),
  );
  const packed = await served.line("access", "hono");
  expect(packed["http.request.body.bytes"]).toBe(gzipSync(BODY).length);
});

test("probes, metrics and the page are no lines, unless asked for; unknown routes are", async () => {
  const ask = async (served: { url: string }) => {
    for (const path of ["/livez", "/readyz", "/metrics", "/", "/nowhere?a=1"]) {
      await send(`${served.url}${path}`, { method: "GET" });
    }
  };
  await using quiet = await serveLogging(service([api()]));
  await ask(quiet);
  expect(quiet.lines("access").map((line) => [line["http.route"], line["url.path"]])).toEqual([
    ["unmatched", "/nowhere"],
  ]);
  expect(quiet.lines("prediction")).toEqual([]);
  await using full = await serveLogging(service([api()]), {}, { logProbes: true });
  await ask(full);
  expect(full.lines("access").map((line) => line["http.route"])).toEqual([
    "/livez",
    "/readyz",
    "/metrics",
    "unmatched",
  ]);
});

test("what is refused is paired with its own answer, whatever the reason", async () => {
  const guarded = service(
    [
      api({ maxBodyBytes: 100 }),
      api({ name: "fails", route: "fails", handler: () => Promise.reject(new Error("secret")) }),
      api({
        name: "rejects",
        route: "rejects",
        handler: () => {
          throw reject(418, { tea: true });
        },
      }),
    ],
    {
      middleware: [
        async (c, next) => {
          if (c.req.header("x-key") !== "k") return c.json({ key: "missing" }, 401);
          await next();
        },
      ],
    },
  );
  await using served = await serveLogging(guarded);
  const ask = async (path: string, id: string, body: string, headers = {}) => {
    const all = { "x-request-id": id, "x-key": "k", ...headers };
    return await send(`${served.url}/${path}`, { headers: all, body });
  };
  await ask("v1/add", "malformed", "{");
  await ask("v1/add", "invalid", '{"x":"a","y":1}');
  await ask("v1/add", "large", `{"x":1,"y":${"1".repeat(200)}}`);
  await ask("v1/add", "type", "<x/>", { "content-type": "application/xml" });
  await ask("fails", "failed", BODY);
  await ask("rejects", "rejected", BODY);
  await ask("v1/add", "nobody", BODY, { "x-key": "wrong" });
  const brief = async (id: string) => {
    const line = await served.line("prediction", id);
    const output = JSON.parse(line["ekiben.output.body"]);
    return [line["http.response.status_code"], line["ekiben.input.body"], output.code ?? output];
  };
  expect(await brief("malformed")).toEqual([400, "{", "BODY_MALFORMED"]);
  expect(await brief("invalid")).toEqual([422, '{"x":"a","y":1}', "INPUT_INVALID"]);
  expect(await brief("large")).toEqual([413, undefined, "BODY_TOO_LARGE"]);
  expect(await brief("type")).toEqual([415, "<x/>", "MEDIA_TYPE_UNSUPPORTED"]);
  expect(await brief("failed")).toEqual([500, BODY, "HANDLER_FAILED"]);
  expect(await brief("rejected")).toEqual([418, BODY, { tea: true }]);
  expect(JSON.stringify(served.lines("prediction"))).not.toContain("secret");
  // A middleware answered: there was no prediction.
  expect(await served.line("access", "nobody")).toMatchObject({ "http.response.status_code": 401 });
  expect(served.lines("prediction").map((line) => line["http.request.id"])).not.toContain("nobody");
});

test("requests of one batch keep their own inputs and outputs, also after a poison and a rejection", async () => {
  let open: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const batched = api({
    batch: BATCH,
    example: undefined,
    handler: async (points: { x: number; y: number }[], context: any) => {
      // Holds up the first batch, so that the others gather behind it.
      await gate;
      if (points.some(({ x }) => x === 3)) throw new Error("poison");
      for (const [index, { start }] of context.items.entries()) {
        if (points[start]!.x === 5) context.reject(index, 409, { no: "five" });
      }
      return points.map(({ x, y }) => ({ sum: x + y }));
    },
  } as never);
  await using served = await serveLogging(service([batched]));
  const sent = Promise.all(
    Array.from({ length: 8 }, (_, x) =>
      send(`${served.url}/v1/add`, {
        headers: { "x-request-id": `r-${x}` },
        body: JSON.stringify({ x, y: 100 }),
      }),
    ),
  );
  await until(() => served.stats("add").queuedRequests >= 6);
  open!();
  await sent;
  for (let x = 0; x < 8; x++) {
    const line = await served.line("prediction", `r-${x}`);
    expect(JSON.parse(line["ekiben.input.body"])).toEqual({ x, y: 100 });
    const output = JSON.parse(line["ekiben.output.body"]);
    if (x === 3)
      expect([line["http.response.status_code"], output.code]).toEqual([500, "HANDLER_FAILED"]);
    else if (x === 5)
      expect([line["http.response.status_code"], output]).toEqual([409, { no: "five" }]);
    else expect([line["http.response.status_code"], output]).toEqual([200, { sum: x + 100 }]);
  }
  // Whoever was with the poison ran again, and the line tells of the batch that answered.
  const lines = served.lines("prediction");
  expect(lines.some((line) => line["ekiben.batch.reason"] === "isolation")).toBe(true);
  const byBatch = new Map<string, Line[]>();
  for (const line of lines) {
    const id = line["ekiben.batch.id"] as string;
    byBatch.set(id, [...(byBatch.get(id) ?? []), line]);
  }
  for (const members of byBatch.values()) {
    for (const line of members) expect(line["ekiben.batch.requests"]).toBe(members.length);
  }
  expect(Math.max(...Array.from(byBatch.values(), ({ length }) => length))).toBeGreaterThan(1);
});

test("a request in parts is one line with all of its runs", async () => {
  const table = api({
    input: dataframe(z.object({ x: z.number() })) as never,
    output: z.object({ y: z.number() }),
    example: undefined,
    batch: { ...BATCH, maxBatchSize: 3 },
    handler: ((frame: object) =>
      frameOf(frame)!
        .toRecords()
        .map(({ x }: any) => ({ y: x }))) as never,
  });
  await using served = await serveLogging(service([table]));
  const rows = Array.from({ length: 8 }, (_, x) => ({ x }));
  await send(`${served.url}/v1/add`, {
    headers: { "x-request-id": "parts" },
    body: JSON.stringify(rows),
  });
  const line = await served.line("prediction", "parts");
  expect(line).toMatchObject({ "ekiben.items": 8, "ekiben.run.count": 3, "ekiben.batch.items": 2 });
  expect(JSON.parse(line["ekiben.output.body"])).toEqual(rows.map(({ x }) => ({ y: x })));
});

test("who hangs up and who waits too long are lines with their status", async () => {
  let finish: (() => void)[] = [];
  const slow = api({
    timeoutMs: 300,
    example: undefined,
    handler: () => new Promise((resolve) => finish.push(() => resolve({ sum: 0 }))),
  });
  await using served = await serveLogging(service([slow]));
  await send(`${served.url}/v1/add`, { headers: { "x-request-id": "late" }, body: BODY });
  expect(await served.line("prediction", "late")).toMatchObject({
    "http.response.status_code": 504,
    "ekiben.input.body": BODY,
    "ekiben.run.count": 1,
  });
  const gone = new AbortController();
  const pending = fetch(`${served.url}/v1/add`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": "gone" },
    body: BODY,
    signal: gone.signal,
  }).catch(() => {});
  await until(() => finish.length === 2);
  gone.abort();
  await pending;
  expect(await served.line("prediction", "gone")).toMatchObject({
    "http.response.status_code": 499,
  });
  expect(await served.line("access", "gone")).toMatchObject({ "http.response.status_code": 499 });
  for (const one of finish) one();
});

test.each([
  ["straight from the socket", [], ""],
  ["by Hono", [], "?by=hono"],
  ["behind a middleware", [(async (_, next) => await next()) as MiddlewareHandler], ""],
] as const)(
  "a stream that breaks half-way is a failure in its access line and a count, with the status that was sent: %s",
  async (_, middleware, query) => {
    const count = api({
      name: "count",
      route: "count",
      input: json(z.object({ failAt: z.number() })) as never,
      output: eventStream(z.number()) as never,
      example: undefined,
      handler: async function* ({ failAt }: { failAt: number }) {
        for (let i = 0; i < 3; i++) {
          if (i === failAt) throw new RangeError("asked to break");
          yield i;
        }
      } as never,
    });
    const endless = api({
      name: "endless",
      route: "endless",
      input: json(z.object({})) as never,
      output: eventStream(z.number()) as never,
      example: undefined,
      handler: async function* () {
        for (let i = 0; ; i++) {
          yield i;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } as never,
    });
    const serviceMetrics = createServiceMetrics({ service: "adder", version: "7" });
    const definition = service([count, endless], { middleware });
    await using served = await serveLogging(definition, {}, { serviceMetrics });
    const ask = (id: string, failAt: number) =>
      send(`${served.url}/count${query}`, {
        headers: { "x-request-id": id },
        body: JSON.stringify({ failAt }),
      });
    const broken = await ask("broken", 2);
    expect([broken.status, broken.body]).toEqual([200, expect.stringContaining("HANDLER_FAILED")]);
    await ask("whole", 9);
    // Before its first value it is an error like any other.
    expect((await ask("refused", 0)).status).toBe(500);
    const client = new AbortController();
    const gone = await fetch(`${served.url}/endless${query}`, {
      method: "POST",
      headers: { "x-request-id": "gone", "content-type": "application/json" },
      body: "{}",
      signal: client.signal,
    });
    await gone.body!.getReader().read();
    client.abort();

    expect(await served.line("access", "broken")).toMatchObject({
      "http.response.status_code": 200,
      "event.outcome": "failure",
      "error.code": "HANDLER_FAILED",
      "http.response.body.bytes": broken.body.length,
    });
    for (const id of ["whole", "refused", "gone"]) {
      const line = await served.line("access", id);
      expect([line["event.outcome"], line["error.code"]]).toEqual([undefined, undefined]);
    }
    const metrics = await serviceMetrics.text();
    expect(metrics.match(/^ekiben_streams_broken_total\{.*$/gm)).toEqual([
      'ekiben_streams_broken_total{endpoint="/count",method="POST",code="HANDLER_FAILED",service_version="7",service="adder"} 1',
    ]);
    expect(metrics).toMatch(/^ekiben_requests_total\{endpoint="\/count".*status="200".*\} 2$/m);
  },
);

test("a stream is logged with its text when it has ended, a file by its kind and size", async () => {
  const words = api({
    name: "words",
    route: "words",
    input: json(z.object({ n: z.number() })) as never,
    output: eventStream(z.object({ i: z.number() })) as never,
    example: undefined,
    handler: async function* ({ n }: { n: number }) {
      for (let i = 0; i < n; i++) yield { i };
    } as never,
  });
  const upload = api({
    name: "upload",
    route: "upload",
    input: file() as never,
    output: z.object({ size: z.number() }),
    example: undefined,
    handler: (({ size }: { size: number }) => ({ size })) as never,
  });
  await using served = await serveLogging(service([words, upload]));
  const stream = await send(`${served.url}/words`, {
    headers: { "x-request-id": "stream" },
    body: '{"n":3}',
  });
  const line = await served.line("prediction", "stream");
  expect(line["ekiben.output.body"]).toBe(stream.body);
  expect(line["ekiben.output.media_type"]).toBe("text/event-stream");
  expect(await served.line("access", "stream")).toMatchObject({
    "http.response.body.bytes": stream.body.length,
  });
  await send(`${served.url}/upload`, {
    headers: { "x-request-id": "file", "content-type": "application/pdf" },
    body: Buffer.alloc(5000, 200),
  });
  expect(await served.line("prediction", "file")).toMatchObject({
    "ekiben.input.media_type": "application/pdf",
    "ekiben.input.bytes": 5000,
    "ekiben.input.change": "omitted",
  });
});

test("other protocols are logged under their own route, with the name of the API", async () => {
  await using served = await serveLogging(service([api({ name: "predict" })]));
  await send(`${served.url}/invocations`, {
    headers: { "x-request-id": "mlflow" },
    body: '{"instances":[{"x":1,"y":2}]}',
  });
  await send(`${served.url}/invocations`, { headers: { "x-request-id": "bad" }, body: "[" });
  expect(await served.line("prediction", "mlflow")).toMatchObject({
    "http.route": "/invocations",
    "ekiben.api": "predict",
    "ekiben.input.body": '{"instances":[{"x":1,"y":2}]}',
    "ekiben.output.body": '{"predictions":[{"sum":3}]}',
  });
  const bad = await served.line("prediction", "bad");
  expect(bad["http.response.status_code"]).toBe(400);
  expect(JSON.parse(bad["ekiben.output.body"])).toHaveProperty("error_code");
});

test("parameters of the path are kept; a request without a body has no input", async () => {
  const get = api({
    method: "GET",
    route: "v1/:region/sum",
    input: none as never,
    example: undefined,
    handler: ((_: unknown, { params }: any) => ({ sum: params.region.length })) as never,
  });
  await using served = await serveLogging(service([get]));
  const url = `${served.url}/v1/north%20east/sum?a=b`;
  await send(url, { method: "GET", headers: { "x-request-id": "get" } });
  const line = await served.line("prediction", "get");
  expect(line).toMatchObject({
    "http.request.method": "GET",
    "http.route": "/v1/:region/sum",
    "url.path": "/v1/north%20east/sum",
    "url.query": "a=b",
    "ekiben.params": '{"region":"north east"}',
  });
  expect(line).not.toHaveProperty("ekiben.input.bytes");
});

test("a sampled request has all of its lines or none, and another server chooses the same", async () => {
  const sample = { access: 0.5, prediction: 0.5, "prediction.other": 0 };
  const apis = [api(), api({ name: "other", route: "other" })];
  await using one = await serveLogging(service(apis), { sample });
  await using two = await serveLogging(service(apis), { sample: { ...sample, access: 1 } });
  for (let i = 0; i < 60; i++) {
    const headers = { "x-request-id": `request-${i}` };
    for (const served of [one, two]) {
      await send(`${served.url}/v1/add`, { headers, body: BODY });
    }
    await send(`${one.url}/other`, { headers: { "x-request-id": `other-${i}` }, body: BODY });
  }
  const ids = (lines: Line[]) => lines.map((line) => line["http.request.id"] as string);
  const predicted = ids(one.lines("prediction"));
  expect(predicted.length).toBeGreaterThan(15);
  expect(predicted.length).toBeLessThan(45);
  expect(ids(two.lines("prediction"))).toEqual(predicted);
  expect(two.lines("access")).toHaveLength(60);
  expect(ids(one.lines("access")).filter((id) => id.startsWith("request"))).toEqual(predicted);
});

test("hooks get the records behind the backs of the requests, and cannot hurt them", async () => {
  const seen: LogRecord[] = [];
  let calls = 0;
  const told: string[] = [];
  const definition = service([api()], {
    onRecord: [
      {
        streams: ["prediction", "access"],
        hook: async (records) => {
          calls++;
          await new Promise((resolve) => setTimeout(resolve, 5));
          seen.push(...records);
        },
      },
      {
        streams: ["prediction"],
        hook: () => {
          throw new Error("broker down");
        },
      },
    ],
  });
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (message: string) => void told.push(message),
    child: () => log,
  };
  await using served = await serveLogging(definition, { log });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      send(`${served.url}/v1/add`, { headers: { "x-request-id": `r-${i}` }, body: BODY }),
    ),
  );
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  await until(() => seen.length === 60);
  expect(calls).toBeLessThan(60);
  const [record] = seen.filter(({ stream }) => stream === "prediction");
  expect(record!.fields["ekiben.api"]).toBe("add");
  expect(record!.api).toBe("add");
  expect(told).toEqual(["an onRecord hook failed; its records are lost"]);
});
