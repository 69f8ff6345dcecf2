import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ClientError } from "../../sdk/client/client-error.js";
import { json } from "../../sdk/inputs/json.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { until } from "../http/serving.js";
import { CONTRACT, cut, problem, script, type Answer } from "./scripted.js";
import { connect, defineService, serve, z } from "./serving.js";

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const Token = z.object({ token: z.string() });
let ended = 0;

async function* talk(count: number, end?: string): AsyncGenerator<{ token: string }> {
  try {
    for (let at = 0; at < count; at++) {
      yield { token: `${at}: naïve\n\n日本` };
      await wait(1);
    }
    if (end !== undefined) throw new Error(end);
  } finally {
    ended++;
  }
}

const Ask = z.object({ count: z.number(), end: z.string().optional() });
const service = defineService({ name: "talker" })
  .api("events", {
    input: json(Ask),
    output: eventStream(Token),
    handler: ({ count, end }) => talk(count, end),
  })
  .api("lines", {
    input: json(Ask),
    output: ndjsonStream(Token),
    handler: ({ count, end }) => talk(count, end),
  })
  .api("watch", { output: eventStream(z.number()), handler: () => [1, 2, 3] })
  .api("nothing", {
    input: json(Ask),
    output: eventStream(Token),
    handler(_, { reject }) {
      reject(0, 200, { reason: "no talk" });
      return [];
    },
  });

async function collect(stream: AsyncIterable<unknown>): Promise<{
  values: unknown[];
  error: ClientError | undefined;
}> {
  const values: unknown[] = [];
  try {
    for await (const value of stream) values.push(value);
  } catch (error) {
    expect(error).toBeInstanceOf(ClientError);
    return { values, error: error as ClientError };
  }
  return { values, error: undefined };
}

const stream =
  (type: string, ...chunks: (string | undefined)[]): Answer =>
  async (response) => {
    response.writeHead(200, { "content-type": type, "x-request-id": "its-id" });
    for (const chunk of chunks) {
      if (chunk === undefined) {
        response.socket!.destroy();
        return;
      }
      response.write(chunk);
      await wait(5);
    }
    response.end();
  };
const events = (...chunks: (string | undefined)[]): Answer =>
  stream("text/event-stream", ...chunks);
const lines = (...chunks: (string | undefined)[]): Answer =>
  stream("application/x-ndjson", ...chunks);
const PROBLEM = {
  type: "urn:ekiben:error:HANDLER_FAILED",
  title: "The handler failed",
  status: 500,
  code: "HANDLER_FAILED",
  detail: "It broke.",
  requestId: "its-id",
};

