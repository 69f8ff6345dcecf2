import type { MiddlewareHandler } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { bearerAuth } from "../../sdk/http/guards/bearer-auth.js";
import { cors } from "../../sdk/http/guards/cors.js";
import { toOpenApi } from "../../sdk/http/openapi.js";
import { reject } from "../../sdk/core/rejection.js";
import { silentLog } from "../../sdk/observability/log.js";
import type { ServiceDefinition } from "../../sdk/service/definition.js";
import { api, build, listen, send, service } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });
const VARIABLE = "EKIBEN_TEST_KEYS";
afterEach(() => {
  delete process.env[VARIABLE];
});

interface Answer {
  status: number;
  body: any;
  headers: Headers;
}

async function ask(
  middleware: MiddlewareHandler | readonly MiddlewareHandler[],
  headers: Record<string, string> = {},
  { method = "POST", ...changes }: { method?: string } & Partial<ServiceDefinition> = {},
): Promise<Answer> {
  const stack = typeof middleware === "function" ? [middleware] : middleware;
  const { app } = await build(service([api()], { middleware: stack, ...changes }));
  const response = await app.request("/v1/add", {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(method === "POST" ? { body: BODY } : {}),
  });
  const text = await response.text();
  const body: unknown = text === "" ? undefined : JSON.parse(text);
  return { status: response.status, body, headers: response.headers };
}

describe("apiKey", () => {
  it("lets requests with one of its keys pass, and tells others what is missing", async () => {
    const guard = apiKey({ keys: ["old-key", "new-key"] });
    for (const key of ["old-key", "new-key"]) {
      expect((await ask(guard, { "x-api-key": key })).status).toBe(200);
    }
    for (const key of ["", "old", "old-key,new-key", "OLD-KEY", "old-key2"]) {
      const { status, body, headers } = await ask(guard, { "x-api-key": key });
      expect([status, body.code]).toEqual([401, "UNAUTHENTICATED"]);
      expect(headers.get("content-type")).toBe("application/problem+json");
      expect(headers.get("www-authenticate")).toBe('ApiKey header="X-API-Key"');
      if (key !== "") expect(JSON.stringify(body)).not.toContain(key);
    }
    expect((await ask(guard)).body.detail).toContain("X-API-Key");
  });

  it("takes a header of another name", async () => {
    const guard = apiKey({ keys: ["k"], header: "X-Service-Token" });
    expect((await ask(guard, { "x-service-token": "k" })).status).toBe(200);
    expect((await ask(guard, { "x-api-key": "k" })).status).toBe(401);
  });

  it("reads its keys from the environment of the service, when they are needed", async () => {
    const guard = apiKey({ env: VARIABLE });
    process.env[VARIABLE] = "one, two\nthree";
    for (const key of ["one", "two", "three"]) {
      expect((await ask(guard, { "x-api-key": key })).status).toBe(200);
    }
    process.env[VARIABLE] = "four";
    expect((await ask(guard, { "x-api-key": "one" })).status).toBe(401);
    expect((await ask(guard, { "x-api-key": "four" })).status).toBe(200);
  });

  it.each([
    ["a variable that is not set", { env: VARIABLE }, undefined],
    ["an empty variable", { env: VARIABLE }, " , "],
    ["keys of a variable that is not set", { keys: [process.env[VARIABLE] as string] }, undefined],
    ["no keys", { keys: [] }, undefined],
    ["empty keys", { keys: [""] }, undefined],
  ])("lets nobody in with %s, says so at the start and is not ready", async (_, options, value) => {
    if (value !== undefined) process.env[VARIABLE] = value;
    const errors: string[] = [];
    const log = { ...silentLog, error: (message: string) => void errors.push(message) };
    const { app } = await build(service([api()], { middleware: [apiKey(options)] }), { log });
    expect(errors).toEqual([expect.stringContaining("every request will be refused")]);
    for (const key of ["", "undefined", "x"]) {
      const response = await app.request("/v1/add", {
        method: "POST",
        headers: { "x-api-key": key },
      });
      const text = await response.text();
      expect([response.status, JSON.parse(text).code]).toEqual([503, "CREDENTIALS_MISSING"]);
      expect(text).not.toContain(VARIABLE);
    }
    const ready = await app.request("/readyz");
    expect([ready.status, await ready.json()]).toMatchObject([503, { status: "locked" }]);
    expect((await app.request("/livez")).status).toBe(200);
  });

  it("asks a function, also one that takes its time, but not without a key", async () => {
    const asked: string[] = [];
    const guard = apiKey({
      keys: async (key) => {
        asked.push(key);
        if (key === "broken") throw new Error("no database");
        return key === "good";
      },
    });
    expect((await ask(guard, { "x-api-key": "good" })).status).toBe(200);
    expect((await ask(guard, { "x-api-key": "bad" })).status).toBe(401);
    expect((await ask(guard, { "x-api-key": "broken" })).body.code).toBe("INTERNAL");
    expect((await ask(guard)).status).toBe(401);
    expect(asked).toEqual(["good", "bad", "broken"]);
  });

  it.each([
    {},
    { env: "" },
    { env: "not a name" },
    { keys: "key" },
    { env: VARIABLE, keys: "key" },
    { env: VARIABLE, header: "a b" },
    { env: VARIABLE, haeder: "x" },
  ])("refuses the options %j", (options) => {
    expect(() => apiKey(options as { env: string })).toThrow(
      expect.objectContaining({ code: "SERVICE_INVALID" }),
    );
  });

  it("is answered in the service's own words, which keep the challenge", async () => {
    const { status, body, headers } = await ask(
      apiKey({ keys: ["k"] }),
      {},
      {
        onError: [(error) => reject(401, { errorCode: (error as { code: string }).code })],
      },
    );
    expect([status, body]).toEqual([401, { errorCode: "UNAUTHENTICATED" }]);
    expect(headers.get("www-authenticate")).toContain("X-API-Key");
  });

  it("stands before the body: what is refused is not read", async () => {
    const { app } = await build(service([api()], { middleware: [apiKey({ keys: ["k"] })] }));
    await using served = await listen(app);
    const answer = await send(`${served.url}/v1/add`, { body: "x".repeat(2_000_000) });
    expect(answer.status).toBe(401);
  });
});

