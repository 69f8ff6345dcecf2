import { z } from "zod";
import { describe, expect, it } from "vitest";
import { reject } from "../../sdk/core/rejection.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { json } from "../../sdk/inputs/json.js";
import type { Log } from "../../sdk/observability/log.js";
import { silentLog } from "../../sdk/observability/log.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Service } from "../../sdk/service/infer.js";
import { build } from "../http/serving.js";

const defineService = createDefineService({} as ServiceFaces);
const Item = z.object({ x: z.number() });
const item = json(Item);

interface Answer {
  status: number;
  body: any;
  headers: Headers;
}

async function ask(
  service: Service,
  bodies: unknown[],
  options: { path?: string; log?: Log; headers?: Record<string, string> } = {},
): Promise<Answer[]> {
  const { app } = await build(
    service.definition,
    options.log === undefined ? {} : { log: options.log },
  );
  return await Promise.all(
    bodies.map(async (body) => {
      const response = await app.request(options.path ?? "/f", {
        method: "POST",
        headers: { "content-type": "application/json", ...options.headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await response.text();
      let read: unknown = text;
      if (response.headers.get("content-type")?.includes("json") === true && text !== "") {
        read = JSON.parse(text.split("\n")[0]!);
      }
      return { status: response.status, body: read, headers: response.headers };
    }),
  );
}

const statuses = (answers: Answer[]): unknown[] =>
  answers.map(({ status, body }) => [status, body?.code ?? body]);

describe("hooks around a handler", () => {
  it("replace what it gets and what it returns, in the order in which they were added", async () => {
    const base = defineService({ name: "base" })
      .setup(() => ({ factor: 2 }))
      .before((argument: { x: number }) => ({ x: argument.x + 1 }))
      .after((output: number) => output + 0.5);
    const child = base
      .named("child")
      .before((argument: { x: number }, { state }) => ({ x: argument.x * state.factor }))
      .after((output: number) => `${output}`)
      .api("f", { input: item, output: z.any(), handler: ({ x }) => x });
    expect(statuses(await ask(child, [{ x: 1 }, { x: 4 }]))).toEqual([
      [200, "4.5"],
      [200, "10.5"],
    ]);
  });

  it("that return nothing only watch", async () => {
    const seen: unknown[] = [];
    const service = defineService({ name: "s" })
      .before((argument, { api }) => void seen.push(["before", api, argument]))
      .after((output, { items }) => void seen.push(["after", items.length, output]))
      .api("f", { input: item, handler: ({ x }) => x * 2 });
    expect(statuses(await ask(service, [{ x: 3 }]))).toEqual([[200, 6]]);
    expect(seen).toEqual([
      ["before", "f", { x: 3 }],
      ["after", 1, 6],
    ]);
  });

  it("reject a request before its handler, and the others of its batch go on", async () => {
    const handled: number[] = [];
    const service = defineService({ name: "s" })
      .before((items: { x: number }[], { reject: refuse }) => {
        for (const [at, { x }] of items.entries()) if (x < 0) refuse(at, 422, { negative: x });
      })
      .api("f", {
        input: item,
        batch: {},
        handler(items) {
          handled.push(items.length);
          return items.map(({ x }) => x);
        },
      });
    expect(statuses(await ask(service, [{ x: 1 }, { x: -2 }, { x: 3 }]))).toEqual([
      [200, 1],
      [422, { negative: -2 }],
      [200, 3],
    ]);
    expect(statuses(await ask(service, [{ x: -1 }, { x: -2 }]))).toEqual([
      [422, { negative: -1 }],
      [422, { negative: -2 }],
    ]);
    expect(handled).toEqual([3]);
  });

  it("after a handler that has rejected everything have nothing to see", async () => {
    let after = 0;
    const service = defineService({ name: "s" })
      .after((outputs: number[]) => {
        after++;
        return outputs.map((one) => one);
      })
      .api("f", {
        input: item,
        handler(_, { reject: refuse }) {
          refuse(0, 402, "pay");
          return undefined;
        },
      });
    expect(statuses(await ask(service, [{ x: 1 }]))).toEqual([[402, "pay"]]);
    expect(after).toBe(0);
  });

  it("answer by throwing, each request for itself", async () => {
    const service = defineService({ name: "s" })
      .before((argument: { x: number }) => {
        if (argument.x === 1) throw reject(409, { taken: true });
        if (argument.x === 2) throw new Error("hook");
      })
      .after((output: number) => {
        if (output === 3) throw reject(200, { errorCode: 3 });
        return "wrong" as unknown;
      })
      .api("f", { input: item, output: z.number(), handler: ({ x }) => x });
    expect(statuses(await ask(service, [{ x: 1 }, { x: 2 }, { x: 3 }, { x: 4 }]))).toEqual([
      [409, { taken: true }],
      [500, "HANDLER_FAILED"],
      [200, { errorCode: 3 }],
      [500, "OUTPUT_INVALID"],
    ]);
  });

  it("have to keep one output an item", async () => {
    const service = defineService({ name: "s" })
      .after((outputs: number[]) => outputs.slice(1))
      .api("f", { input: dataframe(Item), handler: () => [1, 2] });
    expect(statuses(await ask(service, [[{ x: 1 }, { x: 2 }]]))).toEqual([
      [500, "OUTPUT_COUNT_MISMATCH"],
    ]);
  });

  it("see and wrap a stream", async () => {
    const service = defineService({ name: "s" })
      .after(async function* (values: AsyncIterable<number>) {
        for await (const value of values) yield value * 10;
      })
      .api("f", {
        input: item,
        output: ndjsonStream(z.number()),
        async *handler({ x }) {
          yield x;
          yield x + 1;
        },
      });
    const { app } = await build(service.definition);
    const response = await app.request("/f", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"x":1}',
    });
    expect(await response.text()).toBe("10\n20\n");
  });
});

describe("a rejection that a handler throws", () => {
  it("answers its request", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: item,
      handler({ x }) {
        if (x === 0) throw reject(204);
        throw reject(418, { x });
      },
    });
    expect(statuses(await ask(service, [{ x: 7 }, { x: 0 }]))).toEqual([
      [418, { x: 7 }],
      [204, ""],
    ]);
  });

  it("answers only its request of a batch", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: item,
      batch: {},
      handler: (items) =>
        items.map(({ x }) => {
          if (x % 3 === 0) throw reject(422, { not: x });
          return x;
        }),
    });
    const answers = await ask(
      service,
      Array.from({ length: 7 }, (_, x) => ({ x })),
    );
    expect(statuses(answers)).toEqual([
      [422, { not: 0 }],
      [200, 1],
      [200, 2],
      [422, { not: 3 }],
      [200, 4],
      [200, 5],
      [422, { not: 6 }],
    ]);
  });
});

