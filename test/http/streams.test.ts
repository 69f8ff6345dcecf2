import { connect } from "node:net";
import { once } from "node:events";
import { z } from "zod";
import { afterEach, describe, expect, it } from "vitest";
import { json } from "../../sdk/inputs/json.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { listen, type Listening } from "../../sdk/server/listen.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Service } from "../../sdk/service/infer.js";
import { build, until, type Built } from "./serving.js";

const defineService = createDefineService({} as ServiceFaces);

/** What the generators of a test did, and what they wait for. */
const seen: string[] = [];
let go: () => void = () => {};
const gate = (): Promise<void> => new Promise((resolve) => (go = resolve));

const Ask = json(z.object({ mode: z.string() }));

async function* generate({ mode }: { mode: string }): AsyncGenerator<{ n: number }> {
  try {
    if (mode === "early") throw new RangeError("before");
    if (mode === "never") await new Promise(() => {});
    yield { n: 1 };
    if (mode === "late") throw new RangeError("after");
    if (mode === "wait") await gate();
    if (mode === "silent") await new Promise((resolve) => setTimeout(resolve, 120));
    if (mode === "endless") {
      for (let n = 2; ; n++) {
        seen.push(`${n}`);
        yield { n, pad: "x".repeat(64 * 1024) } as { n: number };
      }
    }
    if (mode === "wrong") yield { n: "two" } as never;
    yield { n: 2 };
  } finally {
    seen.push("ended");
  }
}

const Output = z.looseObject({ n: z.number() });
const base = defineService({ name: "s" })
  .api("events", { input: Ask, output: eventStream(Output), handler: (ask) => generate(ask) })
  .api("lines", { input: Ask, output: ndjsonStream(Output), timeoutMs: 80, handler: generate })
  .api("plain", {
    input: Ask,
    output: ndjsonStream(Output),
    handler({ mode }, { reject }) {
      if (mode === "reject") reject(0, 402, { pay: true });
      return mode === "nothing" ? (undefined as never) : [{ n: 1 }, { n: 2 }];
    },
  })
  .api("get", {
    output: ndjsonStream(Output),
    query: z.object({ mode: z.string() }),
    handler: (_, { query }) => generate(query),
  });

const WAYS: Record<string, (service: Service, built: Built) => Promise<Listening>> = {
  "the shorter way": (_, { app }) => listen(app, { port: 0 }),
  Hono: (_, { app }) => listen({ fetch: app.fetch }, { port: 0 }),
  "a middleware": (_, { app }) => listen(app, { port: 0 }),
};

const open: Listening[] = [];
afterEach(async () => {
  go();
  await Promise.all(open.splice(0).map((one) => one.close({ drainMs: 0, lingerMs: 0 })));
  seen.length = 0;
});

async function serve(
  way: string,
  options: Parameters<typeof build>[1] = {},
  service: Service = base,
): Promise<{ url: string; port: number; built: Built; listening: Listening }> {
  const behind =
    way === "a middleware"
      ? service.use(async (c, next) => {
          await next();
          c.header("x-way", "middleware");
        })
      : service;
  const built = await build(behind.definition, { mode: "development", ...options });
  const listening = await WAYS[way]!(behind, built);
  open.push(listening);
  return { url: listening.address, port: listening.port, built, listening };
}

function post(url: string, mode: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ mode }),
    ...init,
  });
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const { value } = await reader.read();
  return Buffer.from(value ?? []).toString();
}

