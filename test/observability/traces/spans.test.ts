import { once } from "node:events";
import { cp, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome } from "../../cli/run-cli.js";
import { eventually, readLogs } from "../log-folder.js";
import { startReceiver, type OtlpReceiver, type SentSpan } from "./otlp-receiver.js";

const PAGE = "sdk/observability/traces.md";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await cp("node_modules/@opentelemetry/api", join(home.path, "node_modules/@opentelemetry/api"), {
    recursive: true,
  });
  await writeFile(join(home.services, "traced.ts"), await writeService());
  await home.build("traced.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

/** A service with the handler that the page shows, and others. */
async function writeService(): Promise<string> {
  const page = await readFile(PAGE, "utf8");
  const [, imported, handler] = /^```ts\n(import .*;)\n\n(async handler[^]*?)^```$/m.exec(page)!;
  return `
import { defineService, json, model, ndjsonStream, z } from "ekiben";
${imported}

const Row = z.object({ x: z.number() });

async function lookUp(rows: { x: number }[]): Promise<number[][]> {
  return rows.map(({ x }) => [x]);
}

export default defineService({ name: "traced" })
  .models({
    trees: model({
      value: { slope: 2 },
      fromJSON: (json) => json as { slope: number },
      predict: ({ slope }, rows: number[][]) => rows.map(([x]) => slope * x!),
    }),
  })
  .api("predict", {
    input: json(Row),
    batch: { maxBatchSize: 8 },
    ${handler}
  })
  .api("count", {
    input: json(z.object({ failAt: z.number() })),
    output: ndjsonStream(z.number()),
    async *handler({ failAt }) {
      for (let at = 0; at < 3; at++) {
        if (at === failAt) throw new RangeError("broke at " + at);
        yield at;
      }
    },
  })
  .api("endless", {
    input: json(z.object({})),
    output: ndjsonStream(z.string()),
    async *handler() {
      for (;;) {
        yield "x".repeat(1000);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  });
`;
}

const serve = (receiver: OtlpReceiver, args: readonly string[] = []) =>
  home.serve(["traced", "--port", "0", ...args], {
    env: { EKIBEN_TRACING_ENDPOINT: receiver.url },
  });

async function send(
  url: string,
  body: unknown,
  method = "POST",
): Promise<{ status: number; text: string; trace: string | undefined; id: string }> {
  const response = await fetch(url, {
    method,
    // A connection each, so that all workers get their share.
    headers: { "content-type": "application/json", connection: "close" },
    ...(method === "POST" ? { body: JSON.stringify(body) } : {}),
  });
  return {
    status: response.status,
    text: await response.text(),
    trace: /^00-(\w{32})-/.exec(response.headers.get("traceresponse") ?? "")?.[1],
    id: response.headers.get("x-request-id")!,
  };
}

const ofTrace = (receiver: OtlpReceiver, trace: string | undefined): SentSpan[] =>
  receiver.spans.filter(({ traceId }) => traceId === trace);

test("a span of the author's own belongs to the call of its handler, as the page shows it", async () => {
  await using receiver = await startReceiver();
  const server = await serve(receiver);
  const { status, text, trace } = await send(`${server.url}/predict`, { x: 2 });
  expect([status, text]).toEqual([200, "4"]);
  await receiver.waitFor({ "POST /predict": 1 });
  expect(await server.stop()).toBe(0);
  const spans = ofTrace(receiver, trace);
  const find = (name: string): SentSpan => spans.find((one) => one.name === name)!;
  expect(find("features").parentSpanId).toBe(find("batch predict").spanId);
  expect(find("trees.predict").parentSpanId).toBe(find("batch predict").spanId);
  expect(find("batch predict").parentSpanId).toBe(find("POST /predict").spanId);
});

test("feedback, and requests for no route, have a span without what the client made up", async () => {
  await using receiver = await startReceiver();
  const logs = join(home.path, "feedback-logs");
  const server = await serve(receiver, ["--log-dir", logs]);
  const feedback = await send(`${server.url}/feedback`, { requestId: "r-1", right: true });
  const refused = await send(`${server.url}/feedback`, { right: true });
  const nowhere = await send(`${server.url}/no/such/route`, {});
  const wrongMethod = await send(`${server.url}/predict`, {}, "GET");
  await receiver.waitFor({ "POST /feedback": 2, POST: 1, "GET /predict": 1 });
  expect(await server.stop()).toBe(0);
  const told = [feedback, refused, nowhere, wrongMethod].map(({ status, trace, id }) => {
    const [span, ...others] = ofTrace(receiver, trace);
    expect(others).toEqual([]);
    expect(span!.kind).toBe(2);
    expect(span!.attributes["http.response.status_code"]).toBe(status);
    expect(span!.attributes["ekiben.request.id"]).toBe(id);
    return [span!.name, status, span!.attributes["http.route"], span!.failed];
  });
  expect(told).toEqual([
    ["POST /feedback", 202, "/feedback", false],
    ["POST /feedback", 422, "/feedback", false],
    ["POST", 404, undefined, false],
    ["GET /predict", 405, "/predict", false],
  ]);
  const lines = (await readLogs(logs, "feedback")).map((line) => JSON.parse(line));
  expect(lines).toMatchObject([{ "http.request.id": "r-1", "trace.id": feedback.trace }]);
  const names = receiver.spans.map(({ name, attributes }) => [name, attributes]);
  expect(JSON.stringify(names)).not.toContain("such");
});

test("a stream that breaks is marked as failed, with its handler; one whose client goes is not", async () => {
  await using receiver = await startReceiver();
  const logs = join(home.path, "stream-logs");
  const server = await serve(receiver, ["--log-dir", logs]);
  const broken = await send(`${server.url}/count`, { failAt: 2 });
  expect(broken.status).toBe(200);
  expect(broken.text).toContain("HANDLER_FAILED");
  const whole = await send(`${server.url}/count`, { failAt: 9 });
  expect(whole.text).toBe("0\n1\n2\n");

  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(
    "POST /endless HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
  );
  await once(socket, "data");
  socket.destroy();

  await receiver.waitFor({ "POST /count": 2, "POST /endless": 1, "handle endless": 1 });
  expect(await server.stop()).toBe(0);
  const failedOf = (spans: SentSpan[]): string[] =>
    spans.filter(({ failed }) => failed).map(({ name }) => name);
  const spans = ofTrace(receiver, broken.trace);
  expect(failedOf(spans).toSorted()).toEqual(["POST /count", "handle count"]);
  expect(spans.find(({ name }) => name === "POST /count")!.attributes).toMatchObject({
    "http.response.status_code": 200,
    "error.type": "HANDLER_FAILED",
  });
  expect(failedOf(receiver.spans.filter(({ traceId }) => traceId !== broken.trace))).toEqual([]);
  const lines = (await readLogs(logs, "access")).map((one) => JSON.parse(one));
  expect(lines.filter((one) => one["event.outcome"] !== undefined)).toMatchObject([
    {
      "http.request.id": broken.id,
      "http.response.status_code": 200,
      "event.outcome": "failure",
      "error.code": "HANDLER_FAILED",
      "trace.id": broken.trace,
    },
  ]);
  expect(lines).toHaveLength(3);
  // The line of the error leads to the trace.
  const line = server
    .output()
    .split("\n")
    .find((one) => one.includes("broke at 2"));
  expect(line).toContain(`"trace.id":"${broken.trace}"`);
});

test("every worker sends its own spans, and lines of all streams lead to them", async () => {
  await using receiver = await startReceiver();
  const logs = join(home.path, "logs");
  const server = await serve(receiver, ["--workers", "2", "--log-dir", logs]);
  const sent = new Map<string, string | undefined>();
  const pids = (): Set<unknown> =>
    new Set(
      receiver.spans
        .filter(({ name }) => name === "POST /predict")
        .map(({ service }) => service["process.pid"]),
    );
  await eventually(async () => {
    const { id, trace } = await send(`${server.url}/predict`, { x: 1 });
    sent.set(id, trace);
    return pids().size === 2;
  });
  await receiver.waitFor({ "POST /predict": sent.size });
  expect(await server.stop()).toBe(0);

  expect(pids()).not.toContain(server.child.pid);
  for (const stream of ["access", "prediction"] as const) {
    const lines = (await readLogs(logs, stream)).map((one) => JSON.parse(one));
    const found = lines.filter((line) => sent.has(line["http.request.id"]));
    expect(found).toHaveLength(sent.size);
    for (const line of found) {
      const span = receiver.spans.find(
        ({ attributes, kind }) =>
          kind === 2 && attributes["ekiben.request.id"] === line["http.request.id"],
      )!;
      expect(line["trace.id"]).toBe(sent.get(line["http.request.id"]));
      expect([line["trace.id"], line["span.id"]]).toEqual([span.traceId, span.spanId]);
      expect(line["process.pid"]).toBe(span.service["process.pid"]);
    }
  }
});
