import { request } from "node:http";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { z } from "zod";
import { describe, expect, it } from "vitest";
import { createApp } from "../../sdk/http/create-app.js";
import { findNodeHandler } from "../../sdk/http/node-handler.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { json } from "../../sdk/inputs/json.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import { listen, type Listening } from "../../sdk/server/listen.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { countBytes } from "./streamed-input.js";

const defineService = createDefineService({} as ServiceFaces);
const service = defineService({ name: "s" })
  .api("one", {
    route: "v1/one",
    input: json(z.object({ x: z.number(), mode: z.string().optional() })),
    handler({ x, mode }, { reject, items }) {
      if (mode === "throw") throw new Error("inside");
      if (mode === "reject") reject(0, 418, { teapot: items[0]!.headers.get("x-color") });
      if (mode === "empty") reject(0, 204);
      return { y: x * 2, text: "ünï" };
    },
  })
  .api("many", {
    input: dataframe(z.object({ x: z.number(), s: z.string().nullable() })),
    batch: { maxBatchSize: 4 },
    maxBodyBytes: 2_000,
    handler: (df) => ({ y: df["x"].values as number[] }),
  })
  .api("bytes", { input: countBytes(50), maxBodyBytes: 2_000, handler: (size) => ({ size }) })
  .api("stream", {
    input: json(z.object({ values: z.array(z.number()) })),
    output: ndjsonStream(z.number().max(3)),
    async *handler({ values }) {
      yield* values;
    },
  });

interface Pair extends AsyncDisposable {
  /** With the shorter way, and without it. */
  readonly both: readonly [Listening, Listening];
}

async function openPair(): Promise<Pair> {
  const open = async (direct: boolean): Promise<Listening> => {
    const serviceMetrics = createServiceMetrics({ service: "s", version: "1" });
    const runtime = createRuntime(service.definition, {
      log: silentLog,
      metrics: createMetrics(),
      checkOutputs: true,
    });
    await runtime.start();
    const app = createApp(runtime, { mode: "production", log: silentLog, serviceMetrics });
    expect(findNodeHandler(app)).toBeDefined();
    return await listen(direct ? app : { fetch: app.fetch }, { port: 0 });
  };
  const both = [await open(true), await open(false)] as const;
  return {
    both,
    async [Symbol.asyncDispose]() {
      for (const one of both) await one.close({ drainMs: 1000, lingerMs: 0 });
    },
  };
}

interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  chunked?: boolean;
}

interface Got {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

function send(port: number, sent: Sent): Promise<Got> {
  const { method = "POST", path = "/v1/one", body = "", headers = {} } = sent;
  const length = sent.chunked === true ? {} : { "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(
      { port, host: "127.0.0.1", method, path, agent: false, headers: { ...length, ...headers } },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => {
          const { date: _, ...kept } = response.headers;
          resolve({ status: response.statusCode!, headers: kept, body: text });
        });
      },
    );
    asked.on("error", reject);
    asked.end(body);
  });
}

async function compare({ both }: Pair, sent: Sent): Promise<Got> {
  const named = { ...sent, headers: { "x-request-id": "same", ...sent.headers } };
  const [direct, byHono] = await Promise.all(both.map((one) => send(one.port, named)));
  expect(direct).toEqual(byHono);
  return direct!;
}

const JSON_TYPE = { "content-type": "application/json" };
const good = JSON.stringify({ x: 2 });

const range = fc.constantFrom(
  "*/*",
  "application/json",
  "text/csv",
  "text/*",
  "application/x-ndjson",
  "application/vnd.apache.arrow.stream",
  "image/png",
  ",;=",
);
const headers = fc.record(
  {
    accept: fc
      .array(fc.tuple(range, fc.constantFrom("", ";q=0", ";q=0.5", "; charset=utf-8")), {
        maxLength: 3,
      })
      .map((ranges) => ranges.map((parts) => parts.join("")).join(", ")),
    "content-type": fc.constantFrom("application/json", "text/csv", "text/plain", "x", ""),
    "content-encoding": fc.constantFrom("identity", "gzip", "zstd", ""),
  },
  { requiredKeys: [] },
);

