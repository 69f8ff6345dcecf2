import type { MiddlewareHandler } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { api, build, listen, send, service } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });

async function serveBehind(...middleware: MiddlewareHandler[]) {
  const built = await build(service([api()], { middleware }));
  return Object.assign(await listen(built.app), built);
}

test("authentication stands in front of the APIs and of nothing else", async () => {
  await using served = await serveBehind(bearerAuth({ token: "open-sesame" }));
  const without = await send(`${served.url}/v1/add`, { body: BODY });
  expect(without.status).toBe(401);
  expect(without.headers["www-authenticate"]).toContain("Bearer");
  expect(without.headers["content-type"]).toBe("application/problem+json");
  expect(JSON.parse(without.body)).toMatchObject({
    code: "REQUEST_REJECTED",
    status: 401,
    requestId: without.headers["x-request-id"],
  });
  const authorized = await send(`${served.url}/v1/add`, {
    body: BODY,
    headers: { authorization: "Bearer open-sesame" },
  });
  expect(authorized).toMatchObject({ status: 200, body: '{"sum":3}' });
  for (const path of [
    "/",
    "/livez",
    "/readyz",
    "/healthz",
    "/metrics",
    "/metadata",
    "/openapi.json",
  ]) {
    expect([path, (await send(served.url + path, { method: "GET" })).status]).toEqual([path, 200]);
  }
});

test("what a middleware throws keeps its status and its words", async () => {
  await using served = await serveBehind(async () => {
    throw new HTTPException(402, { message: "The plan has ended." });
  });
  const answer = await send(`${served.url}/v1/add`, { body: BODY });
  expect(answer.status).toBe(402);
  expect(JSON.parse(answer.body)).toMatchObject({
    status: 402,
    code: "REQUEST_REJECTED",
    detail: "The plan has ended.",
  });
});

test("an error of the catalogue keeps its code; any other error tells nothing", async () => {
  await using known = await serveBehind(async () => {
    throw new EkibenError("QUEUE_FULL", { detail: "Enough.", retryAfter: 7 });
  });
  const full = await send(`${known.url}/v1/add`, { body: BODY });
  expect(full.status).toBe(503);
  expect(full.headers["retry-after"]).toBe("7");

  for (const thrown of [new Error("secret"), "secret", undefined, { secret: true }]) {
    await using served = await serveBehind(async () => {
      throw thrown;
    });
    const answer = await send(`${served.url}/v1/add`, { body: BODY });
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.body).code).toBe("INTERNAL");
    expect(answer.body).not.toContain("secret");
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test("headers that a middleware sets before or after are on the answer", async () => {
  await using served = await serveBehind(async (c, next) => {
    c.header("x-before", "1");
    await next();
    c.res.headers.set("x-after", "2");
  });
  const answer = await send(`${served.url}/v1/add`, {
    body: BODY,
    headers: { "x-request-id": "mine" },
  });
  expect(answer.headers).toMatchObject({ "x-before": "1", "x-after": "2", "x-request-id": "mine" });
});

test("a middleware may answer by itself, also with an answer from elsewhere", async () => {
  await using origin = await serveBehind();
  await using served = await serveBehind(() => fetch(`${origin.url}/livez`));
  const answer = await send(`${served.url}/v1/add`, {
    body: BODY,
    headers: { "x-request-id": "mine" },
  });
  expect(answer).toMatchObject({ status: 200, body: '{"status":"live"}' });
  expect(answer.headers["x-request-id"]).toBe("mine");
});

test("a middleware may read the body first, in any way that leaves it readable", async () => {
  const seen: unknown[] = [];
  await using served = await serveBehind(async (c, next) => {
    seen.push(await c.req.json(), await c.req.text());
    await next();
  });
  const answer = await send(`${served.url}/v1/add`, { body: BODY });
  expect(answer.body).toBe('{"sum":3}');
  expect(seen).toEqual([{ x: 1, y: 2 }, BODY]);
});

test("a middleware may replace the request", async () => {
  await using served = await serveBehind(bodyLimit({ maxSize: 100 }));
  expect((await send(`${served.url}/v1/add`, { body: BODY })).body).toBe('{"sum":3}');
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(BODY);
  }
  expect((await send(`${served.url}/v1/add`, { body: chunks() })).body).toBe('{"sum":3}');
});

test("the limit of the body holds behind a middleware", async () => {
  const built = await build(
    service([api({ maxBodyBytes: 40 })], { middleware: [async (_, next) => next()] }),
  );
  await using served = await listen(built.app);
  async function* chunks(text: string): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text);
  }
  const url = `${served.url}/v1/add`;
  expect((await send(url, { body: BODY.padEnd(40) })).status).toBe(200);
  expect((await send(url, { body: BODY.padEnd(41) })).status).toBe(413);
  expect((await send(url, { body: chunks(BODY.padEnd(40)) })).status).toBe(200);
  expect((await send(url, { body: chunks(BODY.padEnd(41)) })).status).toBe(413);
});

test("a preflight of another origin is answered by the middleware for it", async () => {
  await using served = await serveBehind(cors({ origin: "https://app.example" }));
  const preflight = await send(`${served.url}/v1/add`, {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "POST" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers["access-control-allow-origin"]).toBe("https://app.example");
  const answer = await send(`${served.url}/v1/add`, {
    body: BODY,
    headers: { origin: "https://app.example" },
  });
  expect(answer.body).toBe('{"sum":3}');
  expect(answer.headers["access-control-allow-origin"]).toBe("https://app.example");
});

test("a wrong method behind a middleware is 405, and the middleware has seen it", async () => {
  let seen = 0;
  await using served = await serveBehind(async (_, next) => {
    seen++;
    await next();
  });
  const answer = await send(`${served.url}/v1/add`, { method: "PUT", body: BODY });
  expect(answer.status).toBe(405);
  expect(answer.headers.allow).toBe("POST, OPTIONS");
  expect(seen).toBe(1);
});

test("the id of the request is a variable of the middleware", async () => {
  let id: unknown;
  await using served = await serveBehind(async (c, next) => {
    id = c.get("requestId");
    await next();
  });
  const answer = await send(`${served.url}/v1/add`, { body: BODY });
  expect(answer.headers["x-request-id"]).toBe(id);
});
