import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { ClientError } from "../../sdk/client/client-error.js";
import { toDelay } from "../../sdk/client/retry.js";
import { createFakeClock } from "../fake-clock.js";
import { CONTRACT, cut, ok, problem, script, type Answer } from "./scripted.js";
import { connect } from "./serving.js";

async function failure(call: unknown): Promise<ClientError> {
  const error: unknown = await (call as Promise<unknown>).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ClientError);
  return error as ClientError;
}

const REFUSED: [string, Answer][] = [
  ["QUEUE_FULL", problem("QUEUE_FULL", 503, { retryAfter: 0 })],
  ["DEADLINE_UNREACHABLE", problem("DEADLINE_UNREACHABLE", 503, { retryAfter: 0 })],
  ["SERVER_STARTING", problem("SERVER_STARTING", 503, { retryAfter: 0 })],
  ["SERVER_DRAINING", problem("SERVER_DRAINING", 503, { retryAfter: 0 })],
  ["REQUEST_INCOMPLETE", problem("REQUEST_INCOMPLETE", 408)],
  ["429 of a middleware", { status: 429, body: { error: "slow down" } }],
];

const PERHAPS_HANDLED: [string, Answer][] = [
  ["HANDLER_FAILED", problem("HANDLER_FAILED", 500)],
  ["REQUEST_TIMEOUT", problem("REQUEST_TIMEOUT", 504)],
  ["503 of a proxy", { status: 503, headers: { "retry-after": "0" }, body: "no upstream" }],
  ["502 of a proxy", { status: 502, headers: { "content-type": "text/html" }, body: "<html>" }],
  ["a lost connection", cut],
  [
    "an answer that is cut",
    (response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
      response.write("[1,");
      setTimeout(() => response.socket?.destroy(), 5);
    },
  ],
];

const REFUSED_FOR_GOOD: [string, Answer][] = [
  ["INPUT_INVALID", problem("INPUT_INVALID", 422)],
  ["BODY_TOO_LARGE", problem("BODY_TOO_LARGE", 413)],
  ["reject()", { status: 409, body: { taken: true } }],
];

describe("a request that was refused before its handler", () => {
  test.each(REFUSED)("is sent again: %s", async (_, refused) => {
    await using server = await script(refused, refused, ok({ done: true }));
    expect(await connect(server.url)["run"]!({ x: 1 })).toEqual({ done: true });
    expect(server.received.map(({ body }) => body)).toEqual(['{"x":1}', '{"x":1}', '{"x":1}']);
    const ids = server.received.map(({ headers }) => headers["x-request-id"]);
    expect(new Set(ids).size).toBe(1);
  });

  test.each(REFUSED)("is given up after two more: %s", async (_, refused) => {
    await using server = await script(refused);
    const error = await failure(connect(server.url)["run"]!({ x: 1 }));
    expect(error.attempts).toBe(3);
    expect(server.received).toHaveLength(3);
  });

  test("is sent as often as the caller says", async () => {
    await using server = await script(problem("SERVER_STARTING", 503));
    await failure(connect(server.url, { retries: 4 })["run"]!({ x: 1 }));
    expect(server.received).toHaveLength(5);
    await failure(connect(server.url, { retries: 4 })["run"]!({ x: 1 }, { retries: 0 }));
    expect(server.received).toHaveLength(6);
  });

  test("is not sent again when a part of its items may have been handled", async () => {
    await using server = await script(problem("QUEUE_FULL", 503, { retryAfter: 0 }));
    const { table } = connect(server.url);
    await failure(table!([{}, {}, {}]));
    expect(server.received).toHaveLength(1);
    await failure(table!([{}, {}]));
    expect(server.received).toHaveLength(4);
  });

  test("is not sent again when its body is a stream", async () => {
    await using server = await script(problem("SERVER_STARTING", 503));
    const { send } = connect(server.url);
    await failure(send!(new Blob(["x"]).stream()));
    expect(server.received).toHaveLength(1);
    await failure(send!(new Blob(["x"])));
    expect(server.received).toHaveLength(4);
  });
});

describe("a request that may have been handled", () => {
  test.each(PERHAPS_HANDLED)("is not sent again: %s", async (_, answer) => {
    await using server = await script(answer, ok(1));
    const error = await failure(connect(server.url)["run"]!({ x: 1 }));
    expect(error.attempts).toBe(1);
    expect(server.received).toHaveLength(1);
  });

  test.each(PERHAPS_HANDLED)("is sent again when it is idempotent: %s", async (_, answer) => {
    await using server = await script(answer, ok(1));
    const { run } = connect(server.url);
    expect(await run!({ x: 1 }, { idempotent: true })).toBe(1);
    expect(server.received).toHaveLength(2);
  });

  test.each(PERHAPS_HANDLED)("is sent again when it is a GET: %s", async (_, answer) => {
    await using server = await script(answer, ok(1));
    expect(await connect(server.url)["look"]!()).toBe(1);
    expect(server.received).toHaveLength(2);
  });

  test("is not sent again when its caller says that a GET is not idempotent", async () => {
    await using server = await script(cut, ok(1));
    const error = await failure(connect(server.url)["look"]!({ idempotent: false }));
    expect(error.code).toBe("CONNECTION_LOST");
    expect(server.received).toHaveLength(1);
  });
});

