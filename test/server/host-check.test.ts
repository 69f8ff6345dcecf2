import { expect, test } from "vitest";
import { createHostCheck, type HostRules } from "../../sdk/server/host-check.js";
import { listen } from "../../sdk/server/listen.js";
import { openWire, problemOf } from "../robustness/traffic.js";

/** However busy the machine is. */
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 30_000 });

const judge = (rules: HostRules, headers: Record<string, string>, method = "GET", url = "/") =>
  createHostCheck(rules)({ url, method, headers } as never)?.code;

test.each([
  ["localhost:5000", undefined],
  ["LOCALHOST", undefined],
  ["localhost.", undefined],
  ["app.localhost:1", undefined],
  ["127.0.0.1:5000", undefined],
  ["[::1]:5000", undefined],
  ["192.168.1.7", undefined],
  ["lab.example.com:5000", undefined],
  ["evil.example.com", "HOST_NOT_ALLOWED"],
  ["localhost.evil.com", "HOST_NOT_ALLOWED"],
  ["127.0.0.1.nip.io", "HOST_NOT_ALLOWED"],
  ["localhost@evil.com", "HOST_NOT_ALLOWED"],
  ["localhost:80:80", "HOST_NOT_ALLOWED"],
  ["[::1", "HOST_NOT_ALLOWED"],
  ["", "HOST_NOT_ALLOWED"],
])("a server of a notebook that allows lab.example.com judges the host %j", (host, code) => {
  expect(judge({ local: true, allowedHosts: ["lab.example.com"] }, { host })).toBe(code);
});

test("in production the names that are listed are allowed, and nothing else", () => {
  const rules = { allowedHosts: ["churn.example.com", ".shop.example"] };
  for (const host of [
    "churn.example.com",
    "CHURN.example.com:443",
    "a.shop.example",
    "shop.example",
  ]) {
    expect([host, judge(rules, { host })]).toEqual([host, undefined]);
  }
  for (const host of ["localhost", "10.0.0.1:3000", "xshop.example", "example.com"]) {
    expect([host, judge(rules, { host })]).toEqual([host, "HOST_NOT_ALLOWED"]);
  }
  // Whoever probes knows the address only.
  expect(judge(rules, { host: "10.0.0.1:3000" }, "GET", "/livez")).toBeUndefined();
  expect(judge(rules, { host: "10.0.0.1:3000" }, "GET", "/metrics")).toBe("HOST_NOT_ALLOWED");
});

test("pages of another origin may not write to a server of a notebook, unless the service says who may", () => {
  const rules = { local: true, allowedHosts: [".lab.example"] };
  const host = "localhost:5000";
  const post = (origin: string, more: Partial<HostRules> = {}) =>
    judge({ ...rules, ...more }, { host, origin }, "POST");
  expect(post("http://localhost:5000")).toBeUndefined();
  for (const origin of [
    "http://localhost:8888",
    "https://evil.example",
    "null",
    "http://localhost:5000/x",
  ]) {
    expect([origin, post(origin)]).toEqual([origin, "ORIGIN_NOT_ALLOWED"]);
    expect(post(origin, { namesOrigins: true })).toBeUndefined();
    expect(judge(rules, { host, origin }, "GET")).toBeUndefined();
  }
  expect(judge(rules, { host }, "POST")).toBeUndefined();
});

test.each(["http://a.example", "a.example:80", "a example", "", "*"])(
  "%j is no name of a host",
  (name) => {
    expect(() => createHostCheck({ allowedHosts: [name] })).toThrow(
      expect.objectContaining({ code: "SETTING_INVALID" }),
    );
  },
);

test("what is refused is a problem document on a connection that ends, and the app never sees it", async () => {
  let asked = 0;
  const app = { fetch: () => new Response(`${++asked}`) };
  const refused: string[] = [];
  const listening = await listen(app, {
    port: 0,
    check: createHostCheck({ local: true, allowedHosts: [] }),
    onRefused: (reason) => void refused.push(reason),
  });
  try {
    const wire = await openWire(listening.address);
    wire.socket.write("POST / HTTP/1.1\r\nHost: rebound.example\r\nContent-Length: 5\r\n\r\nhello");
    const [answer] = await wire.answers(1);
    expect(problemOf(answer)).toMatchObject({
      status: 421,
      code: "HOST_NOT_ALLOWED",
      received: "rebound.example",
      hint: expect.stringContaining('allowedHosts: ["rebound.example"]'),
    });
    expect(answer!.headers["connection"]).toBe("close");
    expect(asked).toBe(0);
    expect(refused).toEqual(["host"]);
    const old = await openWire(listening.address);
    old.socket.write("GET / HTTP/1.0\r\n\r\n");
    await poll(() => asked).toBe(1);
  } finally {
    await listening.close({ drainMs: 0 });
  }
});