describe("bearerAuth", () => {
  it("reads the header as RFC 6750 has it", async () => {
    const guard = bearerAuth({ tokens: ["a.b-c_d~e+f/g=="] });
    for (const authorization of ["Bearer a.b-c_d~e+f/g==", "bearer   a.b-c_d~e+f/g== "]) {
      expect((await ask(guard, { authorization })).status).toBe(200);
    }
    for (const [authorization, challenge] of [
      ["", "Bearer"],
      ["Basic YTpi", "Bearer"],
      ["Bearer", "Bearer"],
      ["Bearera.b", "Bearer"],
      ["Bearer a b", "Bearer"],
      ["Bearer other", 'Bearer error="invalid_token"'],
    ]) {
      const { status, headers } = await ask(guard, { authorization: authorization! });
      expect([authorization, status, headers.get("www-authenticate")]).toEqual([
        authorization,
        401,
        challenge,
      ]);
    }
  });

  it("takes its tokens from the environment too", async () => {
    process.env[VARIABLE] = "t1,t2";
    const guard = bearerAuth({ env: VARIABLE });
    expect((await ask(guard, { authorization: "Bearer t2" })).status).toBe(200);
  });
});

const ORIGIN = "https://app.example";
const PREFLIGHT = {
  origin: ORIGIN,
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type,x-api-key",
};

