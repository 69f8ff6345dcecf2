import fc from "fast-check";
import type { MiddlewareHandler } from "hono";
import { describe, expect, it } from "vitest";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { cors } from "../../sdk/http/guards/cors.js";
import { createRateLimit, rateLimit } from "../../sdk/http/guards/rate-limit.js";
import { createBuckets } from "../../sdk/http/guards/token-buckets.js";
import { createFakeClock } from "../fake-clock.js";
import { api, build, listen, send, service } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });

async function serve(...middleware: MiddlewareHandler[]) {
  const built = await build(service([api()], { middleware }));
  const serving = await listen(built.app);
  return {
    ...built,
    ask: (headers: Record<string, string> = {}, path = "/v1/add") =>
      send(`${serving.url}${path}`, { body: BODY, headers }),
    [Symbol.asyncDispose]: () => serving[Symbol.asyncDispose](),
  };
}

describe("rateLimit", () => {
  it("lets a client send as many as it says, and tells it how many are left and when to come again", async () => {
    const clock = createFakeClock();
    await using server = await serve(createRateLimit({ requests: 3, perSeconds: 30 }, clock));
    for (const left of [2, 1, 0]) {
      const { status, headers } = await server.ask();
      expect(status).toBe(200);
      expect(headers["ratelimit-policy"]).toBe('"default";q=3;w=30');
      expect(headers["ratelimit"]).toBe(`"default";r=${left};t=${(3 - left) * 10}`);
    }
    const { status, headers, body } = await server.ask();
    expect(status).toBe(429);
    expect(headers["retry-after"]).toBe("10");
    expect(headers["ratelimit"]).toBe('"default";r=0;t=10');
    expect(headers["content-type"]).toBe("application/problem+json");
    expect(JSON.parse(body)).toMatchObject({
      code: "RATE_LIMITED",
      detail: "More than 3 requests in 30 s came from this client.",
      hint: "Send the next one in 10.0 s, as `Retry-After` says.",
    });
    await clock.advance(10_000);
    expect((await server.ask()).status).toBe(200);
    expect((await server.ask()).status).toBe(429);
    const metrics = await server.serviceMetrics.text();
    expect(metrics).toMatch(/ekiben_shed_total\{api="add",reason="rate-limit"[^}]*\} 2/);
    expect(metrics).toMatch(
      /ekiben_requests_total\{endpoint="\/v1\/add",method="POST",status="429"[^}]*\} 2/,
    );
  });

  it("never limits probes, metrics and preflights, and stands before the other protocols too", async () => {
    const limit = createRateLimit({ requests: 1 }, createFakeClock());
    await using server = await serve(cors({ origins: ["https://shop.example"] }), limit);
    expect((await server.ask()).status).toBe(200);
    expect((await server.ask({}, "/v2/models/add/infer")).status).toBe(429);
    for (const path of ["/livez", "/readyz", "/healthz", "/metrics", "/metadata"]) {
      for (let round = 0; round < 5; round++) {
        expect((await server.app.request(path)).status).toBe(200);
      }
    }
    const preflight = await server.app.request("/v1/add", {
      method: "OPTIONS",
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" },
    });
    expect(preflight.status).toBe(204);
  });

  it("counts what it refuses of feedback and of other protocols under their own names", async () => {
    const limit = createRateLimit({ requests: 1 }, createFakeClock());
    await using server = await serve(limit);
    expect((await server.ask()).status).toBe(200);
    for (const path of ["/feedback", "/feedback", "/v2/models/add/infer"]) {
      expect((await server.ask({}, path)).status).toBe(429);
    }
    const metrics = await server.serviceMetrics.text();
    const shed = Array.from(metrics.matchAll(/^ekiben_shed_total\{api="(\w+)".*\} (\d+)$/gm));
    expect(shed.map(([, api, count]) => [api, count])).toEqual([
      ["feedback", "2"],
      ["protocols", "1"],
    ]);
  });

  it("tells clients apart by a key, behind what has checked it", async () => {
    const limit = createRateLimit({ requests: 1, by: { header: "X-API-Key" } }, createFakeClock());
    await using server = await serve(apiKey({ keys: ["one", "two"] }), limit);
    const status = async (key: string) => (await server.ask({ "x-api-key": key })).status;
    expect(await status("one")).toBe(200);
    expect(await status("two")).toBe(200);
    expect(await status("one")).toBe(429);
    expect(await status("three")).toBe(401);
  });

  it("believes X-Forwarded-For from a trusted proxy only, and its last untrusted address only", async () => {
    const clock = createFakeClock();
    const ask = async (trustedProxies: string[], forwarded: string[]) => {
      await using server = await serve(createRateLimit({ requests: 1, trustedProxies }, clock));
      const statuses: number[] = [];
      for (const one of forwarded)
        statuses.push((await server.ask({ "x-forwarded-for": one })).status);
      return statuses;
    };
    expect(await ask([], ["203.0.113.1", "203.0.113.2"])).toEqual([200, 429]);
    const proxies = ["127.0.0.0/8", "10.0.0.0/8"];
    expect(await ask(proxies, ["203.0.113.1", "203.0.113.2"])).toEqual([200, 200]);
    // What a client wrote itself stands in front.
    expect(await ask(proxies, ["1.1.1.1, 203.0.113.1", "2.2.2.2, 203.0.113.1"])).toEqual([
      200, 429,
    ]);
    expect(await ask(proxies, ["203.0.113.1, 10.0.0.7", "203.0.113.1"])).toEqual([200, 429]);
    expect(await ask(proxies, ["rubbish", "nonsense"])).toEqual([200, 429]);
    expect(await ask(proxies, ["203.0.113.1:4711", "203.0.113.1"])).toEqual([200, 429]);
    expect(await ask(proxies, ["2001:db8::1", "[2001:db8:0:0::2]:80"])).toEqual([200, 429]);
    expect(await ask(proxies, ["2001:db8::1", "2001:db8:0:1::1"])).toEqual([200, 200]);
    expect(await ask(proxies, ["::ffff:203.0.113.1", "203.0.113.1"])).toEqual([200, 429]);
  });

  it("asks a function, whose undefined is not limited", async () => {
    const limit = rateLimit({ requests: 1, by: (c) => c.req.header("x-tenant") });
    await using server = await serve(limit);
    expect((await server.ask({ "x-tenant": "a" })).status).toBe(200);
    expect((await server.ask({ "x-tenant": "a" })).status).toBe(429);
    for (let round = 0; round < 3; round++) expect((await server.ask()).status).toBe(200);
  });

  it.each([
    {},
    { requests: 0 },
    { requests: 1.5 },
    { requests: 1, perSeconds: 0 },
    { requests: 1, trustedProxies: ["example.com"] },
    { requests: 1, trustedProxies: ["10.0.0.0/33"] },
    { requests: 1, perMinute: 3 },
  ])("refuses %j", (options) => {
    expect(() => rateLimit(options as { requests: number })).toThrow(
      expect.objectContaining({ code: "SERVICE_INVALID" }),
    );
  });
});

