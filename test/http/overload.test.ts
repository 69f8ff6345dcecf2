import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { file } from "../../sdk/inputs/file.js";
import { json } from "../../sdk/inputs/json.js";
import type { Log, LogFields } from "../../sdk/observability/log.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import { createApp } from "../../sdk/http/create-app.js";
import { listen } from "../../sdk/server/listen.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import type { ApiDefinition } from "../../sdk/service/definition.js";
import type { ServiceLimits } from "../../sdk/service/gate.js";
import { openWire, problemOf, send, toText, type Answer } from "../robustness/traffic.js";
import { api, service } from "./serving.js";

/** However busy the machine is. */
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 30_000 });

/** Handlers that wait until they are told to go on. */
function createDoor() {
  const waiting: (() => void)[] = [];
  return {
    get waiting() {
      return waiting.length;
    },
    wait: () => new Promise<string>((resolve) => void waiting.push(() => resolve("done"))),
    open() {
      for (const resolve of waiting.splice(0)) resolve();
    },
  };
}

async function serve(
  apis: readonly ApiDefinition[],
  limits: ServiceLimits = {},
  log: Log = silentLog,
) {
  const serviceMetrics = createServiceMetrics({ service: "s", version: "1" });
  const runtime = createRuntime(service(apis), {
    log,
    metrics: createMetrics(serviceMetrics.registry),
    checkOutputs: false,
    observer: serviceMetrics.observer,
    limits,
  });
  await runtime.start();
  const app = createApp(runtime, { mode: "production", log, serviceMetrics });
  const listening = await listen(app, { port: 0 });
  return {
    url: listening.address,
    runtime,
    metrics: () => serviceMetrics.text(),
    async [Symbol.asyncDispose]() {
      await listening.close({ drainMs: 0 });
    },
  };
}

const Item = z.object({ n: z.number() });
const item = JSON.stringify({ n: 1 });
const plain = (changes: Partial<ApiDefinition>): ApiDefinition =>
  api({
    name: "work",
    route: "work",
    input: json(Item),
    output: undefined,
    example: undefined,
    ...changes,
  } as never);

const tally = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const code = status === 200 ? "200" : (JSON.parse(body) as { code: string }).code;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
};

/** The value of a metric over all series that have these labels. */
function sum(text: string, name: string, labels = ""): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && line.includes(labels))
    .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
}

