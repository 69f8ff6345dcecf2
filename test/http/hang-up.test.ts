import { once } from "node:events";
import type { Server } from "node:http";
import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Context } from "../../sdk/service/context.js";
import { api, build, listen, send, service, until } from "./serving.js";

const BODY = JSON.stringify({ x: 1, y: 2 });

async function open(port: number, text: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

function head(length: number): string {
  return `POST /v1/add HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

test("a client that leaves while it sends its body never reaches the handler", async () => {
  let calls = 0;
  const built = await build(
    service([
      api({
        example: undefined,
        handler: () => {
          calls++;
          return { sum: 0 };
        },
      }),
    ]),
  );
  await using served = await listen(built.app);
  const socket = await open(served.port, `${head(BODY.length)}${BODY.slice(0, 5)}`);
  await untilConnections(served.server, 1);
  socket.destroy();
  const series =
    'ekiben_requests_total{endpoint="/v1/add",method="POST",status="499",service_version="1",service="adder"} 1';
  await untilText(() => built.serviceMetrics.text(), series);
  expect(calls).toBe(0);
  expect((await send(`${served.url}/v1/add`, { body: BODY })).status).toBe(200);
});

test("a client that leaves while it waits aborts the signal of its request, and only that", async () => {
  const signals = new Map<string, AbortSignal>();
  let finish: (() => void) | undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const built = await build(
    service([
      api({
        example: undefined,
        handler: (async (_: unknown, { items }: Context) => {
          for (const { id, signal } of items) signals.set(id, signal);
          await finished;
          return { sum: 0 };
        }) as never,
      }),
    ]),
  );
  await using served = await listen(built.app);
  const other = send(`${served.url}/v1/add`, { body: BODY, headers: { "x-request-id": "stays" } });
  await until(() => signals.has("stays"));
  const socket = await open(served.port, head(BODY.length) + BODY);
  await until(() => signals.size === 2);
  const [, gone] = [...signals].find(([id]) => id !== "stays")!;
  expect(gone.aborted).toBe(false);
  socket.destroy();
  await until(() => gone.aborted);
  expect(signals.get("stays")!.aborted).toBe(false);
  finish!();
  expect((await other).status).toBe(200);
});

test("a client that leaves in the middle of a large answer harms nobody", async () => {
  const large = "a".repeat(64 * 1024 * 1024);
  const built = await build(
    service([api({ example: undefined, output: undefined as never, handler: () => large })]),
  );
  await using served = await listen(built.app);
  const socket = await open(served.port, head(BODY.length) + BODY);
  await once(socket, "data");
  socket.destroy();
  await untilConnections(served.server, 0);
  const answer = await send(`${served.url}/v1/add`, { body: BODY });
  expect(answer.body).toHaveLength(large.length + 2);
});

test("an announced length that lies does not hang the server", async () => {
  const built = await build(service([api()]));
  await using served = await listen(built.app);
  const socket = await open(served.port, `${head(BODY.length + 10)}${BODY}`);
  socket.end();
  await untilText(() => built.serviceMetrics.text(), 'status="499"');
  expect((await send(`${served.url}/v1/add`, { body: BODY })).status).toBe(200);
});

test("a line feed in a header never becomes a header of the answer", async () => {
  const built = await build(service([api()]));
  await using served = await listen(built.app);
  const socket = await open(
    served.port,
    `POST /v1/add HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: a\nSet-Cookie: b=c\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  );
  let answer = "";
  socket.on("data", (chunk) => (answer += chunk));
  await once(socket, "close");
  expect(answer).toMatch(/^HTTP\/1\.1 /);
  expect(answer.toLowerCase()).not.toContain("set-cookie");
});

async function untilConnections(server: Server, expected: number): Promise<void> {
  const count = promisify(server.getConnections.bind(server));
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await count()) === expected) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await count()).toBe(expected);
}

async function untilText(read: () => Promise<string>, expected: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if ((await read()).includes(expected)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(await read()).toContain(expected);
}