describe("token buckets", () => {
  it("never let more through in any window than they hold and what comes in meanwhile", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 10, max: 1000 }),
        fc.array(fc.nat(200), { maxLength: 60 }),
        async (capacity, refillMs, waits) => {
          const clock = createFakeClock();
          const buckets = createBuckets({ capacity, refillMs, maxClients: 10, clock });
          const passed: number[] = [];
          for (const wait of waits) {
            await clock.advance(wait);
            const { allowed, waitMs, left } = buckets.take("a");
            expect(left).toBeGreaterThanOrEqual(0);
            if (allowed) passed.push(clock.now());
            else expect(waitMs).toBeGreaterThan(0);
          }
          for (const [index, from] of passed.entries()) {
            for (const [further, to] of passed.slice(index).entries()) {
              const most = capacity + ((to - from) * capacity) / refillMs;
              expect(further + 1).toBeLessThanOrEqual(Math.floor(most + 1e-6));
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it("remember no more clients than they may", () => {
    const buckets = createBuckets({
      capacity: 1,
      refillMs: 60_000,
      maxClients: 50,
      clock: createFakeClock(),
    });
    for (let client = 0; client < 1000; client++) buckets.take(`client ${client}`);
    expect(buckets.clients).toBe(50);
    expect(buckets.take("client 999").allowed).toBe(false);
    expect(buckets.take("client 0").allowed).toBe(true);
  });
});
