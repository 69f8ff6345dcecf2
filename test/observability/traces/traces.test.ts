import { afterAll, beforeAll, expect, test } from "vitest";
import { silentLog } from "../../../sdk/observability/log.js";
import { openTracing } from "../../../sdk/observability/traces/open-tracing.js";
import { startOtlp } from "../../../sdk/observability/traces/start-otlp.js";
import { makeHome, type CliHome } from "../../cli/run-cli.js";
import { startReceiver, type SentSpan } from "./otlp-receiver.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("measured.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const SERVER = 2;

async function send(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; trace: string | null }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return { status: response.status, trace: response.headers.get("traceresponse") };
}

/** Spans lie within their parent, but for rounding; the one of a batch outlives no request of its own. */
function expectWithin(inner: SentSpan, outer: SentSpan): void {
  expect(inner.began, `${inner.name} in ${outer.name}`).toBeGreaterThanOrEqual(outer.began - 1000n);
  expect(inner.ended, `${inner.name} in ${outer.name}`).toBeLessThanOrEqual(outer.ended + 1000n);
}

const idsOf = ({ traceId, spanId }: SentSpan) => ({ traceId, spanId });
const bySpanId = (one: { spanId: string }, other: { spanId: string }): number =>
  one.spanId < other.spanId ? -1 : 1;

test("a request that is traced elsewhere goes on with its trace, down to the model", async () => {
  await using receiver = await startReceiver();
  const server = await home.serve(["measured", "--port", "0"], {
    env: { EKIBEN_TRACING_ENDPOINT: receiver.url, EKIBEN_TRACING_HEADERS: "x-key=secret-7" },
  });
  const { status, trace } = await send(
    `${server.url}/score`,
    { x: 2 },
    { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "a=1", "user-agent": "test/1" },
  );
  expect(status).toBe(200);
  await receiver.waitFor({ "POST /score": 1, "batch score": 1, "line.predict": 1 });
  expect(await server.stop()).toBe(0);

  const find = (name: string): SentSpan => {
    // Before the first request the models and examples run untraced.
    const [span, ...others] = receiver.spans.filter((one) => one.name === name);
    expect(others, name).toEqual([]);
    return span!;
  };
  const request = find("POST /score");
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: CALLER, kind: SERVER });
  expect(trace).toBe(`00-${TRACE}-${request.spanId}-01`);
  expect(request.attributes).toMatchObject({
    "http.request.method": "POST",
    "http.route": "/score",
    "http.response.status_code": 200,
    "user_agent.original": "test/1",
    "ekiben.request.id": expect.any(String),
  });
  expect(request.service).toMatchObject({
    "service.name": "measured",
    "service.version": expect.any(String),
  });
  const batch = find("batch score");
  const model = find("line.predict");
  for (const [name, parent] of [
    ["parse", request],
    ["queue", request],
    ["batch score", request],
    ["serialize", request],
    ["line.predict", batch],
  ] as const) {
    const span = find(name);
    expect(span).toMatchObject({ traceId: TRACE, parentSpanId: parent.spanId, failed: false });
    expectWithin(span, parent);
  }
  expect(find("parse").ended).toBeLessThanOrEqual(find("queue").began + 1000n);
  expect(find("queue").ended).toBeLessThanOrEqual(batch.began + 1000n);
  expect(batch.attributes).toMatchObject({
    "ekiben.api": "score",
    "ekiben.batch.requests": 1,
    "ekiben.batch.items": 1,
  });
  expect(batch.links).toEqual([]);
  expect(model.attributes).toMatchObject({ "ekiben.model": "line", "ekiben.model.rows": 1 });
  expect(receiver.requests[0]).toMatchObject({
    path: "/v1/traces",
    headers: { "x-key": "secret-7" },
  });
  expect(server.output()).not.toContain("secret-7");
});

