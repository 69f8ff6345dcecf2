import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome, type CliServer } from "../cli/run-cli.js";
import { send, until } from "./primary/traffic.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("faulty.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

async function serve(...args: string[]): Promise<{ server: CliServer; admin: string }> {
  const server = await home.serve(["faulty", "--port", "0", "--admin-port", "0", ...args]);
  await until("it is told", () => server.output().includes("management port is"));
  const [, admin] = /management port is (http:[^"]+)/.exec(server.output())!;
  return { server, admin: admin! };
}
const get = async (url: string) => {
  const { status, text } = await send(url);
  return { status, body: JSON.parse(text) as any };
};

test("the management port answers while every worker is held up, and says so", async () => {
  const { server, admin } = await serve("--workers", "2", "--worker-timeout", "2");
  await until("both are ready", async () => {
    const { body } = await get(`${admin}/readyz`);
    return body.workers.ready === 2;
  });
  const blocked = [1, 2].map(() => send(`${server.url}/fail`, { how: "block", ms: 8_000 }));
  await until("both are silent", async () => {
    const { body } = await get(`${admin}/workers`);
    return body.workers.every((one: { silentMs: number }) => one.silentMs > 2_500);
  });
  expect(await get(`${admin}/livez`)).toEqual({ status: 200, body: { status: "live" } });
  const health = await get(`${admin}/healthz`);
  expect(health.body).toMatchObject({
    service: "faulty",
    processes: [{ status: "unknown", reason: "no answer within 1000 ms" }, {}],
  });
  expect(server.output()).toMatch(/worker \d does not answer: its event loop is held up for 2 s/);
  for (const answer of blocked) expect((await answer).status).toBe(200);
  await until("they answer again", () => server.output().includes("answers again"));
  const { body } = await get(`${admin}/healthz`);
  expect(body.processes).toMatchObject([
    { worker: 1, status: "ready", models: [] },
    { worker: 2, status: "ready" },
  ]);
  expect(await server.stop()).toBe(0);
});

test("one process answers it itself; nothing can be changed there", async () => {
  const { server, admin } = await serve();
  expect(await get(`${admin}/readyz`)).toEqual({
    status: 200,
    body: { status: "ready", workers: { ready: 1, total: 1 } },
  });
  expect((await get(`${admin}/workers`)).body.workers).toMatchObject([
    { worker: 1, pid: server.child.pid, state: "ready" },
  ]);
  expect((await send(`${admin}/metrics`)).text).toContain("ekiben_info");
  for (const path of ["/livez", "/readyz", "/workers", "/metrics", "/nowhere"]) {
    const { headers } = await fetch(`${admin}${path}`);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
  }
  expect(await send(`${admin}/reload`, {})).toMatchObject({ status: 404 });
  expect(await send(`${admin}/livez`, {})).toMatchObject({ status: 405 });
  expect(await send(`${admin}/echo`, { x: 1 })).toMatchObject({ status: 404 });
  expect(await server.stop()).toBe(0);
});

test.each([[["--workers", "2"]], [[]]])(
  "with a delay it says first that it is not ready, and goes on accepting: %j",
  async (args) => {
    const { server, admin } = await serve("--shutdown-delay", "2", ...args);
    server.child.kill("SIGTERM");
    await until("it says so", async () => (await send(`${server.url}/readyz`)).status === 503);
    expect(await get(`${admin}/readyz`)).toMatchObject({
      status: 503,
      body: { status: "draining" },
    });
    expect(await send(`${server.url}/echo`, { x: 1 })).toMatchObject({ status: 200 });
    expect(await server.exited).toBe(0);
  },
);
