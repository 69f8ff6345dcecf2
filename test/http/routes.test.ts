import { z } from "zod";
import { describe, expect, it } from "vitest";
import { json } from "../../sdk/inputs/json.js";
import { listen as listenNode } from "../../sdk/server/listen.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { build, send } from "./serving.js";

const defineService = createDefineService({} as ServiceFaces);

const service = defineService({ name: "shop" })
  .api("list", {
    route: "v1/:region/items/:id",
    params: z.object({ region: z.enum(["eu", "us"]), id: z.int() }),
    query: z.object({
      limit: z.int().max(100).default(10),
      exact: z.boolean().optional(),
      since: z.date().optional(),
      tag: z.array(z.string()).default([]),
      ratio: z.number().optional(),
      page: z.literal([1, 2]).optional(),
      big: z.bigint().optional(),
    }),
    handler: (_, { params, query }) => ({ params, query: { ...query } }),
  })
  .api("free", {
    route: "v1/free/:name",
    handler: (_, { params, query }) => ({ name: params["name"], query: { ...query } }),
  })
  .api("fixed", { route: "v1/free/fixed", handler: () => "fixed" })
  .api("add", {
    route: "v1/free/:name",
    method: "POST",
    input: json(z.object({ x: z.number() })),
    query: z.object({ by: z.number().default(1) }),
    handler: ({ x }, { params, query }) => ({ name: params, sum: x + query.by }),
  });

interface Asked {
  status: number;
  body: any;
}

async function get(path: string): Promise<Asked> {
  const { app } = await build(service.definition);
  const response = await app.request(path);
  return { status: response.status, body: await response.json() };
}

describe("parameters of paths and query strings", () => {
  it("are read by their schemas", async () => {
    expect(await get("/v1/eu/items/42?limit=5&exact=true&since=2026-01-02&tag=a&tag=b")).toEqual({
      status: 200,
      body: {
        params: { region: "eu", id: 42 },
        query: { limit: 5, exact: true, since: "2026-01-02T00:00:00.000Z", tag: ["a", "b"] },
      },
    });
  });

  it("have their defaults, and a single value where a list is expected", async () => {
    const { body } = await get(
      "/v1/us/items/-1?tag=only&ratio=1e-3&page=2&big=12345678901234567890",
    );
    expect(body.query).toMatchObject({ limit: 10, tag: ["only"], ratio: 0.001, page: 2 });
    expect(body.query.big).toBe("12345678901234567890");
  });

  it.each([
    ["?limit=abc", "query.limit"],
    ["?limit=", "query.limit"],
    ["?limit=0x10", "query.limit"],
    ["?limit=1&limit=2", "query.limit"],
    ["?limit=101", "query.limit"],
    ["?exact=yes", "query.exact"],
    ["?page=3", "query.page"],
    ["?since=yesterday", "query.since"],
  ])("name what is wrong in %s", async (query, path) => {
    const { status, body } = await get(`/v1/eu/items/1${query}`);
    expect([status, body.code]).toEqual([422, "INPUT_INVALID"]);
    expect(body.issues[0].path).toBe(path);
    expect(body.detail).toContain(path);
  });

  it("name what is wrong in a path", async () => {
    const { status, body } = await get("/v1/asia/items/x");
    expect(status).toBe(422);
    expect(body.issues.map((issue: { path: string }) => issue.path)).toEqual([
      "path.region",
      "path.id",
    ]);
  });

  it.each([
    ["a%20b", "a b"],
    ["a%2Fb", "a/b"],
    ["a+b", "a+b"],
    ["100%25", "100%"],
    ["%2525", "%25"],
    ["%C3%BC", "ü"],
    ["%F0%9F%8D%B1", "🍱"],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
    ["%E0%A4", "%E0%A4"],
  ])("decode %s in a path once", async (sent, name) => {
    expect(await get(`/v1/free/${sent}`)).toMatchObject({ status: 200, body: { name } });
  });

  it.each([
    ["a=1&a=2&b=", { a: ["1", "2"], b: "" }],
    ["a=x+y%2B%20z", { a: "x y+ z" }],
    ["a", { a: "" }],
    ["a=b=c", { a: "b=c" }],
    ["%61=%zz", { a: "%zz" }],
    ["?", { "?": "" }],
    ["", {}],
    ["a=1&a=2&a=3", { a: ["1", "2", "3"] }],
    ["constructor=1&toString=2", { constructor: "1", toString: "2" }],
  ])("without a schema are text: ?%s", async (query, expected) => {
    expect((await get(`/v1/free/x?${query}`)).body.query).toEqual(expected);
  });

  it("of the name __proto__ change nothing", async () => {
    const { body } = await get("/v1/free/x?__proto__=1&__proto__.polluted=2&a=3");
    expect(body.query).toMatchObject({ a: "3" });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const known = await get("/v1/eu/items/1?__proto__=1&limit=3");
    expect(known).toMatchObject({ status: 200, body: { query: { limit: 3 } } });
  });
});

