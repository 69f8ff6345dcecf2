import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { CLIENT_CODES, ClientError } from "../../sdk/client/client-error.js";
import { json } from "../../sdk/inputs/json.js";
import { createFakeClock } from "../fake-clock.js";
import { until } from "../http/serving.js";
import { CONTRACT, cut, ok, problem, script, type Answer } from "./scripted.js";
import { connect, defineService, serve, z } from "./serving.js";

async function failure(call: unknown): Promise<ClientError> {
  const error: unknown = await (call as Promise<unknown>).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ClientError);
  return error as ClientError;
}

const silence: Answer = () => {};

describe("an error", () => {
  test("has all that the problem document of the service says", async () => {
    await using served = await serve(
      defineService({ name: "adder" }).api("add", {
        input: json(z.object({ x: z.number() })),
        handler: ({ x }) => x,
      }),
    );
    const error = await failure(served.client.add({ x: "one" } as never));
    expect(error).toMatchObject({
      name: "ClientError [INPUT_INVALID]",
      code: "INPUT_INVALID",
      status: 422,
      issues: [{ path: "x" }],
      issueCount: 1,
      attempts: 1,
    });
    expect(error.requestId).toMatch(/^[0-9a-f]{32}$/);
    expect(error.message.startsWith(error.detail)).toBe(true);
    expect(inspect(error)).toContain("ClientError [INPUT_INVALID]");
    expect(inspect(error)).not.toContain("undefined");
  });

  test("has the id that the caller gave to the request, or one that was made", async () => {
    await using server = await script(cut);
    const { run } = connect(server.url);
    const given = await failure(run!({}, { headers: { "X-Request-Id": "mine-1" } }));
    expect(given.requestId).toBe("mine-1");
    expect(server.received[0]!.headers["x-request-id"]).toBe("mine-1");
    const made = await failure(run!({}));
    expect(made.requestId).toBe(server.received[1]!.headers["x-request-id"]);
    expect(made.requestId).not.toBe(given.requestId);
  });

  test("keeps the service's own bodies, and codes that are yet to come", async () => {
    await using server = await script(
      { status: 409, body: { taken: ["a"] } },
      problem("FUTURE_CODE", 418, { hint: "Wait." }),
    );
    const { run } = connect(server.url);
    expect(await failure(run!({}))).toMatchObject({
      code: "REQUEST_REJECTED",
      status: 409,
      body: { taken: ["a"] },
      detail: 'The service answered 409: {"taken":["a"]}',
    });
    expect(await failure(run!({}))).toMatchObject({
      code: "FUTURE_CODE",
      status: 418,
      hint: "Wait.",
      requestId: "from-the-service",
    });
  });

  test("shows what a proxy has answered in place of the service", async () => {
    const page = `<html>${"x".repeat(500)}</html>`;
    await using server = await script(
      { status: 502, headers: { "content-type": "text/html" }, body: page },
      { status: 503, headers: { "content-type": "text/plain" }, body: "" },
      {
        status: 200,
        headers: { "content-type": "text/html; charset=utf-8" },
        body: "<html>Log in",
      },
      { status: 200, body: "[1," },
    );
    const { run } = connect(server.url);
    const bad = await failure(run!({}));
    expect(bad).toMatchObject({
      code: "ANSWER_INVALID",
      status: 502,
      received: page.slice(0, 200),
    });
    expect(bad.detail).toBe(
      `The answer is not one of the service: 502 Bad Gateway with text/html: ${page.slice(0, 200)}`,
    );
    expect((await failure(run!({}))).detail).toContain("with text/plain and no body");
    expect(await failure(run!({}))).toMatchObject({ status: 200, received: "<html>Log in" });
    expect((await failure(run!({}))).detail).toBe("The answer is not JSON: [1,");
  });

  test("tells calls that cannot be written before anything is sent", async () => {
    await using server = await script(ok(1));
    const client = connect(server.url);
    expect(await failure(client["rum"]!({}))).toMatchObject({
      code: "CALL_INVALID",
      message: 'The service "scripted" has no API "rum". Did you mean "run"?',
    });
    server.contract = {
      service: "one",
      apis: [{ ...CONTRACT.apis[2]!, name: "at", path: "/v1/:place" }],
    };
    const { at } = connect(server.url);
    expect((await failure(at!({ params: {} }))).message).toContain(
      '"place" of the path /v1/:place',
    );
    expect((await failure(at!({ params: { place: "x" }, timeoutMs: 0 }))).code).toBe(
      "CALL_INVALID",
    );
    expect(server.received).toEqual([]);
  });

  test("at an address that is no service says so", async () => {
    await using server = await script(ok(1));
    server.contract = {} as never;
    expect(await failure(connect(server.url)["run"]!({}))).toMatchObject({
      code: "ANSWER_INVALID",
      hint: expect.stringContaining("GET /metadata"),
    });
  });

  test("has no query string in its words, which may hold secrets", async () => {
    await using server = await script(cut);
    const { look } = connect(server.url);
    const error = await failure(look!({ query: { token: "secret" }, retries: 0 }));
    expect(server.received[0]!.path).toBe("/look?token=secret");
    expect(inspect({ ...error, message: error.message, cause: undefined })).not.toContain("secret");
  });
});

