import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome, type CliServer } from "../../cli/run-cli.js";
import { echo, isAlive, send, startTraffic, until } from "./traffic.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("faulty.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

const ARGS = ["faulty", "--port", "0", "--workers", "2"];
const serve = async (...args: string[]): Promise<CliServer> => {
  const server = await home.serve([...ARGS, ...args]);
  await until("both workers are ready", async () => (await countReady(server)) === 2);
  return server;
};

async function countReady({ url }: CliServer): Promise<number> {
  const { status, text } = await send(`${url}/readyz`);
  return status === 200 ? (JSON.parse(text) as { workers: { ready: number } }).workers.ready : 0;
}

async function findPids(server: CliServer): Promise<Set<number>> {
  const pids = new Set<number>();
  await until("both are known", async () => {
    const answer = await echo(server.url, { x: 1 });
    return typeof answer !== "string" && pids.add(answer.pid).size === 2;
  });
  return pids;
}

test.each([
  ["exit", [], /A worker could not start, 3 times over: it ended with exit code 9/],
  ["throw", [], /SERVICE_SETUP_FAILED: .*no database/],
  ["hang", ["--start-timeout", "3"], /ended by the primary: it was not ready after 3 s/],
])("a start that fails in every worker ends the primary: %s", async (how, args, message) => {
  const run = await home.run(["serve", ...ARGS, ...args], { env: { FAULTY_SETUP: how } });
  expect(run.code).toBe(1);
  expect(run.stderr).toMatch(message);
});

test("a worker that reaches its limit of memory is replaced, and the cause is told", async () => {
  const server = await serve("--worker-memory", "100");
  expect((await send(`${server.url}/fail`, { how: "memory" })).status).toBe(0);
  await until("the cause is told", () => server.output().includes("ran out of memory"));
  await until("it is replaced", async () => (await countReady(server)) === 2);
  expect(await echo(server.url, { x: 3 })).toMatchObject({ x: 3 });
  expect(await server.stop()).toBe(0);
});

test("an exception outside of requests ends its worker only after it has answered", async () => {
  const server = await serve();
  const pids = await findPids(server);
  const slow = [1, 2].map((x) => echo(server.url, { x, waitMs: 1_500 }));
  expect((await send(`${server.url}/fail`, { how: "throw" })).status).toBe(200);
  for (const answer of slow) expect(await answer).toMatchObject({ x: expect.any(Number) });
  await until("it has gone", () => [...pids].some((pid) => !isAlive(pid)));
  await until("it is replaced", async () => (await countReady(server)) === 2);
  expect(server.output()).toMatch(/thrown outside of any request/);
  expect(await server.stop()).toBe(0);
});

test("a worker that is held up for too long is replaced, while the other one answers", async () => {
  const server = await serve("--worker-timeout", "2", "--worker-kill-timeout", "4");
  const stuck = send(`${server.url}/fail`, { how: "block", ms: 120_000 });
  await until("it is reported", () => server.output().includes("does not answer"));
  const traffic = startTraffic(server.url, { clients: 4, keepAlive: false });
  await until("the other one answers", () => traffic.answered > 50);
  expect((await stuck).text).toBe("ECONNRESET");
  await until("it is replaced", async () => (await countReady(server)) === 2);
  await traffic.stop();
  expect(traffic.lost).toEqual([]);
  expect(server.output()).toMatch(/was ended by the primary: its event loop is held up for \d s/);
  expect(await server.stop()).toBe(0);
});

test.each(["never", "block"])(
  "what does not end is cut at the limit, and the server ends with 0: %s",
  async (how) => {
    const server = await serve("--drain-timeout", "1");
    const pids = await findPids(server);
    const stuck = send(`${server.url}/fail`, { how, ms: 120_000 });
    // One of these may be on its way to the worker that is held up.
    await Promise.race([1, 2, 3].map((x) => echo(server.url, { x, waitMs: 300 })));
    expect(await server.stop()).toBe(0);
    expect((await stuck).text).toMatch(/ECONNRESET/);
    expect([...pids].filter(isAlive)).toEqual([]);
  },
);

test("clients that close one side, or send slowly, are answered by a worker as by one process", async () => {
  const server = await serve();
  const { port } = new URL(server.url);
  const body = '{"x":7}';
  const head = `POST /echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;

  const halfClosed = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
  halfClosed.end(head + body);
  expect(await readAll(halfClosed)).toContain('"x":7');

  const slow = connect(Number(port), "127.0.0.1");
  for (const letter of (head + body).match(/[^]{1,16}/g)!) {
    slow.write(letter);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(await readAll(slow)).toContain('"x":7');

  const silent = connect(Number(port), "127.0.0.1");
  await once(silent, "connect");
  expect(await server.stop()).toBe(0);
  silent.destroy();
});

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