test("a batch belongs to one of its requests, and knows the others by links, as they know it", async () => {
  await using receiver = await startReceiver();
  const server = await home.serve(["measured", "--port", "0"], {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_SERVICE_NAME: "renamed" },
  });
  // One keeps the handler busy while the others gather.
  const answers = await Promise.all([
    send(`${server.url}/score`, { x: 1, waitMs: 500 }),
    ...Array.from({ length: 5 }, (_, x) => send(`${server.url}/score`, { x, waitMs: 100 })),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  await receiver.waitFor({ "POST /score": 6 });
  expect(await server.stop()).toBe(0);

  const requests = receiver.spans.filter(({ name }) => name === "POST /score");
  expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(6);
  expect(requests.every(({ parentSpanId }) => parentSpanId === undefined)).toBe(true);
  expect(requests[0]!.service).toMatchObject({ "service.name": "renamed" });
  const batches = receiver.spans.filter(({ name }) => name === "batch score");
  expect(
    batches.reduce((sum, { attributes }) => sum + Number(attributes["ekiben.batch.requests"]), 0),
  ).toBe(6);
  const shared = batches.filter(({ links }) => links.length > 0);
  expect(shared.length).toBeGreaterThan(0);
  for (const batch of shared) {
    expect(batch.attributes["ekiben.batch.requests"]).toBe(batch.links.length);
    const members = requests.filter(({ spanId }) =>
      batch.links.some((link) => link.spanId === spanId),
    );
    expect(members.map(idsOf).toSorted(bySpanId)).toEqual(batch.links.toSorted(bySpanId));
    const parent = members.find(({ spanId }) => spanId === batch.parentSpanId)!;
    expect(batch.traceId).toBe(parent.traceId);
    for (const member of members) {
      expect(member.links).toEqual(member === parent ? [] : [idsOf(batch)]);
      expectWithin(batch, { ...member, began: batch.began });
      const queue = receiver.spans.find(
        ({ name, parentSpanId }) => name === "queue" && parentSpanId === member.spanId,
      )!;
      expectWithin(queue, member);
      expect(queue.ended).toBeLessThanOrEqual(batch.began + 1000n);
    }
  }
});

test("a traceparent that is none starts a new trace, one that is not sampled is only passed on", async () => {
  await using receiver = await startReceiver();
  const server = await home.serve(["measured", "--port", "0"], {
    env: { EKIBEN_TRACING_ENDPOINT: receiver.url },
  });
  const bad = [
    "nonsense",
    `00-${"0".repeat(32)}-${CALLER}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `ff-${TRACE}-${CALLER}-01`,
    `00-${TRACE.toUpperCase()}-${CALLER}-01`,
    `00-${TRACE}-${CALLER}-01-more`,
  ];
  for (const traceparent of bad) {
    const { trace } = await send(`${server.url}/score`, { x: 1 }, { traceparent });
    expect(trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(trace).not.toContain(TRACE);
  }
  const { trace } = await send(
    `${server.url}/score`,
    { x: 1 },
    { traceparent: `00-${TRACE}-${CALLER}-00` },
  );
  expect(trace).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  // Failures show as such, in the request, the run and the model.
  expect((await send(`${server.url}/score`, { x: 13 })).status).toBe(500);
  expect((await send(`${server.url}/score`, { x: "1" })).status).toBe(422);
  await receiver.waitFor({ "POST /score": bad.length + 2 });
  expect(await server.stop()).toBe(0);

  expect(receiver.spans.some(({ traceId }) => traceId === TRACE)).toBe(false);
  const requests = receiver.spans.filter(({ name }) => name === "POST /score");
  expect(requests).toHaveLength(bad.length + 2);
  const [failed] = requests.filter((span) => span.failed);
  expect(failed!.attributes).toMatchObject({ "error.type": "500" });
  expect(
    receiver.spans
      .filter((span) => span.failed && span.traceId === failed!.traceId)
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(["POST /score", "batch score", "line.predict"]);
  const refused = requests.find(
    ({ attributes }) => attributes["http.response.status_code"] === 422,
  )!;
  expect(receiver.spans.filter(({ traceId }) => traceId === refused.traceId)).toHaveLength(1);
  // The log leads to the trace.
  expect(server.output()).toContain(`"trace.id":"${failed!.traceId}"`);
});

test("a share of new traces is kept, and the client's decision wins", async () => {
  await using receiver = await startReceiver();
  const server = await home.serve(["measured", "--port", "0"], {
    env: { EKIBEN_TRACING_ENDPOINT: receiver.url, EKIBEN_TRACING_SAMPLE_RATIO: "0" },
  });
  expect((await send(`${server.url}/score`, { x: 1 })).trace).toMatch(/-00$/);
  const traceparent = `00-${TRACE}-${CALLER}-01`;
  expect((await send(`${server.url}/score`, { x: 1 }, { traceparent })).trace).toMatch(/-01$/);
  await receiver.waitFor({ "POST /score": 1 });
  expect(await server.stop()).toBe(0);
  expect(receiver.spans.filter(({ name }) => name === "POST /score")).toHaveLength(1);
});

test("a start that cannot send traces says what to install", async () => {
  const options = { service: "s", version: "1", endpoint: "http://127.0.0.1:9", log: silentLog };
  const find = (name: string) => (name.includes("sdk") ? undefined : import.meta.resolve(name));
  await expect(startOtlp({ ...options, find })).rejects.toMatchObject({
    code: "DEPENDENCY_MISSING",
    facts: {
      detail: expect.stringContaining("@opentelemetry/sdk-trace-node, which is not installed"),
      hint: expect.stringContaining("npm install @opentelemetry/sdk-trace-node@2"),
    },
  });
});

test("nothing is loaded for traces that are off", async () => {
  const options = { service: "s", version: "1", log: silentLog };
  expect(await openTracing({ ...options, env: {} })).toBeUndefined();
  const endpoint = "http://127.0.0.1:9";
  expect(await openTracing({ ...options, endpoint, enabled: false })).toBeUndefined();
  const env = { OTEL_SDK_DISABLED: "true" };
  expect(await openTracing({ ...options, endpoint, env })).toBeUndefined();
});

test("without an address nothing is traced, and a collector that is away costs no request", async () => {
  const plain = await home.serve(["measured", "--port", "0"]);
  expect(await send(`${plain.url}/score`, { x: 1 })).toEqual({ status: 200, trace: null });
  expect(await plain.stop()).toBe(0);

  const away = await home.serve(["measured", "--port", "0"], {
    env: { EKIBEN_TRACING_ENDPOINT: "http://127.0.0.1:9" },
  });
  expect((await send(`${away.url}/score`, { x: 1 })).status).toBe(200);
  expect(await away.stop()).toBe(0);
});