describe("routes", () => {
  it("with a fixed segment come before those with a parameter, whatever the order", async () => {
    expect((await get("/v1/free/fixed")).body).toBe("fixed");
    const { app } = await build(service.definition);
    const posted = await app.request("/v1/free/fixed?by=2", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"x":1}',
    });
    expect(await posted.json()).toEqual({ name: { name: "fixed" }, sum: 3 });
  });

  it("are not met by their own template", async () => {
    const { app } = await build(service.definition);
    const listening = await listenNode(app, { port: 0 });
    try {
      const answer = await send(`${listening.address}/v1/free/:name`, { body: '{"x":1}' });
      expect(JSON.parse(answer.body)).toEqual({ name: { name: ":name" }, sum: 2 });
    } finally {
      await listening.close({ drainMs: 100, lingerMs: 0 });
    }
  });

  it.each([
    ["PUT", "/v1/free/x", 405, "GET, POST, HEAD, OPTIONS"],
    ["OPTIONS", "/v1/free/x", 204, "GET, POST, HEAD, OPTIONS"],
    ["OPTIONS", "/v1/free/fixed", 204, "GET, POST, HEAD, OPTIONS"],
    ["POST", "/v1/eu/items/1", 405, "GET, HEAD, OPTIONS"],
    ["HEAD", "/v1/free/x", 200, null],
    ["GET", "/v1/free/", 404, null],
    ["GET", "/v1/free/x/y", 404, null],
  ])("answer %s %s with %i", async (method, path, status, allow) => {
    const { app } = await build(service.definition);
    const response = await app.request(path, { method });
    expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
    if (method === "HEAD") expect(await response.text()).toBe("");
  });

  it("are counted by their template, and by the method that was sent", async () => {
    const { app, serviceMetrics } = await build(service.definition);
    await app.request("/v1/free/a");
    await app.request("/v1/free/b?x=1", { method: "HEAD" });
    await app.request("/v1/eu/items/nope");
    await app.request("/v1/free/c", { method: "DELETE" });
    const text = await serviceMetrics.text();
    const lines = text.split("\n").filter((line) => line.startsWith("ekiben_requests_total"));
    expect(lines.sort()).toEqual([
      'ekiben_requests_total{endpoint="/v1/:region/items/:id",method="GET",status="422",service_version="1",service="shop"} 1',
      'ekiben_requests_total{endpoint="/v1/free/:name",method="DELETE",status="405",service_version="1",service="shop"} 1',
      'ekiben_requests_total{endpoint="/v1/free/:name",method="GET",status="200",service_version="1",service="shop"} 1',
      'ekiben_requests_total{endpoint="/v1/free/:name",method="HEAD",status="200",service_version="1",service="shop"} 1',
    ]);
  });

  it("that overlap pass each middleware once", async () => {
    let passed = 0;
    const guarded = defineService({ name: "s" })
      .use(async (_, next) => {
        passed++;
        await next();
      })
      .api("any", { route: "v1/:name", handler: () => "any" })
      .api("one", { route: "v1/one", method: "POST", handler: () => "one" });
    const { app, serviceMetrics } = await build(guarded.definition);
    const answers = [];
    for (const method of ["GET", "POST", "PUT"]) {
      passed = 0;
      const response = await app.request("/v1/one", { method });
      answers.push([method, response.status, passed]);
    }
    expect(answers).toEqual([
      ["GET", 200, 1],
      ["POST", 200, 1],
      ["PUT", 405, 1],
    ]);
    expect(await serviceMetrics.text()).toContain('ekiben_requests_in_progress{endpoint="/v1/one"');
  });

  it("of two versions have limits of their own", async () => {
    const Item = json(z.object({ text: z.string() }));
    const versions = defineService({ name: "s" })
      .api("v1", { route: "v1/predict", input: Item, maxBodyBytes: 40, handler: () => 1 })
      .api("v2", {
        route: "v2/predict",
        input: Item,
        maxBodyBytes: 400,
        timeoutMs: 20,
        handler: ({ text }) =>
          text === "slow" ? new Promise<number>((resolve) => setTimeout(resolve, 60, 2)) : 2,
      });
    const { app } = await build(versions.definition);
    const ask = async (path: string, text: string): Promise<unknown[]> => {
      const response = await app.request(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text }),
      });
      const body = (await response.json()) as { code?: string };
      return [response.status, body.code ?? body];
    };
    expect(await ask("/v1/predict", "a".repeat(40))).toEqual([413, "BODY_TOO_LARGE"]);
    expect(await ask("/v2/predict", "a".repeat(40))).toEqual([200, 2]);
    expect(await ask("/v2/predict", "slow")).toEqual([504, "REQUEST_TIMEOUT"]);
    expect(await ask("/v1/predict", "slow")).toEqual([200, 1]);
  });
});

describe("the parameters of a batch", () => {
  const batched = defineService({ name: "s" })
    .api("add", {
      route: "v1/:by/add",
      input: json(z.object({ x: z.number() })),
      params: z.object({ by: z.number() }),
      query: z.object({ times: z.number().default(1) }),
      batch: {},
      handler: (items, context) =>
        items.map(({ x }, at) => {
          const { params, query } = context.items[at]!;
          return { y: (x + params.by) * query.times, of: items.length };
        }),
    })
    .api("wrong", {
      route: "v1/wrong",
      input: json(z.object({ x: z.number() })),
      batch: {},
      handler: (_, { params }) => [params],
    });

  async function post(path: string, x: number): Promise<Asked> {
    const response = await app().then((one) =>
      one.request(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ x }),
      }),
    );
    return { status: response.status, body: await response.json() };
  }

  let built: ReturnType<typeof build> | undefined;
  const app = async () =>
    (await (built ??= build(batched.definition, { mode: "development" }))).app;

  it("belong to each request", async () => {
    await app();
    const answers = await Promise.all([
      post("/v1/1/add", 1),
      post("/v1/2/add?times=10", 1),
      post("/v1/3/add?times=x", 1),
      post("/v1/4/add", 1),
    ]);
    expect(answers.map(({ status, body }) => [status, body.y, body.of])).toEqual([
      [200, 2, 3],
      [200, 30, 3],
      [422, undefined, undefined],
      [200, 5, 3],
    ]);
  });

  it("are refused to whoever asks for those of the whole batch", async () => {
    const { status, body } = await post("/v1/wrong", 1);
    expect([status, body.code]).toEqual([500, "HANDLER_FAILED"]);
    expect(body.hint).toContain("items[i].params");
  });
});