describe("more than an API may have in flight", () => {
  it("is refused at once with its reason in body, metric and one line of the log; probes answer", async () => {
    const lines: [string, LogFields | undefined][] = [];
    const log: Log = {
      ...silentLog,
      warn: (message, fields) => void lines.push([message, fields]),
    };
    const door = createDoor();
    const work = plain({ maxConcurrency: 3, handler: (async () => await door.wait()) as never });
    await using server = await serve([work], {}, log);
    const asked = Array.from({ length: 40 }, () => send(`${server.url}/work`, item));
    await poll(() => door.waiting).toBe(3);
    await poll(async () => sum(await server.metrics(), "ekiben_shed_total")).toBe(37);
    for (const probe of ["/livez", "/readyz", "/healthz", "/metrics"]) {
      expect((await send(`${server.url}${probe}`, "", { method: "GET" })).status).toBe(200);
    }
    door.open();
    const answers = await Promise.all(asked);
    expect(tally(answers)).toEqual({ 200: 3, CONCURRENCY_EXCEEDED: 37 });
    const refused = answers.find(({ status }) => status === 503);
    expect(problemOf(refused)).toMatchObject({
      expected: 3,
      hint: expect.stringContaining("Retry-After"),
    });
    expect(refused!.headers["retry-after"]).toMatch(/^\d+$/);
    const text = await server.metrics();
    expect(sum(text, "ekiben_shed_total", 'reason="concurrency"')).toBe(37);
    expect(sum(text, "ekiben_requests_total", 'status="503"')).toBe(37);
    expect(sum(text, "ekiben_requests_total", 'status="200"')).toBe(3);
    expect(lines.filter(([message]) => message === "request refused")).toHaveLength(1);
    expect(server.runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
  });

  it("counts who was answered with 504, and whose client has gone", async () => {
    const door = createDoor();
    const work = plain({ maxConcurrency: 2, handler: (async () => await door.wait()) as never });
    await using server = await serve([work]);
    const late = send(`${server.url}/work`, item, { headers: { "x-request-timeout-ms": "1500" } });
    const wire = await openWire(server.url);
    wire.socket.write(toText("/work", item));
    await poll(() => door.waiting).toBe(2);
    expect((await late).status).toBe(504);
    wire.socket.destroy();
    await poll(async () =>
      sum(await server.metrics(), "ekiben_requests_total", 'status="499"'),
    ).toBe(1);
    expect(problemOf(await send(`${server.url}/work`, item))).toMatchObject({
      code: "CONCURRENCY_EXCEEDED",
    });
    door.open();
    await poll(() => server.runtime.inFlight.requests).toBe(0);
    const next = send(`${server.url}/work`, item);
    await poll(() => door.waiting).toBe(1);
    door.open();
    expect((await next).status).toBe(200);
  });
});

describe("bodies", () => {
  it("that do not fit beside those under way are refused before they are read", async () => {
    const door = createDoor();
    const work = plain({ handler: (async () => await door.wait()) as never });
    await using server = await serve([work], { bodyBudgetBytes: 10_000 });
    const padded = (size: number): string => item.padEnd(size);
    const first = send(`${server.url}/work`, padded(9000));
    await poll(() => door.waiting).toBe(1);
    // Only its head is sent: an answer means that nobody waited for the body.
    const wire = await openWire(server.url);
    wire.socket.write(toText("/work", "").replace("Content-Length: 0", "Content-Length: 5000"));
    const [answer] = await wire.answers(1);
    expect(problemOf(answer)).toMatchObject({
      status: 503,
      code: "BODY_BUDGET_EXCEEDED",
      expected: 10_000,
    });
    wire.socket.destroy();
    // In chunks it is refused where it does not fit any more; packed, by what it unpacks to.
    const chunked = await openWire(server.url);
    const head = toText("/work", "").replace("Content-Length: 0", "Transfer-Encoding: chunked");
    chunked.socket.write(`${head}${(5000).toString(16)}\r\n${"x".repeat(5000)}\r\n`);
    expect(problemOf((await chunked.answers(1))[0])).toMatchObject({
      code: "BODY_BUDGET_EXCEEDED",
    });
    chunked.socket.destroy();
    const packed = await send(`${server.url}/work`, gzipSync(padded(900_000)), {
      headers: { "content-encoding": "gzip" },
    });
    expect(problemOf(packed)).toMatchObject({ code: "BODY_BUDGET_EXCEEDED" });
    door.open();
    expect((await first).status).toBe(200);
    await poll(() => server.runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
    const alone = send(`${server.url}/work`, padded(50_000));
    await poll(() => door.waiting).toBe(1);
    door.open();
    expect((await alone).status).toBe(200);
    expect(sum(await server.metrics(), "ekiben_shed_total", 'reason="body-bytes"')).toBe(3);
  });

  it("that are files count while they are in memory, and not when they are on disk", async () => {
    const upload = plain({
      name: "upload",
      route: "upload",
      input: file({ maxMemoryBytes: 1000 }),
      handler: (async (sent: { size: number }) => ({ size: sent.size })) as never,
    });
    // Each may hold one piece: what has come while the one before it was written, which is at most
    // 128 KiB from Node 22 on (two marks of 64 KiB) and less before.
    await using server = await serve([upload], { bodyBudgetBytes: 600_000 });
    const headers = { "content-type": "application/octet-stream" };
    const sent = Array.from({ length: 4 }, () =>
      send(`${server.url}/upload`, Buffer.alloc(1_000_000), { headers }),
    );
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await poll(() => server.runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
  });

  it.each([
    ["announced", "Content-Length: 1000", "abc"],
    ["in chunks", "Transfer-Encoding: chunked", "3\r\nabc\r\n"],
  ])(
    "that come too slowly are answered with 408 in the time of the request: %s",
    async (_, length, part) => {
      const work = plain({ timeoutMs: 60_000, handler: (() => 1) as never });
      await using server = await serve([work]);
      const wire = await openWire(server.url);
      const head = toText("/work", "", "X-Request-Timeout-Ms: 80").replace(
        "Content-Length: 0",
        length,
      );
      wire.socket.write(`${head}${part}`);
      const [answer] = await wire.answers(1);
      expect(problemOf(answer)).toMatchObject({
        status: 408,
        code: "REQUEST_INCOMPLETE",
        expected: 80,
      });
      expect(answer!.headers["connection"]).toBe("close");
      if (!wire.socket.closed) await once(wire.socket, "close");
      await poll(() => server.runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
    },
  );
});

describe("a storm on a batched API", () => {
  it("loses nothing: every request has one answer, and the metrics say the same", async () => {
    const work = plain({
      batch: {
        maxBatchSize: 4,
        maxLatencyMs: 150,
        maxQueueItems: 20,
        maxQueueBytes: 2000,
        concurrency: 1,
      },
      timeoutMs: 400,
      handler: (async (items: unknown[]) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return items;
      }) as never,
    });
    await using server = await serve([work], { maxConcurrency: 60 });
    const asked = Array.from({ length: 300 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index));
      const headers: Record<string, string> =
        index % 7 === 0 ? { "x-request-timeout-ms": "60" } : {};
      return await send(`${server.url}/work`, item.padEnd(index % 5 === 0 ? 1500 : 20), {
        headers,
      });
    });
    const answers = await Promise.all(asked);
    const counts = tally(answers);
    const known = [
      "200",
      "QUEUE_FULL",
      "DEADLINE_UNREACHABLE",
      "CONCURRENCY_EXCEEDED",
      "REQUEST_TIMEOUT",
      // On a machine that is so busy that not even the body was read in time.
      "REQUEST_INCOMPLETE",
    ];
    expect(Object.keys(counts).filter((code) => !known.includes(code))).toEqual([]);
    expect(counts["200"]).toBeGreaterThan(0);
    const text = await server.metrics();
    const shed = (reason: string): number => sum(text, "ekiben_shed_total", `reason="${reason}"`);
    expect(shed("queue-full") + shed("queue-bytes")).toBe(counts["QUEUE_FULL"] ?? 0);
    expect(shed("deadline")).toBe(counts["DEADLINE_UNREACHABLE"] ?? 0);
    expect(shed("service-concurrency")).toBe(counts["CONCURRENCY_EXCEEDED"] ?? 0);
    expect(sum(text, "ekiben_requests_total", 'endpoint="/work"')).toBe(300);
    expect(sum(text, "ekiben_requests_total", 'status="200"')).toBe(counts["200"]);
    expect(server.runtime.apis.get("work")!.stats()).toMatchObject({
      queuedItems: 0,
      queuedBytes: 0,
    });
    await poll(() => server.runtime.inFlight).toMatchObject({ requests: 0, bytes: 0 });
  });
});