describe("the shorter way to an API", () => {
  it.each<[string, number, Sent]>([
    ["a plain request", 200, { headers: JSON_TYPE, body: good }],
    ["no content type", 200, { body: good }],
    [
      "a charset",
      200,
      { headers: { "content-type": "application/json; charset=utf-8" }, body: good },
    ],
    ["a wrong content type", 415, { headers: { "content-type": "text/plain" }, body: good }],
    ["malformed JSON", 400, { headers: JSON_TYPE, body: '{"x":' }],
    ["invalid UTF-8", 400, { headers: JSON_TYPE, body: Buffer.from([0x22, 0xff, 0x22]) }],
    ["an invalid input", 422, { headers: JSON_TYPE, body: '{"x":"1"}' }],
    ["no body", 400, { headers: JSON_TYPE }],
    ["a handler that throws", 500, { headers: JSON_TYPE, body: '{"x":1,"mode":"throw"}' }],
    [
      "a rejection",
      418,
      { headers: { ...JSON_TYPE, "X-Color": "red" }, body: '{"x":1,"mode":"reject"}' },
    ],
    ["a rejection without a body", 204, { headers: JSON_TYPE, body: '{"x":1,"mode":"empty"}' }],
    ["a packed body", 200, { headers: { "content-encoding": "gzip" }, body: gzipSync(good) }],
    ["a body of unknown length", 200, { headers: JSON_TYPE, body: good, chunked: true }],
    ["a query", 200, { path: "/v1/one?a=1", body: good }],
    ["another path", 404, { path: "/v1/two", body: good }],
    ["a slash at the end", 404, { path: "/v1/one/", body: good }],
    ["another method", 405, { method: "PUT", body: good }],
    ["a table", 200, { path: "/many", body: '[{"x":1,"s":"a"},{"s":null,"x":2}]' }],
    ["an empty table", 200, { path: "/many", body: "[]" }],
    [
      "more rows than a batch holds",
      200,
      {
        path: "/many",
        body: JSON.stringify(Array.from({ length: 9 }, (_, x) => ({ x, s: null }))),
      },
    ],
    ["a body over the limit", 413, { path: "/many", body: `[${" ".repeat(3_000)}]` }],
    ["a probe", 200, { method: "GET", path: "/livez" }],
    [
      "a table as CSV",
      200,
      { path: "/many", headers: { accept: "text/csv" }, body: '[{"x":1,"s":"a"}]' },
    ],
    ["an answer that is not to be had", 406, { headers: { accept: "image/png" }, body: good }],
    ["a stream", 200, { path: "/stream", body: '{"values":[1,2]}' }],
    ["a stream that breaks", 200, { path: "/stream", body: '{"values":[1,9]}' }],
    ["a stream that breaks at once", 500, { path: "/stream", body: '{"values":[9]}' }],
    ["a streamed body", 200, { path: "/bytes", body: "abc" }],
    [
      "a streamed body that is left before its end",
      200,
      { path: "/bytes", body: "a".repeat(1_000) },
    ],
    ["a streamed body over the limit", 413, { path: "/bytes", body: "a".repeat(2_001) }],
    [
      "a streamed body that is not packed as it says",
      400,
      { path: "/bytes", headers: { "content-encoding": "gzip" }, body: "abc" },
    ],
  ])("answers %s as Hono does, with %i", async (_, status, sent) => {
    await using pair = await openPair();
    expect((await compare(pair, sent)).status).toBe(status);
  });

  it("answers any body as Hono does", async () => {
    await using pair = await openPair();
    const row = fc.record({ x: fc.double(), s: fc.option(fc.string()) }, { requiredKeys: ["x"] });
    const body = fc.oneof(
      fc.json(),
      fc.string({ unit: "binary" }),
      fc.array(row, { maxLength: 10 }).map((rows) => JSON.stringify(rows)),
    );
    const path = fc.constantFrom("/many", "/v1/one", "/bytes", "/stream");
    await fc.assert(
      fc.asyncProperty(body, path, headers, async (text, to, more) => {
        await compare(pair, { path: to, body: text, headers: { ...JSON_TYPE, ...more } });
      }),
      { numRuns: 200 },
    );
  });

  it("makes a request id where none was sent, and refuses one that is not safe", async () => {
    await using pair = await openPair();
    for (const headers of [JSON_TYPE, { ...JSON_TYPE, "x-request-id": "a b<script>" }]) {
      const { headers: got } = await send(pair.both[0].port, { headers, body: good });
      expect(got["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it("counts in the metrics what Hono counts", async () => {
    await using pair = await openPair();
    for (const body of [good, good, "{", '{"x":1,"mode":"throw"}']) await compare(pair, { body });
    const [direct, byHono] = await Promise.all(
      pair.both.map(async ({ port }) => {
        const { body } = await send(port, { method: "GET", path: "/metrics" });
        return body.split("\n").filter((line) => /^ekiben_request.*(total|_count)\{/.test(line));
      }),
    );
    expect(direct!.length).toBeGreaterThan(2);
    expect(direct).toEqual(byHono);
  });
});
