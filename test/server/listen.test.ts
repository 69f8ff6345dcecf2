import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { listen, type Listening } from "../../sdk/server/listen.js";

const answer = (text: string) => ({ fetch: () => new Response(text) });

interface Reply {
  status: number;
  body: string;
  connection: string | undefined;
}

function get(listening: Listening, agent?: Agent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(listening.address, { agent }, (reply) => {
      let body = "";
      reply.setEncoding("utf8");
      reply.on("data", (part: string) => (body += part));
      reply.on("end", () =>
        resolve({ status: reply.statusCode!, body, connection: reply.headers.connection }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("answers with the app on a free port", async () => {
  const listening = await listen(answer("a"), { port: 0 });
  expect(listening.port).toBeGreaterThan(0);
  expect(listening.address).toBe(`http://127.0.0.1:${listening.port}`);
  expect((await get(listening)).body).toBe("a");
  await listening.close();
});

test("exchanges the app on the same connection while requests under way stay where they are", async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const listening = await listen(
    {
      async fetch() {
        await held;
        return new Response("old");
      },
    },
    { port: 0 },
  );
  const agent = new Agent({ keepAlive: true });
  const first = get(listening, agent);
  await sleep(30);
  listening.setApp(answer("new"));
  expect((await get(listening, agent)).body).toBe("new");
  release();
  expect((await first).body).toBe("old");
  agent.destroy();
  await listening.close();
});

test("a taken port is named with one that is free", async () => {
  const first = await listen(answer("a"), { port: 0 });
  const second = listen(answer("b"), { port: first.port });
  await expect(second).rejects.toMatchObject({ code: "PORT_IN_USE" });
  const hint = await second.catch((error: Error) => error.message);
  const free = Number(/use port (\d+)/.exec(String(hint))?.[1]);
  const third = await listen(answer("c"), { port: free });
  expect((await get(third)).body).toBe("c");
  await Promise.all([first.close(), third.close()]);
});

test("closing answers what is under way and tells the client to leave", async () => {
  const listening = await listen(
    {
      async fetch() {
        await sleep(150);
        return new Response("late");
      },
    },
    { port: 0 },
  );
  const agent = new Agent({ keepAlive: true });
  const under = get(listening, agent);
  await sleep(30);
  const closed = listening.close();
  expect(await under).toEqual({ status: 200, body: "late", connection: "close" });
  expect(await closed).toEqual({ cut: 0 });
  await expect(get(listening)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  agent.destroy();
});

test("a request on an open connection just after closing began is still answered", async () => {
  const listening = await listen(answer("x"), { port: 0 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await get(listening, agent);
  const closed = listening.close();
  expect(await get(listening, agent)).toMatchObject({ body: "x", connection: "close" });
  await closed;
  agent.destroy();
});

test("idle connections do not hold the end up", async () => {
  const listening = await listen(answer("x"), { port: 0 });
  const agent = new Agent({ keepAlive: true });
  await get(listening, agent);
  const began = performance.now();
  expect(await listening.close({ lingerMs: 20 })).toEqual({ cut: 0 });
  expect(performance.now() - began).toBeLessThan(2_000);
  agent.destroy();
});

test("what never ends is cut at the limit and counted", async () => {
  const listening = await listen({ fetch: () => new Promise<Response>(() => {}) }, { port: 0 });
  const under = get(listening);
  under.catch(() => {});
  await sleep(30);
  expect(await listening.close({ drainMs: 100, lingerMs: 0 })).toEqual({ cut: 1 });
  await expect(under).rejects.toThrow();
});

test("an address of another machine is refused with the host's name", async () => {
  await expect(listen(answer("x"), { port: 0, host: "192.0.2.1" })).rejects.toMatchObject({
    code: "COMMAND_INVALID",
    message: expect.stringContaining("192.0.2.1"),
  });
});
