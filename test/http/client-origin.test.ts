import fc from "fast-check";
import { Hono } from "hono";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { expect, test } from "vitest";
import { createOriginReader, findClientAddress, isRange } from "../../sdk/http/client-origin.js";
import { listen } from "../../sdk/server/listen.js";

const make = (remoteAddress: string, headers: Record<string, string>) =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;
const read = createOriginReader(["10.0.0.0/8", "loopback"]);

test.each([
  ["10.0.0.1", { "x-forwarded-for": "1.2.3.4" }, { address: "1.2.3.4" }],
  // The client wrote the first one itself.
  ["10.0.0.1", { "x-forwarded-for": "6.6.6.6, 1.2.3.4, 10.0.0.9" }, { address: "1.2.3.4" }],
  ["10.0.0.1", { "x-forwarded-for": "10.0.0.8, 10.0.0.9" }, { address: "10.0.0.8" }],
  ["10.0.0.1", { "x-forwarded-for": "unknown" }, { address: "10.0.0.1" }],
  ["::ffff:10.0.0.1", { "x-forwarded-for": "1.2.3.4:5678" }, { address: "1.2.3.4" }],
  [
    "127.0.0.1",
    { "x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https", "x-forwarded-host": "a.example" },
    { address: "1.2.3.4", protocol: "https", host: "a.example" },
  ],
  ["10.0.0.1", { "x-forwarded-proto": "https" }, { address: "10.0.0.1", protocol: "https" }],
  [
    "10.0.0.1",
    { "x-forwarded-for": "6.6.6.6, 1.2.3.4", "x-forwarded-proto": "http, https" },
    { address: "1.2.3.4", protocol: "https" },
  ],
  [
    "10.0.0.1",
    { forwarded: 'for=6.6.6.6;host=bad, for="[2001:db8::1]:80";proto=HTTPS;host="a.example"' },
    { address: "2001:db8::1", protocol: "https", host: "a.example" },
  ],
  ["10.0.0.1", {}, { address: "10.0.0.1" }],
] as const)("behind %s, %j is %j", (peer, headers, origin) => {
  const incoming = make(peer, { ...headers });
  expect(read(incoming)).toEqual(origin);
  expect(findClientAddress(incoming)).toBe(origin.address);
});

test("headers from elsewhere are believed by nobody", () => {
  const headers = { "x-forwarded-for": "1.2.3.4", forwarded: "for=1.2.3.4", accept: "a" };
  const incoming = make("8.8.8.8", headers);
  expect(read(incoming)).toBeUndefined();
  expect(findClientAddress(incoming)).toBe("8.8.8.8");
  expect(incoming.headers).toEqual({ accept: "a" });
});

test("no header makes it fail, or takes a trusted address for a client that is nearer", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      const incoming = make("10.0.0.1", { "x-forwarded-for": a, "x-forwarded-host": b });
      read(incoming);
      expect(findClientAddress(incoming)).toBeDefined();
      read(make("10.0.0.1", { forwarded: c }));
    }),
  );
});

test("ranges are read strictly", () => {
  for (const text of ["10.0.0.0/8", "::1", "fc00::/7", "loopback", "private", "1.2.3.4/32"])
    expect([text, isRange(text)]).toEqual([text, true]);
  for (const text of ["10.0.0.0/33", "10.0.0", "all", "::/129", "1.2.3.4/8/8", "/8", "toString"])
    expect([text, isRange(text)]).toEqual([text, false]);
});

test("an app sees the address that the client asked for", async () => {
  const app = new Hono().get("/where", (c) => c.text(c.req.url));
  for (const [trustProxy, expected] of [
    [["loopback"], "https://a.example/where?x=1"],
    [["10.0.0.0/8"], "http://127.0.0.1"],
  ] as const) {
    const server = await listen(app, { port: 0, trustProxy });
    const headers = {
      "x-forwarded-for": "1.2.3.4",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "a.example",
    };
    const text = await new Promise<string>((resolve) => {
      request(`${server.address}/where?x=1`, { headers, agent: false }, (reply) => {
        reply.on("data", (part: Buffer) => resolve(part.toString()));
      }).end();
    });
    expect(text).toContain(expected);
    await server.close();
  }
});