test.each(REFUSED_FOR_GOOD)("a request that is wrong is sent once: %s", async (_, answer) => {
  await using server = await script(answer, ok(1));
  await failure(connect(server.url)["run"]!({ x: 1 }, { idempotent: true }));
  expect(server.received).toHaveLength(1);
});

describe("a connection that is refused", () => {
  async function findFreePort(): Promise<number> {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    return port;
  }

  test("is tried again, and given up after two more", async () => {
    const port = await findFreePort();
    let tries = 0;
    const client = connect(`http://127.0.0.1:${port}`, {
      contract: CONTRACT,
      fetch: (url, init) => {
        tries++;
        return fetch(url, init);
      },
    });
    const error = await failure(client["run"]!({ x: 1 }));
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", attempts: 3 });
    expect(error).not.toHaveProperty("status");
    expect(error.message).toContain(`No connection to http://127.0.0.1:${port}/run (ECONNREFUSED)`);
    expect(tries).toBe(3);
  });

  test("is made when the service has come", async () => {
    const port = await findFreePort();
    let tries = 0;
    let server: HttpServer | undefined;
    const client = connect(`http://localhost:${port}`, {
      contract: CONTRACT,
      async fetch(url, init) {
        tries++;
        if (tries === 2) {
          server = createHttpServer((_, response) => response.end()).listen(port, "127.0.0.1");
          await once(server, "listening");
        }
        return await fetch(url, init);
      },
    });
    const error = await failure(client["run"]!({ x: 1 }));
    expect(error).toMatchObject({ code: "ANSWER_INVALID", status: 200, attempts: 2 });
    server!.closeAllConnections();
    server!.close();
  });
});

describe("the time between tries", () => {
  const error = (retryAfter?: number): ClientError =>
    new ClientError("QUEUE_FULL", {
      detail: "",
      ...(retryAfter === undefined ? {} : { retryAfter }),
    });

  test("grows twofold up to five seconds, with full jitter", () => {
    expect([1, 2, 3, 7, 20].map((attempt) => toDelay(error(), attempt, 1))).toEqual([
      100, 200, 400, 5000, 5000,
    ]);
    expect(toDelay(error(), 3, 0)).toBe(0);
    expect(toDelay(error(), 3, 0.5)).toBe(200);
  });

  test("comes after what the service asks for", () => {
    expect(toDelay(error(2), 1, 0.5)).toBe(2050);
  });

  test("is waited for exactly, by the client's clock", async () => {
    const clock = createFakeClock();
    const sent: number[] = [];
    const client = connect(
      "http://service",
      {
        contract: CONTRACT,
        retries: 3,
        fetch: () => {
          sent.push(clock.now());
          return Promise.resolve(
            sent.length < 3
              ? new Response("{}", { status: 429, headers: { "retry-after": "2" } })
              : Response.json("done"),
          );
        },
      },
      { clock, random: () => 0.5 },
    );
    const answer = client["run"]!({ x: 1 }) as Promise<unknown>;
    await clock.runAll();
    expect(await answer).toBe("done");
    expect(sent).toEqual([0, 2050, 4150]);
    expect(clock.timers).toBe(0);
  });

  test("is never longer than the caller waits: the last error comes at once", async () => {
    const clock = createFakeClock();
    let sent = 0;
    const client = connect(
      "http://service",
      {
        contract: CONTRACT,
        fetch: () => {
          sent++;
          return Promise.resolve(
            new Response("{}", { status: 429, headers: { "retry-after": "2" } }),
          );
        },
      },
      { clock },
    );
    const error = await failure(client["run"]!({ x: 1 }, { timeoutMs: 2000 }));
    expect(error).toMatchObject({
      code: "REQUEST_REJECTED",
      status: 429,
      retryAfter: 2,
      attempts: 1,
    });
    expect([sent, clock.now(), clock.timers]).toEqual([1, 0, 0]);
  });

  test("is cut short by the caller's signal", async () => {
    const clock = createFakeClock();
    const abort = new AbortController();
    const client = connect(
      "http://service",
      {
        contract: CONTRACT,
        fetch: () =>
          Promise.resolve(new Response("{}", { status: 429, headers: { "retry-after": "2" } })),
      },
      { clock },
    );
    const call = failure(client["run"]!({ x: 1 }, { signal: abort.signal }));
    await clock.advance(500);
    abort.abort(new Error("enough"));
    expect(await call).toMatchObject({ code: "ABORTED", attempts: 1, cause: new Error("enough") });
    await clock.settle();
    expect(clock.timers).toBe(0);
  });

  test("reads a date in Retry-After", async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    await using server = await script({ status: 429, headers: { "retry-after": date }, body: {} });
    const error = await failure(connect(server.url)["run"]!({ x: 1 }, { timeoutMs: 5000 }));
    expect(error.retryAfter).toBeGreaterThan(50);
    expect(error.retryAfter).toBeLessThanOrEqual(60);
  });
});
