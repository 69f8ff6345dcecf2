import fc from "fast-check";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { MiddlewareHandler } from "hono";
import { z } from "zod";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { form } from "../../sdk/inputs/form.js";
import { json } from "../../sdk/inputs/json.js";
import { text } from "../../sdk/inputs/text.js";
import type { Log, LogFields } from "../../sdk/observability/log.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { listen } from "../../sdk/server/listen.js";
import type { Context } from "../../sdk/service/context.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { openWire, problemOf, send } from "../robustness/traffic.js";
import { api, build, service } from "./serving.js";

const BEFORE = Reflect.ownKeys(Object.prototype).map(String).sort();
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype).map(String).sort()).toEqual(BEFORE);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

async function serve(definition: Parameters<typeof build>[0], log?: Log) {
  const { app } = await build(definition, log === undefined ? {} : { log });
  const listening = await listen(app, { port: 0 });
  return {
    url: listening.address,
    [Symbol.asyncDispose]: async () => void (await listening.close({ drainMs: 0 })),
  };
}

const echo = (name: string, input: object): never =>
  api({
    name,
    route: name,
    input,
    output: undefined,
    example: undefined,
    handler: (given: unknown) => given,
  } as never) as never;

const defineService = createDefineService({} as ServiceFaces);

/** Answers a GET, or rejects it for a client that says so. */
const look = (_: unknown, { items, reject }: Context): unknown =>
  items[0]!.headers.get("x-unknown") === null ? { of: "one" } : reject(0, 404, { no: 1 });

const SPECIAL = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "__defineGetter__",
];