const unhandled = vi.fn();
beforeEach(() => {
  ended = 0;
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(async () => {
  await wait(0);
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

describe.each(["events", "lines"] as const)("a stream of %s", (name) => {
  test("gives each value as it comes", async () => {
    await using served = await serve(service);
    const expected = Array.from({ length: 50 }, (_, at) => ({ token: `${at}: naïve\n\n日本` }));
    const { values, error } = await collect(served.client[name]({ count: 50 }));
    expect(error).toBeUndefined();
    expect(values).toEqual(expected);
    expect(await collect(served.client[name]({ count: 0 }))).toEqual({ values: [] });
  });

  test("can be awaited, and then iterated", async () => {
    await using served = await serve(service);
    const tokens = await served.client[name]({ count: 2 });
    const first = await tokens.next();
    expect(first).toEqual({ done: false, value: { token: "0: naïve\n\n日本" } });
    expect((await collect(tokens)).values).toHaveLength(1);
    expect(await tokens.next()).toEqual({ done: true, value: undefined });
  });

  test("ends with the error of a handler that breaks after some values", async () => {
    await using served = await serve(service);
    const { values, error } = await collect(served.client[name]({ count: 3, end: "broken" }));
    expect(values).toHaveLength(3);
    expect(error).toMatchObject({ code: "HANDLER_FAILED", status: 500, attempts: 1 });
    expect(error!.requestId).toMatch(/^[0-9a-f]{32}$/);
  });

  test("fails as any call when its handler breaks before the first value", async () => {
    await using served = await serve(service);
    const { values, error } = await collect(served.client[name]({ count: 0, end: "broken" }));
    expect(values).toEqual([]);
    expect(error).toMatchObject({ code: "HANDLER_FAILED", status: 500 });
    await expect(served.client[name]({ count: "x" } as never)).rejects.toMatchObject({
      code: "INPUT_INVALID",
    });
  });

  test("ends its handler when the caller stops to listen", async () => {
    await using served = await serve(service);
    for await (const value of served.client[name]({ count: 100_000 })) {
      expect(value.token).toContain("0:");
      break;
    }
    await until(() => ended === 1);
    const tokens = await served.client[name]({ count: 100_000 });
    await tokens.return!();
    await until(() => ended === 2);
  });

  test("ends with the caller's signal, at any time", async () => {
    await using served = await serve(service);
    const abort = new AbortController();
    const values: unknown[] = [];
    const listen = async (): Promise<void> => {
      for await (const value of served.client[name]({ count: 100_000 }, { signal: abort.signal })) {
        values.push(value);
        if (values.length === 3) abort.abort();
      }
    };
    await expect(listen()).rejects.toMatchObject({ code: "ABORTED" });
    expect(values).toHaveLength(3);
    await until(() => ended === 1);
  });
});

test("a stream of an API without a body", async () => {
  await using served = await serve(service);
  expect((await collect(served.client.watch())).values).toEqual([1, 2, 3]);
  expect(served.requests).toEqual(["GET /metadata", "GET /watch"]);
});

test("an answer that is no stream is an error with its body", async () => {
  await using served = await serve(service);
  expect((await collect(served.client.nothing({ count: 1 }))).error).toMatchObject({
    code: "REQUEST_REJECTED",
    status: 200,
    body: { reason: "no talk" },
  });
});

describe("a stream that breaks", () => {
  test.each<[string, string, Answer, unknown[], object]>([
    [
      "is cut between events",
      "talk",
      events("data: 1\n\n", undefined),
      [1],
      { code: "CONNECTION_LOST" },
    ],
    ["ends without its end", "talk", events("data: 1\n\n"), [1], { code: "CONNECTION_LOST" }],
    [
      "ends within an event",
      "talk",
      events("data: 1\n\ndata: 2"),
      [1],
      { code: "CONNECTION_LOST" },
    ],
    [
      "says its error",
      "talk",
      events("data: 1\n\n", `event: error\ndata: ${JSON.stringify(PROBLEM)}\n\n`),
      [1],
      { code: "HANDLER_FAILED", detail: "It broke.", requestId: "its-id" },
    ],
    ["is no JSON", "talk", events("data: 1\n\ndata: {\n\n"), [1], { code: "ANSWER_INVALID" }],
    ["is cut between lines", "list", lines("1\n", undefined), [1], { code: "CONNECTION_LOST" }],
    ["ends within a line", "list", lines('1\n{"a":'), [1], { code: "CONNECTION_LOST" }],
    [
      "says its error in a line",
      "list",
      lines("1\n", `${JSON.stringify({ error: PROBLEM })}\n`),
      [1],
      { code: "HANDLER_FAILED", detail: "It broke.", requestId: "its-id" },
    ],
    [
      "is a page of a proxy",
      "list",
      { status: 200, headers: { "content-type": "text/html" }, body: "<html>" },
      [],
      { code: "ANSWER_INVALID", received: "<html>" },
    ],
  ])("rejects: it %s", async (_, name, answer, expected, error) => {
    await using server = await script(answer);
    const found = await collect(connect(server.url)[name]!({}));
    expect(found.values).toEqual(expected);
    expect(found.error).toMatchObject(error);
    expect(server.received).toHaveLength(1);
  });

  test("is not asked for again after its first value, however idempotent", async () => {
    await using server = await script(events("data: 1\n\n", undefined), events("data: 2\n\n"));
    const found = await collect(connect(server.url)["talk"]!({}, { idempotent: true }));
    expect(found.values).toEqual([1]);
    expect(found.error).toMatchObject({ code: "CONNECTION_LOST", attempts: 1 });
    expect(server.received).toHaveLength(1);
  });

  test("is asked for again before its first value when it is idempotent", async () => {
    const good = events("data: 2\n\n", "event: end\ndata: {}\n\n");
    await using server = await script(events(":\n\n", undefined), cut, good);
    const found = await collect(connect(server.url)["talk"]!({}, { idempotent: true }));
    expect(found).toEqual({ values: [2], error: undefined });
    expect(server.received).toHaveLength(3);
  });

  test("is asked for again when it was refused", async () => {
    const good = events("data: 2\n\n", "event: end\ndata: {}\n\n");
    await using server = await script(problem("SERVER_STARTING", 503, { retryAfter: 0 }), good);
    expect((await collect(connect(server.url)["talk"]!({}))).values).toEqual([2]);
  });

  test("times out when a value takes too long, but not while the caller does", async () => {
    await using server = await script(async (response) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.write("1\n2\n");
    });
    const values: unknown[] = [];
    const listen = async (): Promise<void> => {
      const { list } = connect(server.url, { contract: CONTRACT });
      for await (const value of list!({}, { timeoutMs: 400 })) {
        values.push(value);
        await wait(450);
      }
    };
    await expect(listen()).rejects.toMatchObject({ code: "TIMED_OUT" });
    expect(values).toEqual([1, 2]);
  });

  test("that nobody listens to yet is no unhandled rejection", async () => {
    await using server = await script(problem("INPUT_INVALID", 422));
    const tokens = connect(server.url)["talk"]!({});
    await wait(50);
    expect((await collect(tokens)).error).toMatchObject({ code: "INPUT_INVALID" });
  });
});

test("events are read wherever the network cuts them", async () => {
  const bytes = Buffer.from(
    'id: 1\ndata: {"a": "naïve 日本"}\r\n\r\n: comment\n\nevent: message\ndata: [1,\ndata: 2]\n\nevent: other\ndata: {}\n\nevent: end\ndata: {}\n\n',
  );
  await using server = await script(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream;charset=utf-8" });
    for (const byte of bytes) {
      response.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  });
  expect(await collect(connect(server.url)["talk"]!({}))).toEqual({
    values: [{ a: "naïve 日本" }, [1, 2]],
    error: undefined,
  });
});
