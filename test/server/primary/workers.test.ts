import { connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome, type CliServer } from "../../cli/run-cli.js";
import { echo, isAlive, send, startTraffic, until } from "./traffic.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("faulty.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

const serve = async (...args: string[]): Promise<CliServer> => {
  const server = await home.serve(["faulty", "--port", "0", "--workers", "2", ...args]);
  await until("both workers are ready", async () => (await countReady(server)) === 2);
  return server;
};

async function countReady({ url }: CliServer): Promise<number> {
  const { status, text } = await send(`${url}/readyz`);
  return status === 200 ? (JSON.parse(text) as { workers: { ready: number } }).workers.ready : 0;
}

test("connections spread evenly over the workers, and each answers its own", async () => {
  const server = await serve();
  const traffic = startTraffic(server.url, { clients: 8, waitMs: 10 });
  await until("some hundred answers", () => traffic.answered > 300);
  await traffic.stop();
  expect(traffic.lost).toEqual([]);
  const [least, most] = [...traffic.pids.values()].toSorted((a, b) => a - b);
  expect(traffic.pids.size).toBe(2);
  expect(least! / most!).toBeGreaterThan(0.5);
  expect(await server.stop()).toBe(0);
});

test("connections that carry one request each are served as well", async () => {
  const server = await serve();
  const traffic = startTraffic(server.url, { clients: 16, waitMs: 0, keepAlive: false });
  await until("a thousand answers", () => traffic.answered > 1000);
  await traffic.stop();
  expect(traffic.lost).toEqual([]);
  expect(traffic.pids.size).toBe(2);
  expect(await server.stop()).toBe(0);
});

test("a worker that is killed takes only its own requests with it, and is replaced", async () => {
  const server = await serve();
  const clients = 16;
  const traffic = startTraffic(server.url, { clients, waitMs: 20 });
  await until("both answer", () => traffic.pids.size === 2 && traffic.answered > 100);
  const [victim] = [...traffic.pids.keys()];
  process.kill(victim!, "SIGKILL");
  // The clients keep the connections they have now: only a new one meets the new worker.
  await until("a third worker answers", async () => {
    const answer = await echo(server.url, { x: 1 });
    return typeof answer !== "string" && !traffic.pids.has(answer.pid);
  });
  const after = traffic.answered;
  await until("the load goes on", () => traffic.answered > after + 200);
  await traffic.stop();
  expect(new Set(traffic.lost).size).toBeLessThanOrEqual(1);
  expect(traffic.lost.length).toBeLessThanOrEqual(clients * 0.75);
  expect(traffic.lost.filter((text) => text !== "ECONNRESET")).toEqual([]);
  expect(server.output()).toMatch(
    /worker (\d) was killed with SIGKILL.*want of memory[^]*worker \1 is ready/,
  );
  expect(await server.stop()).toBe(0);
});

test("SIGTERM under load loses no request that was accepted", async () => {
  const server = await serve();
  const traffic = startTraffic(server.url, { clients: 32, waitMs: 20 });
  await until("some hundred answers", () => traffic.answered > 300);
  server.child.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  await traffic.stop();
  expect(traffic.lost).toEqual([]);
});

test("a second signal ends the workers too, at once", async () => {
  const server = await serve();
  const { pid } = (await echo(server.url, { x: 1 })) as { pid: number };
  const slow = echo(server.url, { x: 2, waitMs: 30_000 });
  await until("the request is there", async () => (await send(`${server.url}/readyz`)).status > 0);
  server.child.kill("SIGTERM");
  await until("it drains", () => server.output().includes("draining"));
  server.child.kill("SIGINT");
  expect(await server.exited).toBe(1);
  expect(await slow).toMatch(/ECONNRESET|ECONNREFUSED/);
  await until("the worker is gone", () => !isAlive(pid));
});

test("workers end when their primary is killed, and answer first what they have", async () => {
  const server = await serve();
  const pids = new Set<number>();
  await until("both are known", async () => {
    const answer = await echo(server.url, { x: 1 });
    return pids.add((answer as { pid: number }).pid).size === 2;
  });
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  const body = JSON.stringify({ x: 5, waitMs: 500 });
  socket.write(
    `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  // A second request of the same age has been answered: so the worker has read this one.
  await echo(server.url, { x: 6, waitMs: 100 });
  server.child.kill("SIGKILL");
  await once(socket, "close");
  expect(text).toContain('"x":5');
  await until("all workers are gone", () => ![...pids].some(isAlive));
});