describe.each(Object.keys(WAYS))("a stream through %s", (way) => {
  it("arrives value by value", async () => {
    const { url } = await serve(way);
    const response = await post(`${url}/events`, "wait");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get("x-way")).toBe(way === "a middleware" ? "middleware" : null);
    const reader = response.body!.getReader();
    expect(await readChunk(reader)).toBe('data: {"n":1}\n\n');
    expect(seen).toEqual([]);
    go();
    let rest = "";
    for (let part = await readChunk(reader); part !== ""; part = await readChunk(reader)) {
      rest += part;
    }
    expect(rest).toBe('data: {"n":2}\n\nevent: end\ndata: {}\n\n');
    expect(seen).toEqual(["ended"]);
  });

  it("has a status when it breaks before its first value", async () => {
    const { url } = await serve(way);
    for (const [api, mode, status, code] of [
      ["events", "early", 500, "HANDLER_FAILED"],
      ["lines", "never", 504, "REQUEST_TIMEOUT"],
      ["plain", "nothing", 500, "OUTPUT_INVALID"],
      ["plain", "reject", 402, undefined],
    ] as const) {
      const response = await post(`${url}/${api}`, mode);
      const body = (await response.json()) as { code?: string };
      expect([mode, response.status, body.code]).toEqual([mode, status, code]);
    }
  });

  it("ends with the problem that broke it later", async () => {
    const { url } = await serve(way);
    const events = await (await post(`${url}/events`, "late")).text();
    const [value, problem] = events.split("\n\n");
    expect(value).toBe('data: {"n":1}');
    expect(problem).toMatch(/^event: error\ndata: \{.*"code":"HANDLER_FAILED"/);
    expect(events).not.toContain("event: end");
    const lines = (await (await post(`${url}/lines`, "wrong")).text()).trim().split("\n");
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[1]!)).toMatchObject({
      error: { code: "OUTPUT_INVALID", status: 500, requestId: expect.any(String) },
    });
  });

  it("tells nothing of the inside in production", async () => {
    const { url } = await serve(way, { mode: "production" });
    const text = await (await post(`${url}/events`, "late")).text();
    expect(text).toContain('"code":"HANDLER_FAILED"');
    expect(text).not.toContain("after");
  });

  it("is given up when nothing comes between two values in time", async () => {
    const { url } = await serve(way);
    const lines = (await (await post(`${url}/lines`, "wait")).text()).trim().split("\n");
    expect(lines[0]).toBe('{"n":1}');
    expect(JSON.parse(lines[1]!)).toMatchObject({ error: { code: "REQUEST_TIMEOUT" } });
    expect(seen).toEqual([]);
    go();
    await until(() => seen.includes("ended"));
  });

  it("ends its generator when the client hangs up", async () => {
    const { url, built } = await serve(way);
    const client = new AbortController();
    const response = await post(`${url}/events`, "wait", { signal: client.signal });
    await readChunk(response.body!.getReader());
    client.abort();
    await untilText(
      built,
      'ekiben_requests_in_progress{endpoint="/events",method="POST",service_version="1",service="s"} 0',
    );
    expect(seen).toEqual([]);
    go();
    await until(() => seen.includes("ended"));
  });

  it("waits for a reader that is slow", async () => {
    const { port } = await serve(way);
    const socket = connect(port, "127.0.0.1");
    const body = '{"mode":"endless"}';
    socket.write(
      `POST /events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await once(socket, "readable");
    // Longer than it takes to fill what lies between both ends.
    let before = -1;
    while (seen.length !== before) {
      before = seen.length;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect(seen.length * 64).toBeLessThan(32 * 1024);
    socket.destroy();
    await until(() => seen.includes("ended"));
  });

  it("is waited for when the server drains", async () => {
    const { url, built, listening } = await serve(way);
    const response = await post(`${url}/events`, "wait");
    const reader = response.body!.getReader();
    await readChunk(reader);
    let drained = false;
    const closing = listening.close({ drainMs: 5_000, lingerMs: 0 });
    const draining = built.runtime.drain().then(() => (drained = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(drained).toBe(false);
    go();
    expect(await readChunk(reader)).toContain('{"n":2}');
    reader.releaseLock();
    await response.body!.cancel();
    await draining;
    expect(await closing).toEqual({ cut: 0 });
  });

  it("says that it lives while it is silent, where its form has a word for that", async () => {
    const { url } = await serve(way, { keepAliveMs: 30 });
    const events = await (await post(`${url}/events`, "silent")).text();
    expect(events).toMatch(/^data: \{"n":1\}\n\n(:\n\n)+data: \{"n":2\}\n\nevent: end/);
    expect(await (await fetch(`${url}/get?mode=silent`)).text()).toBe('{"n":1}\n{"n":2}\n');
  });

  it("may be asked for with GET, and its head without it", async () => {
    const { url, built } = await serve(way);
    expect(await (await fetch(`${url}/get?mode=x`)).text()).toBe('{"n":1}\n{"n":2}\n');
    const head = await fetch(`${url}/get?mode=wait`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    expect(await head.text()).toBe("");
    expect(seen).toEqual(["ended", "ended"]);
    await built.runtime.drain();
  });

  it("may be any iterable", async () => {
    const { url } = await serve(way);
    expect(await (await post(`${url}/plain`, "x")).text()).toBe('{"n":1}\n{"n":2}\n');
  });
});

it("a stream that a middleware drops is ended and counted", async () => {
  const service = base.use(async (c, next) => {
    await next();
    c.res = new Response("instead");
  });
  const { url, built } = await serve("the shorter way", {}, service);
  expect(await (await post(`${url}/events`, "endless")).text()).toBe("instead");
  await until(() => seen.includes("ended"));
  await untilText(
    built,
    'ekiben_requests_in_progress{endpoint="/events",method="POST",service_version="1",service="s"} 0',
  );
  await built.runtime.drain();
});

it("a stream that a middleware reads and rewrites is counted once", async () => {
  const service = base.use(async (c, next) => {
    await next();
    c.res = new Response((await c.res.text()).toUpperCase(), c.res);
  });
  const { url, built } = await serve("the shorter way", {}, service);
  expect(await (await post(`${url}/plain`, "x")).text()).toBe('{"N":1}\n{"N":2}\n');
  await untilText(
    built,
    'ekiben_requests_total{endpoint="/plain",method="POST",status="200",service_version="1",service="s"} 1',
  );
});

it("a stream of which nothing is read is ended after the time limit", async () => {
  const { app } = await build(base.definition);
  const response = await app.request("/lines", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"mode":"endless"}',
  });
  await until(() => seen.includes("ended"));
  const text = await response.text();
  expect(JSON.parse(text.trim().split("\n").at(-1)!)).toMatchObject({
    error: { code: "CLIENT_CLOSED" },
  });
});

it("a client that goes before its stream has begun leaves nothing behind", async () => {
  const service = defineService({ name: "s" }).api("slow", {
    input: Ask,
    output: ndjsonStream(),
    timeoutMs: 20,
    async handler(ask) {
      await gate();
      return generate(ask);
    },
  });
  const { url, built } = await serve("the shorter way", {}, service);
  expect((await post(`${url}/slow`, "endless")).status).toBe(504);
  go();
  await built.runtime.drain();
  expect(built.runtime.state).toBe("closed");
});

async function untilText(built: Built, expected: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await built.serviceMetrics.text()).includes(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await built.serviceMetrics.text()).toContain(expected);
}
