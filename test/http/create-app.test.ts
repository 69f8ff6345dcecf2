import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { EkibenError, type Problem } from "../../sdk/core/errors.js";
import type { Context } from "../../sdk/service/context.js";
import { api, build, listen, send, service, until, type Serving } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });
const MIB = 1024 * 1024;

async function serveApi(
  changes: Parameters<typeof api>[0] = {},
  options: Parameters<typeof build>[1] = {},
): Promise<Serving & Awaited<ReturnType<typeof build>>> {
  const built = await build(service([api(changes)]), options);
  return Object.assign(await listen(built.app), built);
}

function problemOf(answer: { headers: object; body: string }): Problem {
  expect(answer.headers).toMatchObject({ "content-type": "application/problem+json" });
  const problem = JSON.parse(answer.body) as Problem;
  expect(problem.type).toBe(`urn:ekiben:error:${problem.code}`);
  expect(problem.title).toEqual(expect.any(String));
  expect(problem.detail).toEqual(expect.any(String));
  expect((answer.headers as Record<string, string>)["x-request-id"]).toBe(problem.requestId);
  return problem;
}

describe("answers", () => {
  test("an API answers JSON", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer).toMatchObject({ status: 200, body: '{"sum":3}' });
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["content-length"]).toBe("9");
  });

  test("the app answers the same in process as over a socket", async () => {
    const { app } = await build(service([api()]));
    const answer = await app.request("/v1/add", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: BODY,
    });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('{"sum":3}');
  });

  test("a batched API joins requests and answers each with its own", async () => {
    const sizes: number[] = [];
    await using served = await serveApi({
      batch: {
        maxBatchSize: 50,
        maxLatencyMs: 5000,
        maxQueueItems: 1000,
        maxQueueBytes: 2 ** 28,
        concurrency: 1,
      },
      handler: (async (points: { x: number; y: number }[]) => {
        sizes.push(points.length);
        await new Promise((resolve) => setTimeout(resolve, 5));
        return points.map(({ x, y }) => ({ sum: x + y }));
      }) as never,
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, x) =>
        send(`${served.url}/v1/add`, { body: JSON.stringify({ x, y: 1 }) }),
      ),
    );
    expect(answers.map(({ body }) => JSON.parse(body).sum)).toEqual(
      Array.from({ length: 40 }, (_, x) => x + 1),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(1);
  });

  test("a handler rejects with a status and body of its own", async () => {
    await using served = await serveApi({
      handler: ((_: unknown, context: Context) => {
        context.reject(0, 404, { missing: "customer" });
      }) as never,
    });
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer).toMatchObject({ status: 404, body: '{"missing":"customer"}' });
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  test("a rejection with 204 has no body", async () => {
    await using served = await serveApi({
      handler: ((_: unknown, context: Context) => context.reject(0, 204)) as never,
    });
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer).toMatchObject({ status: 204, body: "" });
    const { app } = served;
    const inProcess = await app.request("/v1/add", {
      method: "POST",
      body: BODY,
      headers: JSON_HEADERS,
    });
    expect(inProcess.status).toBe(204);
  });
});

const JSON_HEADERS = { "content-type": "application/json" };

