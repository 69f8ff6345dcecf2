import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { listen, type Listening } from "../../sdk/server/listen.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { build, until, type Built } from "./serving.js";
import { countBytes, type StreamedInput } from "./streamed-input.js";

const defineService = createDefineService({} as ServiceFaces);
const LIMIT = 200_000;

const open: Listening[] = [];
afterEach(() => Promise.all(open.splice(0).map((one) => one.close({ drainMs: 0, lingerMs: 0 }))));

interface Served {
  port: number;
  built: Built;
  all: StreamedInput;
  few: StreamedInput;
}

const WAYS = ["the shorter way", "Hono", "a middleware", "a middleware that read it"] as const;

async function serve(way: (typeof WAYS)[number]): Promise<Served> {
  const all = countBytes();
  const few = countBytes(10);
  const bare = defineService({ name: "s" })
    .api("all", { input: all, maxBodyBytes: LIMIT, handler: (size) => ({ size }) })
    .api("few", { input: few, maxBodyBytes: LIMIT, handler: (size) => ({ size }) });
  const service = way.startsWith("a middleware")
    ? bare.use(async (c, next) => {
        if (way !== "a middleware") await c.req.arrayBuffer();
        await next();
      })
    : bare;
  const built = await build(service.definition);
  const listening = await listen(way === "Hono" ? { fetch: built.app.fetch } : built.app, {
    port: 0,
  });
  open.push(listening);
  return { port: listening.port, built, all, few };
}

interface Sent {
  path?: string;
  body: Buffer;
  headers?: Record<string, string>;
  chunked?: boolean;
  agent?: Agent;
}

function send(port: number, { path = "/all", body, headers = {}, chunked, agent }: Sent) {
  return new Promise<{ status: number; body: any }>((resolve, reject) => {
    const length = chunked === true ? {} : { "content-length": String(body.length) };
    const type = { "content-type": "application/octet-stream" };
    const asked = request(
      { port, path, method: "POST", headers: { ...type, ...length, ...headers }, agent },
      async (response) => {
        let text = "";
        for await (const part of response) text += String(part);
        resolve({ status: response.statusCode!, body: JSON.parse(text) });
      },
    );
    asked.on("error", reject);
    // In pieces, so that it does not come at once.
    for (let at = 0; at < body.length; at += 50_000) asked.write(body.subarray(at, at + 50_000));
    asked.end();
  });
}

const bytes = Buffer.alloc(150_000, "abc");

describe.each(WAYS)("a body that is read while it comes, through %s", (way) => {
  it.each([
    ["as it is", bytes, {}],
    ["packed by gzip", gzipSync(bytes), { "content-encoding": "gzip" }],
    ["packed by deflate", deflateSync(bytes), { "content-encoding": "deflate" }],
    ["packed by brotli", brotliCompressSync(bytes), { "content-encoding": "br" }],
    ["packed twice", gzipSync(deflateSync(bytes)), { "content-encoding": "deflate, gzip" }],
    ["of nothing", Buffer.alloc(0), {}],
  ] as [string, Buffer, Record<string, string>][])(
    "is read whole %s, of announced and of unknown length",
    async (name, body, headers) => {
      const { port, all } = await serve(way);
      const size = name === "of nothing" ? 0 : bytes.length;
      expect(await send(port, { body, headers })).toEqual({ status: 200, body: { size } });
      expect(await send(port, { body, headers, chunked: true })).toMatchObject({ body: { size } });
      await until(() => all.counts.released === 2);
      expect(all.counts.made).toBe(2);
    },
  );

  it.each([
    ["announced", { body: Buffer.alloc(LIMIT + 1) }, 413],
    ["unannounced", { body: Buffer.alloc(LIMIT + 1), chunked: true }, 413],
    [
      "too large unpacked",
      { body: gzipSync(Buffer.alloc(LIMIT + 1)), headers: { "content-encoding": "gzip" } },
      413,
    ],
    [
      "cut short",
      { body: gzipSync(bytes).subarray(0, 80), headers: { "content-encoding": "gzip" } },
      400,
    ],
    ["not packed", { body: bytes, headers: { "content-encoding": "gzip" } }, 400],
    ["of an unknown coding", { body: bytes, headers: { "content-encoding": "zstd" } }, 415],
    ["of another type", { body: bytes, headers: { "content-type": "application/json" } }, 415],
    ["for nobody", { body: bytes, headers: { accept: "image/png" } }, 406],
  ] as [string, Sent, number][])("is refused when %s", async (_, sent, status) => {
    const { port, all } = await serve(way);
    expect((await send(port, sent)).status).toBe(status);
    expect(all.counts).toEqual({ made: 0, released: 0 });
  });

  it("may be left before its end, and the connection goes on", async () => {
    const { port, few } = await serve(way);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const packed = gzipSync(Buffer.from(Array.from(bytes, () => Math.random() * 256)));
    const requests: Sent[] = [
      { path: "/few", body: bytes },
      { path: "/few", body: bytes, chunked: true },
      { path: "/few", body: packed, headers: { "content-encoding": "gzip" } },
      { path: "/all", body: bytes, headers: { accept: "image/png" } },
      { path: "/few", body: bytes.subarray(0, 5) },
    ];
    for (const sent of requests) {
      const { status, body } = await send(port, { ...sent, agent });
      expect(status === 200 ? body.size : status).toBe(
        sent.path === "/all" ? 406 : Math.min(10, sent.body.length),
      );
    }
    agent.destroy();
    await until(() => few.counts.released === 4);
  });

  it("may be left before its end while the client waits", async () => {
    const { port } = await serve(way);
    if (way === "a middleware that read it") return;
    const socket = connect(port, "127.0.0.1");
    socket.write(
      `POST /few HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\n${"x".repeat(50)}`,
    );
    const [first] = (await once(socket, "data")) as [Buffer];
    expect(String(first)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it.each([{}, { "content-encoding": "gzip" }])(
    "is given up when the client goes",
    async (more) => {
      const { port, built, all } = await serve(way);
      const socket = connect(port, "127.0.0.1");
      const headers = Object.entries(more).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(
        `POST /all HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n${headers.join("")}Content-Length: 100000\r\n\r\n`,
      );
      socket.write(gzipSync(bytes).subarray(0, 60));
      await untilText(
        built,
        'ekiben_requests_in_progress{endpoint="/all",method="POST",service_version="1",service="s"} 1',
      );
      socket.destroy();
      await untilText(
        built,
        'ekiben_requests_in_progress{endpoint="/all",method="POST",service_version="1",service="s"} 0',
      );
      // A middleware that reads the body itself fails by itself.
      const status = way === "a middleware that read it" ? 500 : 499;
      expect(await built.serviceMetrics.text()).toContain(`status="${status}"`);
      expect(all.counts).toEqual({ made: 0, released: 0 });
    },
  );
});

async function untilText(built: Built, expected: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await built.serviceMetrics.text()).includes(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await built.serviceMetrics.text()).toContain(expected);
}