describe("answers to errors of the service's own", () => {
  const seen: [string, string][] = [];
  const service = defineService({ name: "s" })
    .onError((error, { api, id, headers }) => {
      const { code } = error as { code?: string };
      seen.push([api, headers.get("x-tenant") ?? ""]);
      if (code === "BODY_MALFORMED") return reject(400, { errorCode: 17, id });
      if (code === "INPUT_INVALID") return reject(200, { errorCode: 18 });
      return undefined;
    })
    .api("f", {
      input: item,
      handler({ x }) {
        if (x === 0) throw new RangeError("inside");
        if (x === 1) throw reject(423, "locked");
        return x;
      },
    });

  it("take the place of the problem documents that they know", async () => {
    const headers = { "x-request-id": "mine", "x-tenant": "a" };
    const answers = await ask(service, ["{", { x: "1" }, { x: 0 }, { x: 1 }, { x: 5 }], {
      headers,
    });
    expect(statuses(answers)).toEqual([
      [400, { errorCode: 17, id: "mine" }],
      [200, { errorCode: 18 }],
      [500, "HANDLER_FAILED"],
      [423, "locked"],
      [200, 5],
    ]);
    expect(answers[0]!.headers.get("content-type")).toBe("application/json");
    expect(answers[0]!.headers.get("x-request-id")).toBe("mine");
    expect(seen).toContainEqual(["f", "a"]);
  });

  it("are asked for from the last that was added", async () => {
    const child = service
      .named("child")
      .onError((error) => reject(500, String((error as { cause?: Error }).cause?.message)));
    expect(statuses(await ask(child, ["{", { x: 0 }]))).toEqual([
      [500, expect.stringContaining("JSON")],
      [500, "inside"],
    ]);
  });

  it("that fail themselves are passed over and written down", async () => {
    const log: string[] = [];
    const child = service.named("child").onError((error) => {
      if ((error as { code?: string }).code === "BODY_MALFORMED") throw new Error("hook");
      const round: Record<string, unknown> = {};
      round["self"] = round;
      return reject(200, round);
    });
    const answers = await ask(child, ["{", { x: 0 }], {
      log: { ...silentLog, error: (message) => void log.push(message) },
    });
    expect(statuses(answers)).toEqual([
      [400, { errorCode: 17, id: expect.any(String) }],
      [500, "HANDLER_FAILED"],
    ]);
    expect(log.filter((message) => message === "an onError hook failed")).toHaveLength(2);
  });

  it("keep the headers that mean the same with any body", async () => {
    const busy = defineService({ name: "s" })
      .onError(() => reject(503, { busy: true }))
      .api("f", {
        input: item,
        batch: { maxQueueItems: 1, maxBatchSize: 1 },
        handler: (items) =>
          new Promise<number[]>((done) =>
            setTimeout(
              done,
              30,
              items.map(() => 1),
            ),
          ),
      });
    const answers = await ask(
      busy,
      Array.from({ length: 6 }, () => ({ x: 1 })),
    );
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const { body, headers } of refused) {
      expect(body).toEqual({ busy: true });
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
  });

  it("answer what a middleware throws as well, but not an unknown route", async () => {
    const guarded = defineService({ name: "s" })
      .use(async (c, next) => {
        if (c.req.header("x-throw") === "text") throw "a text";
        if (c.req.header("x-throw") !== undefined) throw new Error("middleware");
        await next();
      })
      .onError((error, { api, id }) => reject(400, { api, id, error: String(error) }))
      .api("f", { route: "one", input: item, handler: ({ x }) => x })
      .api("g", { route: "one", handler: () => 1 });
    const { app } = await build(guarded.definition);
    const get = async (path: string, init: RequestInit): Promise<unknown[]> => {
      const response = await app.request(path, init);
      return [response.status, await response.json()];
    };
    const id = "mine";
    const thrown = { "x-throw": "error", "x-request-id": id };
    const error = "Error: middleware";
    expect(await get("/one", { method: "POST", headers: thrown })).toEqual([
      400,
      { api: "f", id, error },
    ]);
    expect(await get("/one", { headers: thrown })).toEqual([400, { api: "g", id, error }]);
    expect(await get("/one", { headers: { ...thrown, "x-throw": "text" } })).toEqual([
      400,
      { api: "g", id, error: "a text" },
    ]);
    expect(await get("/two", { headers: thrown })).toMatchObject([
      404,
      { code: "ROUTE_NOT_FOUND" },
    ]);
  });
});
