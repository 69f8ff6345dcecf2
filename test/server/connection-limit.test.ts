import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { listen } from "../../sdk/server/listen.js";
import { openWire, problemOf } from "../robustness/traffic.js";

/** However busy the machine is. */
const poll = <T>(read: () => T) => expect.poll(read, { timeout: 30_000 });

const app = { fetch: (request: Request) => new Response(new URL(request.url).pathname) };

test("beyond the most connections probes are answered, others refused, and room is made when one ends", async () => {
  const refused: string[] = [];
  const listening = await listen(app, {
    port: 0,
    limits: { maxConnections: 2 },
    onRefused: (reason) => void refused.push(reason),
  });
  try {
    const held = [await openWire(listening.address), await openWire(listening.address)];
    const ask = async (path: string) => {
      const wire = await openWire(listening.address);
      wire.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [answer] = await wire.answers(1);
      await once(wire.socket, "close");
      return answer!;
    };
    for (const probe of ["/livez", "/readyz", "/metrics"]) {
      expect(await ask(probe)).toMatchObject({
        status: 200,
        body: probe,
        headers: { connection: "close" },
      });
    }
    const answer = await ask("/v1/predict");
    expect(problemOf(answer)).toMatchObject({
      status: 503,
      code: "CONCURRENCY_EXCEEDED",
      expected: 2,
    });
    expect(answer.headers["retry-after"]).toBe("1");
    expect(refused).toEqual(["connections"]);
    held[0]!.socket.write("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    expect((await held[0]!.answers(1))[0]).toMatchObject({ status: 200, body: "/a" });
    held[0]!.socket.destroy();
    await poll(async () => {
      const wire = await openWire(listening.address);
      wire.socket.write("GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
      const status = (await wire.answers(1))[0]!.status;
      wire.socket.destroy();
      return status;
    }).toBe(200);
  } finally {
    await listening.close({ drainMs: 0 });
  }
});

test("many more are dropped, so that descriptors last, and told of", async () => {
  let dropped = 0;
  const listening = await listen(app, {
    port: 0,
    limits: { maxConnections: 1 },
    onRefused: () => void dropped++,
  });
  const sockets: Socket[] = [];
  try {
    for (let index = 0; index < 80; index++) {
      const socket = connect(listening.port, "127.0.0.1").on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
    }
    await poll(() => dropped).toBe(80 - 65);
  } finally {
    for (const socket of sockets) socket.destroy();
    await listening.close({ drainMs: 0 });
  }
});

test("headers and bodies that come too slowly are answered with 408 and closed, others meanwhile", async () => {
  const slowApp = {
    fetch: async (request: Request) => new Response(`${(await request.text()).length}`),
  };
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 900 };
  const listening = await listen(slowApp, { port: 0, limits });
  const drips: NodeJS.Timeout[] = [];
  try {
    const starts = [
      "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    ];
    const slow = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const wire = await openWire(listening.address);
        wire.socket.write(starts[index % 2]!);
        drips.push(setInterval(() => wire.socket.write("a"), 50));
        return wire;
      }),
    );
    const quick = await openWire(listening.address);
    quick.socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    expect((await quick.answers(1))[0]).toMatchObject({ status: 200, body: "3" });
    for (const wire of slow) {
      const [answer] = await wire.answers(1);
      expect(problemOf(answer)).toMatchObject({ status: 408, code: "REQUEST_INCOMPLETE" });
      if (!wire.socket.closed) await once(wire.socket, "close");
    }
  } finally {
    for (const drip of drips) clearInterval(drip);
    await listening.close({ drainMs: 0 });
  }
}, 30_000);