describe("problems", () => {
  test("malformed JSON is 400, also when the body is empty", async () => {
    await using served = await serveApi();
    for (const body of ['{"x": 1,', "", "\u0000"]) {
      const answer = await send(`${served.url}/v1/add`, { body });
      expect(answer.status).toBe(400);
      expect(problemOf(answer).code).toBe("BODY_MALFORMED");
    }
  });

  test("another content type is 415", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, {
      body: BODY,
      headers: { "content-type": "application/xml; charset=utf-8" },
    });
    expect(answer.status).toBe(415);
    expect(problemOf(answer)).toMatchObject({
      code: "MEDIA_TYPE_UNSUPPORTED",
      received: expect.stringContaining("application/xml"),
    });
  });

  test("a value that does not match the schema is 422 and names the place", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, { body: '{"x":1,"y":"two"}' });
    expect(answer.status).toBe(422);
    const problem = problemOf(answer);
    expect(problem.code).toBe("INPUT_INVALID");
    expect(JSON.stringify(problem.issues)).toContain("y");
  });

  test("an unknown route is 404 and lists the routes of the service", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/ad`, { body: BODY });
    expect(answer.status).toBe(404);
    expect(problemOf(answer)).toMatchObject({
      code: "ROUTE_NOT_FOUND",
      expected: "POST /v1/add",
      received: "POST /v1/ad",
    });
  });

  test("another method is 405 with Allow, on APIs and on probes", async () => {
    await using served = await serveApi();
    const onApi = await send(`${served.url}/v1/add`, { method: "GET" });
    expect(onApi.status).toBe(405);
    expect(onApi.headers.allow).toBe("POST, OPTIONS");
    expect(problemOf(onApi).code).toBe("METHOD_NOT_ALLOWED");
    const onProbe = await send(`${served.url}/livez`, { method: "DELETE" });
    expect(onProbe.status).toBe(405);
    expect(onProbe.headers.allow).toBe("GET, HEAD, OPTIONS");
  });

  test("OPTIONS names the methods; HEAD answers as GET without a body", async () => {
    await using served = await serveApi();
    const options = await send(`${served.url}/v1/add`, { method: "OPTIONS" });
    expect(options).toMatchObject({ status: 204, body: "" });
    expect(options.headers.allow).toBe("POST, OPTIONS");
    expect(await send(`${served.url}/readyz`, { method: "HEAD" })).toMatchObject({
      status: 200,
      body: "",
    });
    expect((await send(`${served.url}/v1/add`, { method: "HEAD" })).status).toBe(405);
  });

  test("what a handler throws stays inside in production and shows in development", async () => {
    const changes = {
      handler: () => {
        throw new Error("secret path");
      },
    };
    await using production = await serveApi(changes);
    const hidden = await send(`${production.url}/v1/add`, { body: BODY });
    expect(hidden.status).toBe(500);
    expect(problemOf(hidden).code).toBe("HANDLER_FAILED");
    expect(hidden.body).not.toContain("secret");

    await using development = await serveApi(changes, { mode: "development" });
    const shown = await send(`${development.url}/v1/add`, { body: BODY });
    expect(problemOf(shown).detail).toContain("secret path");
  });

  test("a failure is in the log under the id that the client got", async () => {
    const lines: { message: string; fields: Record<string, unknown> }[] = [];
    const write = (message: string, fields = {}) => lines.push({ message, fields });
    const log = { debug() {}, info() {}, warn: write, error: write, child: () => log };
    const cause = new Error("the reason");
    await using served = await serveApi(
      {
        handler: () => {
          throw cause;
        },
      },
      { log },
    );
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    const line = lines.find(({ fields }) => fields["requestId"] === answer.headers["x-request-id"]);
    const error = line?.fields["error"];
    expect(error).toBeInstanceOf(EkibenError);
    expect(error).toHaveProperty("cause", cause);
  });

  test("a shed request is 503 with Retry-After in whole seconds", async () => {
    await using served = await serveApi({
      handler: () => {
        throw new EkibenError("QUEUE_FULL", { detail: "Full.", retryAfter: 0.2 });
      },
    });
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBe("1");
    expect(problemOf(answer).code).toBe("QUEUE_FULL");
  });

  test("a handler that takes longer than its limit is 504", async () => {
    await using served = await serveApi({
      timeoutMs: 30,
      handler: () => new Promise((resolve) => setTimeout(resolve, 500)),
    });
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer.status).toBe(504);
    expect(problemOf(answer).code).toBe("REQUEST_TIMEOUT");
  });
});

describe("large bodies", () => {
  test("an announced length over the limit is 413 before the body is read", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, {
      headers: { "content-length": String(200 * MIB) },
      body: chunksOf(64 * 1024, 1),
    });
    expect(answer.status).toBe(413);
    expect(problemOf(answer)).toMatchObject({ expected: MIB, received: 200 * MIB });
  });

  for (const announced of [true, false]) {
    const how = announced ? "announced" : "not announced";
    test(`200 MiB that are ${how} are cut with 413 and memory stays flat`, async () => {
      await using served = await serveApi();
      const total = 200 * MIB;
      let peak = 0;
      const before = process.memoryUsage.rss();
      const sampler = setInterval(() => {
        peak = Math.max(peak, process.memoryUsage.rss() - before);
      }, 5);
      const sent = { bytes: 0 };
      const answer = await send(`${served.url}/v1/add`, {
        headers: announced ? { "content-length": String(total) } : {},
        body: chunksOf(256 * 1024, total / (256 * 1024), sent),
      });
      clearInterval(sampler);
      expect(answer.status).toBe(413);
      expect(problemOf(answer).code).toBe("BODY_TOO_LARGE");
      expect(sent.bytes).toBeLessThan(total);
      expect(peak).toBeLessThan(100 * MIB);
      expect((await send(`${served.url}/v1/add`, { body: BODY })).status).toBe(200);
    });
  }

  test("a body of exactly the limit is read, one byte more is not", async () => {
    await using served = await serveApi({ maxBodyBytes: 40 });
    const exact = BODY.padEnd(40, " ");
    expect((await send(`${served.url}/v1/add`, { body: exact })).status).toBe(200);
    expect((await send(`${served.url}/v1/add`, { body: `${exact} ` })).status).toBe(413);
    const streamed = (text: string) => ({ body: streamOf(Buffer.from(text)) });
    expect((await send(`${served.url}/v1/add`, streamed(exact))).status).toBe(200);
    expect((await send(`${served.url}/v1/add`, streamed(`${exact} `))).status).toBe(413);
  });

  test("the limit also holds in process, where no length is announced", async () => {
    const { app } = await build(service([api({ maxBodyBytes: 40 })]));
    const answer = await app.request("/v1/add", {
      method: "POST",
      headers: JSON_HEADERS,
      body: BODY.padEnd(41, " "),
    });
    expect(answer.status).toBe(413);
  });
});

async function* chunksOf(
  size: number,
  count: number,
  sent = { bytes: 0 },
): AsyncGenerator<Uint8Array> {
  const chunk = Buffer.alloc(size, 0x20);
  for (let index = 0; index < count; index++) {
    sent.bytes += size;
    yield chunk;
  }
}

async function* streamOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

describe("packed bodies", () => {
  const packs = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync };

  for (const [coding, pack] of Object.entries(packs)) {
    test(`${coding} is unpacked`, async () => {
      await using served = await serveApi();
      const answer = await send(`${served.url}/v1/add`, {
        headers: { "content-encoding": coding },
        body: pack(BODY),
      });
      expect(answer).toMatchObject({ status: 200, body: '{"sum":3}' });
    });

    test(`a ${coding} bomb is 413 and memory stays flat`, async () => {
      await using served = await serveApi();
      const bomb = pack(Buffer.alloc(96 * MIB, 0x20));
      expect(bomb.byteLength).toBeLessThan(MIB);
      const before = process.memoryUsage.rss();
      const answer = await send(`${served.url}/v1/add`, {
        headers: { "content-encoding": coding },
        body: bomb,
      });
      expect(answer.status).toBe(413);
      expect(problemOf(answer).code).toBe("BODY_TOO_LARGE");
      expect(process.memoryUsage.rss() - before).toBeLessThan(48 * MIB);
    });
  }

  test("codings are undone in the reverse order", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, {
      headers: { "content-encoding": "gzip, BR" },
      body: brotliCompressSync(gzipSync(BODY)),
    });
    expect(answer.status).toBe(200);
  });

  test("a bomb within a bomb is 413", async () => {
    await using served = await serveApi();
    const answer = await send(`${served.url}/v1/add`, {
      headers: { "content-encoding": "gzip, gzip" },
      body: gzipSync(gzipSync(Buffer.alloc(64 * MIB))),
    });
    expect(answer.status).toBe(413);
  });

  test("a body that is not packed as it says, or cut short, is 400", async () => {
    await using served = await serveApi();
    for (const body of [Buffer.from(BODY), gzipSync(BODY).subarray(0, 12), Buffer.alloc(0)]) {
      const answer = await send(`${served.url}/v1/add`, {
        headers: { "content-encoding": "gzip" },
        body,
      });
      expect(answer.status).toBe(400);
      expect(problemOf(answer).detail).toContain("gzip");
    }
  });

  test("an unknown coding is 415 and says which are known", async () => {
    await using served = await serveApi();
    for (const coding of ["compress", "constructor", "__proto__"]) {
      const answer = await send(`${served.url}/v1/add`, {
        headers: { "content-encoding": coding },
        body: BODY,
      });
      expect(answer.status).toBe(415);
      expect(problemOf(answer)).toMatchObject({ expected: "gzip, deflate, br", received: coding });
    }
  });
});

describe("request ids", () => {
  test("an id of the client comes back, on answers, problems and probes", async () => {
    await using served = await serveApi();
    const headers = { "x-request-id": "trace-1:a.b_C" };
    for (const [path, method] of [
      ["/v1/add", "POST"],
      ["/v1/none", "POST"],
      ["/v1/add", "PUT"],
      ["/livez", "GET"],
      ["/metadata", "GET"],
      ["/metrics", "GET"],
      ["/openapi.json", "GET"],
      ["/", "GET"],
    ] as const) {
      const answer = await send(served.url + path, {
        method,
        headers,
        ...(method === "GET" ? {} : { body: BODY }),
      });
      expect([path, answer.headers["x-request-id"]]).toEqual([path, "trace-1:a.b_C"]);
    }
  });

  test("an id that is not safe to print is replaced", async () => {
    await using served = await serveApi();
    for (const id of ["", "a b", "a".repeat(129), "ä", "<script>", "a\tb", '"']) {
      const answer = await send(`${served.url}/v1/add`, {
        body: BODY,
        headers: { "x-request-id": Buffer.from(id, "utf8").toString("latin1") },
      });
      expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("two ids in one request are not one id", async () => {
    const { app } = await build(service([api()]));
    const answer = await app.request("/livez", { headers: { "x-request-id": "a, b" } });
    expect(answer.headers.get("x-request-id")).not.toContain(",");
  });

  test("each request without an id gets its own", async () => {
    await using served = await serveApi();
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const answer = await send(`${served.url}/v1/add`, { body: BODY });
        return answer.headers["x-request-id"];
      }),
    );
    expect(new Set(ids).size).toBe(20);
  });

  test("the handler sees the id and the headers of its request", async () => {
    await using served = await serveApi({
      output: undefined as never,
      handler: ((_: unknown, { items }: Context) => ({
        id: items[0]!.id,
        tenant: items[0]!.headers.get("x-tenant"),
      })) as never,
    });
    const answer = await send(`${served.url}/v1/add`, {
      body: BODY,
      headers: { "x-request-id": "r-1", "x-tenant": "acme" },
    });
    expect(JSON.parse(answer.body)).toEqual({ id: "r-1", tenant: "acme" });
  });
});

test("a request that an outer app has wrapped is read whole", async () => {
  const { app } = await build(service([api()]));
  await using served = await listen(new Hono().mount("/outer", app.fetch) as Hono);
  const url = `${served.url}/outer/v1/add`;
  expect((await send(url, { body: BODY })).body).toBe('{"sum":3}');
  const large = BODY.padEnd(MIB, " ");
  expect((await send(url, { body: large })).body).toBe('{"sum":3}');
  expect((await send(url, { body: `${large} ` })).status).toBe(413);
  async function* slowly(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < BODY.length; at += 3) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      yield Buffer.from(BODY.slice(at, at + 3));
    }
  }
  expect((await send(url, { body: slowly() })).body).toBe('{"sum":3}');
});

test("requests under way are in progress until they are answered", async () => {
  let finish: (() => void) | undefined;
  await using served = await serveApi({
    example: undefined,
    handler: () => new Promise((resolve) => (finish = () => resolve({ sum: 0 }))),
  });
  const pending = send(`${served.url}/v1/add`, { body: BODY });
  await until(() => finish !== undefined);
  const series =
    'ekiben_requests_in_progress{endpoint="/v1/add",method="POST",service_version="1",service="adder"}';
  expect(await served.serviceMetrics.text()).toContain(`${series} 1`);
  finish!();
  await pending;
  expect(await served.serviceMetrics.text()).toContain(`${series} 0`);
});
