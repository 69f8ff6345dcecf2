import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CliHome, CliServer } from "../cli/run-cli.js";
import { makeChurnHome } from "./churn.js";
import { amidGoodRequests, openWire, predict, problemOf, send, toText } from "./traffic.js";

let home: CliHome;
let server: CliServer;
beforeAll(async () => {
  home = await makeChurnHome("--no-verify");
  server = await home.serve(["churn", "--port", "0", "--drain-timeout", "1"]);
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
  // Whatever clients do is no failure of the server; one handler was asked to fail.
  const lines = server.output().trim().split("\n");
  const failures = lines.filter((line) => !/^\{"log\.level":"(info|warn)"/.test(line));
  expect(failures).toEqual([expect.stringContaining("asked to fail")]);
  await home[Symbol.asyncDispose]();
});

const repeat = (text: string, times = 1, waitMs = 0) =>
  toText("/v1/repeat", JSON.stringify({ text, times, waitMs }));

const metric = async (line: RegExp): Promise<number> => {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(line.exec(text)?.[1] ?? 0);
};

/** Requests that wait; the one that asks does not count itself. */
const waiting = () => metric(/^ekiben_requests_in_progress\{endpoint="\/v1\/repeat".*\} (\d+)$/m);
const left = () =>
  metric(/^ekiben_requests_total\{endpoint="\/v1\/repeat",.*status="499".*\} (\d+)$/m);

async function until(count: () => Promise<number>, expected: number): Promise<void> {
  for (let attempt = 0; attempt < 200 && (await count()) !== expected; attempt++) await sleep(10);
  expect(await count()).toBe(expected);
}

describe("clients that hang up", () => {
  test("in the middle of the body, while they wait, and in the middle of the answer", async () => {
    const before = await left();
    await amidGoodRequests(server.url, async () => {
      const wires = await Promise.all(Array.from({ length: 30 }, () => openWire(server.url)));
      wires.forEach(({ socket }, at) => {
        if (at % 3 === 0) socket.write(toText("/v1/repeat", " ".repeat(100)).slice(0, -50));
        if (at % 3 === 1) socket.write(repeat("a", 1, 60_000));
        // More than the buffers of a connection hold.
        if (at % 3 === 2) socket.write(repeat("0123456789", 1_500_000));
      });
      await Promise.all(
        wires
          .filter((_, at) => at % 3 === 2)
          .map(async ({ socket }) => {
            await once(socket, "data");
            socket.pause();
          }),
      );
      await until(waiting, 20);
      for (const { socket } of wires) socket.destroy();
      await until(waiting, 0);
    });
    // Those who left in the middle of the answer had theirs counted as it was.
    expect(await left()).toBe(before + 20);
  });
});

describe("slow and many clients", () => {
  test("a body that trickles in byte by byte is answered", async () => {
    const text = repeat("slow", 2);
    const head = text.indexOf("\r\n\r\n") + 4;
    const { socket, answers } = await openWire(server.url);
    await amidGoodRequests(server.url, async () => {
      socket.write(text.slice(0, head));
      for (const byte of text.slice(head)) {
        socket.write(byte);
        await sleep(8);
      }
      expect(await answers(1)).toMatchObject([{ status: 200, body: '"slowslow"' }]);
    });
    socket.destroy();
  });

  test("connections that send nothing, or half a header, cost the others nothing", async () => {
    const wires = await Promise.all(Array.from({ length: 200 }, () => openWire(server.url)));
    wires.forEach(
      ({ socket }, at) => at % 2 === 0 && socket.write("POST /v1/repeat HTTP/1.1\r\nHo"),
    );
    await amidGoodRequests(server.url, () => sleep(200));
    for (const { socket } of wires) socket.destroy();
  });

  test("500 connections at once with one request each are all answered right", async () => {
    const faults = await Promise.all(
      Array.from({ length: 500 }, (_, at) => predict(server.url, at, 1 + (at % 3))),
    );
    expect(faults.filter((fault) => fault !== undefined).slice(0, 5)).toEqual([]);
    expect(await predict(server.url, 0, 3)).toBeUndefined();
  });
});

describe("requests behind one another on one connection", () => {
  test("are answered in their order, the bad ones among them too", async () => {
    await amidGoodRequests(server.url, async () => {
      const { socket, answers } = await openWire(server.url);
      const texts = [repeat("first", 1, 150), repeat("second"), toText("/v1/repeat", "{bad")];
      texts.push(repeat("fail"), repeat("third", 1, 50), toText("/nowhere", "{}"), repeat("last"));
      socket.write(texts.join(""));
      const answered = await answers(texts.length);
      expect(answered.map(({ status }) => status)).toEqual([200, 200, 400, 500, 200, 404, 200]);
      expect(answered.filter(({ status }) => status === 200).map(({ body }) => body)).toEqual(
        ["first", "second", "third", "last"].map((text) => JSON.stringify(text)),
      );
      socket.destroy();
    });
    await expect.poll(server.output).toContain("asked to fail");
  });

  test("what is no HTTP after a request does not cost that request its answer", async () => {
    const { socket, answers } = await openWire(server.url);
    socket.write(`${repeat("first", 1, 150)}nonsense\r\n\r\n`);
    for (let more = 0; more < 20; more++) {
      await sleep(2);
      socket.write("more nonsense");
    }
    expect(await answers(2)).toMatchObject([
      { status: 200, body: '"first"', headers: { connection: "close" } },
    ]);
    expect(socket.closed).toBe(true);
  });

  test("a broken chunk after a request is answered after it", async () => {
    const { socket, answers } = await openWire(server.url);
    const head = "POST /v1/repeat HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    socket.write(`${repeat("first", 1, 150)}${head}not hexadecimal\r\n`);
    const [first, second] = await answers(3);
    expect(first).toMatchObject({ status: 200, body: '"first"' });
    expect(problemOf(second)).toMatchObject({ status: 400, code: "HTTP_MALFORMED" });
    await until(waiting, 0);
  });
});

describe("what Node refuses before any app sees it", () => {
  const CHUNKED = "POST /v1/predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n";

  test.each<[string, string, number, string]>([
    [
      "a header of 64 KB",
      `GET /livez HTTP/1.1\r\nHost: test\r\nX-Large: ${"a".repeat(65_536)}\r\n\r\n`,
      431,
      "HEADERS_TOO_LARGE",
    ],
    [
      "headers of a megabyte",
      `GET /livez HTTP/1.1\r\nHost: test\r\n${`X-Some: ${"a".repeat(1000)}\r\n`.repeat(1000)}\r\n`,
      431,
      "HEADERS_TOO_LARGE",
    ],
    ["no HTTP", "hello\r\n\r\n", 400, "HTTP_MALFORMED"],
    ["the beginning of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01", 400, "HTTP_MALFORMED"],
    ["two lengths", `${CHUNKED}Content-Length: 3\r\n\r\n0\r\n\r\n`, 400, "HTTP_MALFORMED"],
    ["a chunk without a size", `${CHUNKED}\r\nzz\r\n\r\n`, 400, "HTTP_MALFORMED"],
    ["a length below zero", "POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n", 400, "HTTP_MALFORMED"],
  ])("is answered with a problem: %s", async (_what, text, status, code) => {
    await amidGoodRequests(server.url, async () => {
      const { socket, answers } = await openWire(server.url);
      socket.write(text);
      const all = await answers(2);
      expect(all).toHaveLength(1);
      expect(problemOf(all[0])).toMatchObject({ status, code });
      expect(all[0]!.headers["connection"]).toBe("close");
    });
  });
});

test("a client's own id comes back with its error", async () => {
  const headers = { "x-request-id": "mine-1" };
  const answer = await send(`${server.url}/v1/predict`, "[", { headers });
  expect(answer.headers["x-request-id"]).toBe("mine-1");
  expect(JSON.parse(answer.body)).toMatchObject({ requestId: "mine-1", code: "BODY_MALFORMED" });
});