describe("names that every object has", () => {
  const names = fc.constantFrom(...SPECIAL, "plain", "polluted");
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(1, "x", null, true),
      fc.array(tie("node"), { maxLength: 3 }),
      // As JSON.parse makes it: with own keys, whatever their name.
      fc.array(fc.tuple(names, tie("node")), { maxLength: 3 }).map((entries) => {
        const made = {};
        for (const [key, one] of entries) {
          Object.defineProperty(made, key, {
            value: one,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        }
        return made;
      }),
    ),
  })).node;

  it("come back from a JSON body as they were sent, and change no object", async () => {
    await using server = await serve(
      service([echo("any", json(z.any())), echo("record", json(z.record(z.string(), z.any())))]),
    );
    await fc.assert(
      fc.asyncProperty(value, async (sent) => {
        const body = JSON.stringify(sent);
        const answer = await send(`${server.url}/any`, body);
        expect([answer.status, answer.body]).toEqual([200, body]);
      }),
      { numRuns: 60 },
    );
    // zod drops this one key from a record.
    const sent = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const answer = await send(`${server.url}/record`, sent);
    expect(answer.body).toBe('{"constructor":{"prototype":{"polluted":1}}}');
  });

  it("are refused or dropped by an object schema as any unknown name is", async () => {
    const strict = z.strictObject({ x: z.number() });
    await using server = await serve(
      service([echo("loose", json(z.object({ x: z.number() }))), echo("strict", json(strict))]),
    );
    for (const name of SPECIAL) {
      const body = `{"x":1,${JSON.stringify(name)}:{"polluted":true}}`;
      expect((await send(`${server.url}/loose`, body)).body).toBe('{"x":1}');
      expect([name, (await send(`${server.url}/strict`, body)).status]).toEqual([name, 422]);
    }
  });

  it("are columns like others in every form of a table", async () => {
    // Made so that the schema has own keys of these names.
    const shape = Object.fromEntries([
      ["constructor", z.number()],
      ["toString", z.number()],
      ["x", z.number()],
    ]);
    const table = api({
      name: "table",
      route: "table",
      input: dataframe(z.object(shape)),
      output: undefined,
      example: undefined,
      handler: (df: any) =>
        Array.from({ length: df.shape[0] }, (_, row) => df["constructor"].values?.[row] ?? 0),
    } as never);
    const read = api({
      name: "read",
      route: "read",
      input: dataframe(z.object({ x: z.number() })),
      output: undefined,
      example: undefined,
      handler: (df: any) => Array.from(df["x"].values as number[]),
    } as never);
    await using server = await serve(service([read, table]));
    const bodies: [string, string][] = [
      ["application/json", '[{"x":1,"__proto__":5,"constructor":2,"toString":3}]'],
      ["application/json", '{"x":[1],"__proto__":[5],"constructor":[2],"toString":[3]}'],
      ["application/json", '{"columns":["x","__proto__","constructor"],"data":[[1,5,2]]}'],
      ["application/json", '{"x":{"0":1},"__proto__":{"0":5}}'],
      ["application/x-ndjson", '{"x":1,"__proto__":{"polluted":1}}\n'],
      ["text/csv", "x,__proto__,constructor,toString\n1,5,2,3\n"],
    ];
    for (const [type, body] of bodies) {
      const answer = await send(`${server.url}/read`, body, { headers: { "content-type": type } });
      // As an unknown column is: left out, or refused in words.
      if (answer.status === 200) expect([body, answer.body]).toEqual([body, "[1]"]);
      else expect([body, answer.status]).toEqual([body, 422]);
    }
  });

  it("are no parameters, fields and headers that have an effect", async () => {
    const query = api({
      name: "query",
      route: "query",
      method: "GET",
      input: undefined,
      output: undefined,
      example: undefined,
      handler: (_: unknown, { query }: any) => ({
        own: Object.keys(query),
        polluted: query.polluted ?? null,
      }),
    } as never);
    const fields = echo("fields", form({ note: text() }));
    await using server = await serve(
      service([
        { ...query, input: (echo("x", json(z.any())) as any).input, method: "POST" } as never,
        fields,
      ]),
    );
    const asked = `${server.url}/query?__proto__=1&__proto__[polluted]=1&constructor=2&polluted=`;
    const answer = await send(asked, "{}");
    expect(answer.status).toBeLessThan(500);
    const boundary = "b";
    const part = (name: string): string =>
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nhello\r\n`;
    for (const name of SPECIAL) {
      const body = `${part(name)}${part("note")}--${boundary}--\r\n`;
      const headers = { "content-type": `multipart/form-data; boundary=${boundary}`, [name]: "x" };
      const sent = await send(`${server.url}/fields`, body, { headers });
      expect([name, sent.status, sent.body]).toEqual([name, 200, '{"note":"hello"}']);
      const encoded = await send(
        `${server.url}/fields`,
        `note=hello&${name}=x&${name}%5Bpolluted%5D=1`,
        {
          headers: { "content-type": "application/x-www-form-urlencoded" },
        },
      );
      expect([name, encoded.status, encoded.body]).toEqual([name, 200, '{"note":"hello"}']);
      expect((await send(`${server.url}/${name}`, "{}")).status).toBe(404);
    }
  });
});

describe("bodies that grow", () => {
  it("deep nesting is taken or refused, and never ends the process", async () => {
    const Row = z.object({ x: z.number() });
    const one = (name: string, input: object): never =>
      ({ ...(echo(name, input) as object), handler: () => [1] }) as never;
    const inputs = { any: json(z.any()), row: json(Row), table: dataframe(Row) };
    const apis = Object.entries(inputs).map(([name, input]) => one(name, input));
    await using server = await serve(service([...apis, echo("echo", json(z.any()))]));
    for (const depth of [100, 5000, 150_000]) {
      for (const [open, close] of [
        ["[", "]"],
        ['{"a":', "}"],
      ] as const) {
        const body = `${open.repeat(depth)}1${close.repeat(depth)}`;
        for (const path of Object.keys(inputs)) {
          const { status } = await send(`${server.url}/${path}`, body);
          expect([path, depth, status]).toEqual([path, depth, path === "any" ? 200 : 422]);
        }
        // What a handler returns so deep cannot be printed.
        expect((await send(`${server.url}/echo`, body)).status).toBe(depth === 100 ? 200 : 500);
      }
    }
    expect((await send(`${server.url}/echo`, "1")).body).toBe("1");
  });

  it("what unpacks to more than the limit is refused, however small it is packed, and layers too", async () => {
    await using server = await serve(service([echo("any", json(z.any()))]));
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20, " "));
    expect(bomb.length).toBeLessThan(100_000);
    const ask = (body: Buffer, coding: string) =>
      send(`${server.url}/any`, body, { headers: { "content-encoding": coding } });
    expect(problemOf(await ask(bomb, "gzip"))).toMatchObject({ code: "BODY_TOO_LARGE" });
    expect(problemOf(await ask(gzipSync(bomb), "gzip, gzip"))).toMatchObject({
      code: "BODY_TOO_LARGE",
    });
    expect((await ask(bomb, "gzip, gzip, gzip, gzip")).status).toBe(415);
  });
});

describe("what is said on the wire", () => {
  it("a request whose length is said twice, or wrongly, is answered with 400 and the connection ends", async () => {
    await using server = await serve(service([echo("any", json(z.any()))]));
    const head = "POST /any HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    const smuggled = "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n";
    const wrong = [
      `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `${head}Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${smuggled}`,
      `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n1${smuggled}`,
      `${head}Content-Length: +1\r\n\r\n1${smuggled}`,
      `${head}Content-Length: 1, 1\r\n\r\n1${smuggled}`,
      `${head}Transfer-Encoding: chunked, identity\r\n\r\n${smuggled}`,
      `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
      `${head}Transfer-Encoding: chunked\r\n\r\nZZ\r\n1\r\n0\r\n\r\n${smuggled}`,
      `${head}X: a\nContent-Length: 1\r\n\r\n1${smuggled}`,
    ];
    for (const bytes of wrong) {
      const wire = await openWire(server.url);
      wire.socket.write(bytes);
      const answers = await wire.answers(2);
      expect([bytes, answers.map(({ status }) => status)]).toEqual([bytes, [400]]);
      expect(answers[0]!.headers["connection"]).toBe("close");
    }
  });

  it("no header takes the place of the method, and none tells what runs here", async () => {
    await using server = await serve(service([echo("any", json(z.any()))]));
    const headers = {
      "x-http-method-override": "GET",
      "x-http-method": "DELETE",
      "x-method-override": "GET",
    };
    const answers = [
      await send(`${server.url}/any`, "1", { headers }),
      await send(`${server.url}/any?_method=GET`, "1"),
      await send(`${server.url}/nowhere`, "1"),
      await send(`${server.url}/livez`, "", { method: "GET" }),
      await send(`${server.url}/`, "", { method: "GET" }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 200, 200]);
    for (const { headers: told } of answers) {
      for (const name of ["server", "x-powered-by", "via"]) expect(told[name]).toBeUndefined();
    }
  });

  it("the page runs nothing of elsewhere and stands in no frame; answers are what they say", async () => {
    await using server = await serve(service([echo("any", json(z.any()))]));
    const page = await send(`${server.url}/`, "", { method: "GET" });
    const policy = page.headers["content-security-policy"]!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    expect(page.headers["x-content-type-options"]).toBe("nosniff");
    const answer = await send(`${server.url}/any`, '"<script>"');
    expect(answer.headers["content-type"]).toMatch(/^application\/json/);
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
  });

  it("nothing is taken for another type than it says, and no cache keeps what is of one client", async () => {
    const base = defineService({ name: "told" })
      .api("any", { input: json(z.any()), handler: (given) => given as unknown })
      .api("look", { handler: look })
      .api("stream", {
        input: json(z.any()),
        output: ndjsonStream(z.any()),
        async *handler() {
          yield 1;
        },
      });
    for (const { definition } of [base, base.use((_, next) => next())]) {
      await using server = await serve(definition);
      const get = (path: string, headers = {}) =>
        send(`${server.url}${path}`, "", { method: "GET", headers });
      const kept = await send(`${server.url}/any`, "1");
      const others = [
        await get("/look"),
        await get("/look", { "x-unknown": "1" }),
        await send(`${server.url}/stream`, "1"),
        await send(`${server.url}/any`, "{"),
        await send(`${server.url}/nowhere<script>`, "1"),
        await get("/livez"),
        await get("/readyz"),
        await get("/metadata"),
        await get("/metrics"),
        await get("/v2"),
        await get("/ping"),
      ];
      const statuses = [200, 404, 200, 400, 404, 200, 200, 200, 200, 200, 200];
      expect(others.map(({ status }) => status)).toEqual(statuses);
      for (const { headers } of others) expect(headers["cache-control"]).toBe("no-store");
      for (const { headers } of [kept, ...others, await get("/openapi.json")]) {
        expect(headers["x-content-type-options"]).toBe("nosniff");
      }
      expect([kept.status, kept.headers["cache-control"]]).toEqual([200, undefined]);
    }
  });

  it("a middleware may let caches keep what a GET was answered with, and never a refusal", async () => {
    const before: MiddlewareHandler = (c, next) => {
      c.header("cache-control", "max-age=60");
      return next();
    };
    const after: MiddlewareHandler = async (c, next) => {
      await next();
      if (c.res.ok) c.res.headers.set("cache-control", "max-age=60");
    };
    for (const middleware of [before, after]) {
      await using server = await serve(
        defineService({ name: "told" }).use(middleware).api("look", { handler: look }).definition,
      );
      const get = (headers = {}) => send(`${server.url}/look`, "", { method: "GET", headers });
      expect((await get()).headers["cache-control"]).toBe("max-age=60");
      expect((await get({ "x-unknown": "1" })).headers["cache-control"]).toBe("no-store");
    }
  });
});

describe("secrets", () => {
  it("of requests are in no log line, no error and no page, whatever fails", async () => {
    const lines: [string, LogFields | undefined][] = [];
    const at = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
    const log: Log = { debug: at, info: at, warn: at, error: at, child: () => log };
    const key = "k-0123456789-secret";
    process.env["EKIBEN_TEST_SECRETS"] = `${key},k-older-0123456789`;
    try {
      const failing = api({
        name: "fail",
        route: "fail",
        input: json(z.any()),
        output: undefined,
        example: undefined,
        handler: () => {
          throw new Error("inside");
        },
      } as never);
      const definition = service([failing], {
        middleware: [apiKey({ env: "EKIBEN_TEST_SECRETS" })],
      });
      await using server = await serve(definition, log);
      const headers = {
        "x-api-key": key,
        authorization: `Bearer ${key}`,
        cookie: `session=${key}`,
      };
      const bodies = [
        await send(`${server.url}/fail`, "1", { headers }),
        await send(`${server.url}/fail`, "{", { headers }),
        await send(`${server.url}/fail`, "1", { headers: { ...headers, "x-api-key": `${key}x` } }),
        await send(`${server.url}/nowhere`, "1", { headers }),
        ...(await Promise.all(
          ["/", "/metadata", "/metrics", "/openapi.json", "/healthz"].map((path) =>
            send(`${server.url}${path}`, "", { method: "GET", headers }),
          ),
        )),
      ].map(({ body, headers: told }) => `${body}${JSON.stringify(told)}`);
      const told = `${JSON.stringify(lines)}${lines.map(([, fields]) => String((fields?.["error"] as Error | undefined)?.stack ?? "")).join("")}`;
      expect(lines.length).toBeGreaterThan(0);
      for (const secret of [key, "k-older-0123456789"]) {
        expect(told).not.toContain(secret);
        expect(bodies.join("")).not.toContain(secret);
      }
      expect(bodies.join("")).not.toContain("inside");
    } finally {
      delete process.env["EKIBEN_TEST_SECRETS"];
    }
  });
});