describe("the time of a call", () => {
  test("is told to the service, each time what is left of it", async () => {
    const clock = createFakeClock();
    const told: (string | null)[] = [];
    const client = connect(
      "http://service",
      {
        contract: CONTRACT,
        fetch: (_, init) => {
          told.push(new Headers(init.headers).get("x-request-timeout-ms"));
          return Promise.resolve(
            told.length < 3
              ? new Response("{}", { status: 429, headers: { "retry-after": "2" } })
              : Response.json("done"),
          );
        },
      },
      { clock },
    );
    const answer = client["run"]!({}, { timeoutMs: 10_000 }) as Promise<unknown>;
    await clock.runAll();
    expect(await answer).toBe("done");
    expect(told).toEqual(["10000", "8000", "6000"]);
    await client["run"]!({});
    expect(told.at(-1)).toBeNull();
  });

  test("ends a call that is not answered, and the service hears of it", async () => {
    let closed = false;
    await using server = await script((response) => {
      response.on("close", () => (closed = true));
    });
    const { run } = connect(server.url, { contract: CONTRACT });
    const error = await failure(run!({}, { timeoutMs: 200 }));
    expect(error).toMatchObject({ code: "TIMED_OUT", attempts: 1 });
    expect(error).not.toHaveProperty("status");
    await until(() => closed);
  });

  test("ends a call whose answer does not end", async () => {
    await using server = await script((response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.write("[");
    });
    const error = await failure(connect(server.url)["run"]!({}, { timeoutMs: 100 }));
    expect(error).toMatchObject({ code: "TIMED_OUT" });
  });

  test("holds for the contract too", async () => {
    const client = connect("http://service", { fetch: () => new Promise(() => {}) });
    expect((await failure(client["run"]!({}, { timeoutMs: 30 }))).code).toBe("TIMED_OUT");
    const signal = AbortSignal.timeout(30);
    expect((await failure(client["run"]!({}, { signal }))).code).toBe("ABORTED");
  });

  test("is by default five seconds more than the API allows itself", async () => {
    const clock = createFakeClock();
    const fetch = (_: string, { signal }: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) => {
        signal!.addEventListener("abort", () => reject(signal!.reason as Error));
      });
    const client = connect("http://service", { contract: CONTRACT, fetch }, { clock });
    const call = failure(client["table"]!([]));
    await clock.advance(5199);
    expect(clock.timers).toBe(1);
    await clock.advance(1);
    expect((await call).code).toBe("TIMED_OUT");
    expect(clock.timers).toBe(0);
  });

  test("may have no end", async () => {
    const clock = createFakeClock();
    const fetch = (): Promise<Response> => new Promise(() => {});
    const client = connect("http://service", { contract: CONTRACT, fetch }, { clock });
    void client["run"]!({}, { timeoutMs: Infinity });
    await clock.settle();
    expect(clock.timers).toBe(0);
  });

  test("is kept by the service as well: what nobody waits for is not handled", async () => {
    const seen: number[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    await using served = await serve(
      defineService({ name: "slow" }).api("run", {
        input: json(z.number()),
        batch: { maxBatchSize: 1 },
        async handler(items) {
          seen.push(...items);
          await gate;
          return items;
        },
      }),
    );
    const { client } = served;
    const first = client.run(1);
    await until(() => seen.length === 1);
    const late = await failure(client.run(2, { timeoutMs: 60 }));
    expect(late.code).toMatch(/^(TIMED_OUT|REQUEST_TIMEOUT)$/);
    // The time of the service began a little later, when the request had arrived.
    await new Promise((resolve) => setTimeout(resolve, 100));
    open();
    expect(await first).toBe(1);
    expect(await client.run(3)).toBe(3);
    expect(seen).toEqual([1, 3]);
  });
});

describe("the caller's signal", () => {
  test("ends a call, with its reason as the cause", async () => {
    await using server = await script(silence);
    const abort = new AbortController();
    const call = failure(
      connect(server.url)["run"]!({}, { signal: abort.signal, idempotent: true }),
    );
    await until(() => server.received.length === 1);
    const reason = new Error("changed my mind");
    abort.abort(reason);
    expect(await call).toMatchObject({ code: "ABORTED", cause: reason, attempts: 1 });
    expect(server.received).toHaveLength(1);
  });

  test("keeps a call from being sent that was aborted before", async () => {
    await using server = await script(ok(1));
    const { run } = connect(server.url);
    await run!({});
    const error = await failure(run!({}, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: "ABORTED", attempts: 0 });
    expect(server.received).toHaveLength(1);
  });

  test("is let go of when the call has ended", async () => {
    await using server = await script(ok(1), problem("INPUT_INVALID", 422));
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: never) => {
      listeners.add(listener);
      add(type, listener);
    };
    signal.removeEventListener = (type: string, listener: never) => {
      listeners.delete(listener);
      remove(type, listener);
    };
    const { run } = connect(server.url);
    await run!({}, { signal });
    await failure(run!({}, { signal }));
    expect(listeners.size).toBe(0);
  });
});

test("the codes of the client are no codes of a service", async () => {
  const { ERROR_CATALOGUE } = await import("../../sdk/core/errors.js");
  expect(CLIENT_CODES.filter((code) => code in ERROR_CATALOGUE)).toEqual([]);
});