describe("cors", () => {
  it.each([
    ["before", (guard: MiddlewareHandler, open: MiddlewareHandler) => [open, guard]],
    ["after", (guard: MiddlewareHandler, open: MiddlewareHandler) => [guard, open]],
  ])("answers a preflight, which has no key, when it stands %s the guard", async (_, order) => {
    const stack = order(apiKey({ keys: ["k"] }), cors({ origins: [ORIGIN] }));
    const preflight = await ask(stack, PREFLIGHT, { method: "OPTIONS" });
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-methods": "GET,POST",
      "access-control-allow-headers": "content-type,x-api-key",
      "access-control-max-age": "600",
      vary: expect.stringContaining("Origin"),
    });
    const answer = await ask(stack, { origin: ORIGIN, "x-api-key": "k" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(answer.headers.get("access-control-expose-headers")).toBe("X-Request-Id");
  });

  it("lets a page read why it was refused when it stands before the guard", async () => {
    const open = cors({ origins: [ORIGIN] });
    const guard = apiKey({ keys: ["k"] });
    const first = await ask([open, guard], { origin: ORIGIN });
    expect([first.status, first.headers.get("access-control-allow-origin")]).toEqual([401, ORIGIN]);
    const last = await ask([guard, open], { origin: ORIGIN });
    expect([last.status, last.headers.get("access-control-allow-origin")]).toEqual([401, null]);
  });

  it("has its headers on every error of an API", async () => {
    const { app } = await build(service([api()], { middleware: [cors({ origins: "*" })] }));
    for (const [body, status] of [
      ["{", 400],
      ['{"x":1}', 422],
    ] as const) {
      const response = await app.request("/v1/add", {
        method: "POST",
        headers: { "content-type": "application/json", origin: ORIGIN },
        body,
      });
      expect(response.status).toBe(status);
      expect(response.headers.get("access-control-allow-origin")).toBe("*");
    }
  });

  it("says nothing to other origins, and asks a function", async () => {
    for (const guard of [
      cors({ origins: [ORIGIN] }),
      cors({ origins: (origin) => origin.endsWith(".example") }),
    ]) {
      const other = await ask(guard, { origin: "https://evil.test" });
      expect(other.headers.get("access-control-allow-origin")).toBeNull();
      const own = await ask(guard, { origin: ORIGIN });
      expect(own.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    }
  });

  it("names methods, headers, credentials and age as told", async () => {
    const guard = cors({
      origins: [ORIGIN],
      methods: ["POST"],
      headers: ["X-A"],
      exposeHeaders: ["X-B"],
      credentials: true,
      maxAgeSeconds: 5,
    });
    const { headers } = await ask(guard, PREFLIGHT, { method: "OPTIONS" });
    expect(Object.fromEntries(headers)).toMatchObject({
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "X-A",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "5",
    });
    const answer = await ask(guard, { origin: ORIGIN });
    expect(answer.headers.get("access-control-expose-headers")).toBe("X-Request-Id,X-B");
  });

  it.each([
    {},
    { origins: "https://app.example" },
    { origins: ["app.example"] },
    { origins: ["https://app.example/"] },
    { origins: ["https://app.example/page"] },
    { origins: "*", credentials: true },
    { origins: ["*"], credentials: true },
    { origins: "*", maxAge: 5 },
  ])("refuses the options %j", (options) => {
    expect(() => cors(options as { origins: "*" })).toThrow(
      expect.objectContaining({ code: "SERVICE_INVALID" }),
    );
  });
});

describe("the OpenAPI document of a guarded service", () => {
  it("says which credentials the APIs ask for, and that probes ask for none", () => {
    const middleware = [
      cors({ origins: "*" }),
      apiKey({ keys: ["secret-key"], header: "X-K" }),
      bearerAuth({ env: VARIABLE }),
      apiKey({ env: VARIABLE }),
    ];
    const document = toOpenApi(service([api()], { middleware }), { version: "1" }) as any;
    expect(document.components.securitySchemes).toEqual({
      apiKey: { type: "apiKey", in: "header", name: "X-K" },
      bearerAuth: { type: "http", scheme: "bearer" },
      apiKey2: { type: "apiKey", in: "header", name: "X-API-Key" },
    });
    expect(document.paths["/v1/add"].post.security).toEqual([
      { apiKey: [], bearerAuth: [], apiKey2: [] },
    ]);
    expect(document.paths["/v1/add"].post.responses[401]).toBeDefined();
    expect(document.paths["/livez"].get.security).toBeUndefined();
    expect(JSON.stringify(document)).not.toContain("secret-key");
  });

  it("says nothing of that for an open service", () => {
    const document = toOpenApi(service([api()]), { version: "1" }) as any;
    expect(document.components.securitySchemes).toBeUndefined();
    expect(document.paths["/v1/add"].post.security).toBeUndefined();
  });
});
