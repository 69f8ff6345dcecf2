import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { makeChurnHome } from "./churn.js";
import { amidGoodRequests, predict, send } from "./traffic.js";

const isWindows = process.platform === "win32";

/** Opens connections that send nothing, a few hundred at a time. */
async function openIdle(url: string, count: number): Promise<Socket[]> {
  const port = Number(new URL(url).port);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(250, count - sockets.length) }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      return socket;
    });
    await Promise.all(
      some.map((socket) => Promise.race([once(socket, "connect"), once(socket, "close")])),
    );
    sockets.push(...some);
  }
  return sockets;
}

/** Asks over a new connection until the answer is right; what is still wrong in the end. */
async function predictAgain(url: string): Promise<string | undefined> {
  let fault: string | undefined;
  for (let attempt = 0; attempt < 100; attempt++) {
    fault = await predict(url, attempt, 2);
    if (fault === undefined) return undefined;
    await sleep(100);
  }
  return fault;
}

test.skipIf(isWindows)(
  "a server without descriptors left answers on the connections it has, and recovers",
  async () => {
    await using home = await makeChurnHome("--no-verify");
    const server = await home.serve(["churn", "--port", "0"], { descriptors: 512 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await predict(server.url, 0, 3, agent)).toBeUndefined();
    const idle = await openIdle(server.url, 1_500);
    for (let at = 0; at < 20; at++) {
      expect(await predict(server.url, at, 3, agent)).toBeUndefined();
    }
    expect(idle.filter((socket) => socket.closed).length).toBeGreaterThan(0);
    for (const socket of idle) socket.destroy();
    expect(await predictAgain(server.url)).toBeUndefined();
    agent.destroy();
    expect(await server.stop()).toBe(0);
  },
);

test.skipIf(isWindows)("10,000 connections are held, and each of them is answered", async () => {
  const most = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" })) || 1e6;
  const count = Math.min(10_000, most - 1_000);
  await using home = await makeChurnHome("--no-verify");
  const server = await home.serve(["churn", "--port", "0"]);
  const idle = await openIdle(server.url, count);
  await amidGoodRequests(server.url, async () => {
    expect((await send(`${server.url}/livez`, "", { method: "GET" })).status).toBe(200);
  });
  const answered = idle.map(async (socket) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => (text += part));
    const closed = once(socket, "close");
    socket.write("GET /readyz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    await closed;
    return text.startsWith("HTTP/1.1 200 ");
  });
  expect((await Promise.all(answered)).filter((right) => !right)).toEqual([]);
  expect(await server.stop()).toBe(0);
});

const FAKE_TIME = [
  "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
  "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
].find((file) => existsSync(file));
// Needs libfaketime (Debian's package faketime); must not be missed where everything is installed.
const cannotFakeTime = FAKE_TIME === undefined && process.env["CI"] !== "true";

test.skipIf(cannotFakeTime)(
  "a clock that jumps a day changes no limit of time and no answer",
  async () => {
    await using home = await makeChurnHome("--no-verify");
    const clock = join(home.path, "clock");
    await writeFile(clock, "+0");
    const server = await home.serve(["churn", "--port", "0"], {
      env: {
        LD_PRELOAD: FAKE_TIME!,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: "1",
        // A system that is set to another time leaves its monotonic clock alone.
        DONT_FAKE_MONOTONIC: "1",
      },
    });
    const dates = new Set<string>();
    for (const jump of ["+1d", "-1d", "+0"]) {
      const slow = send(`${server.url}/v1/repeat`, JSON.stringify({ text: "kept", waitMs: 400 }));
      await sleep(100);
      await writeFile(clock, jump);
      await amidGoodRequests(server.url, async () => {
        expect(await slow).toMatchObject({ status: 200, body: '"kept"' });
        // The header is made anew once a second.
        await sleep(1_100);
        const { headers } = await send(`${server.url}/livez`, "", { method: "GET" });
        dates.add(new Date(headers["date"]!).toISOString().slice(0, 10));
      });
    }
    expect(dates.size).toBe(3);
    expect(await server.stop()).toBe(0);
  },
);
