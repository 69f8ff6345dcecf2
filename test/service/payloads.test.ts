import { z } from "zod";
import { describe, expect, it } from "vitest";
import { Cancellation } from "../../sdk/core/cancellation.js";
import { EkibenError } from "../../sdk/core/errors.js";
import { reject, Rejection } from "../../sdk/core/rejection.js";
import { defineInput } from "../../sdk/inputs/define-input.js";
import type { Input, Payload } from "../../sdk/inputs/input.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { createRuntime } from "../../sdk/service/create-runtime.js";
import { createDefineService } from "../../sdk/service/define-service.js";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import type { Service } from "../../sdk/service/infer.js";
import { createWriter } from "../../sdk/service/writer.js";
import { build, until } from "../http/serving.js";
import { invoke as invokeApi } from "./invoke.js";

const defineService = createDefineService({} as ServiceFaces);

/** Lists of numbers; negative ones it answers itself. Its payloads are to be released. */
function numbers(): Input<number[], number[], number[], "many"> & { released: number } {
  const input = {
    kind: "numbers",
    cardinality: "many",
    mediaTypes: ["application/json"],
    released: 0,
    parse({ bytes }): Payload<number[]> {
      const sent = JSON.parse(Buffer.from(bytes).toString()) as number[];
      if (sent.includes(Number.MIN_SAFE_INTEGER)) throw new Rejection(409, "all");
      if (!Array.isArray(sent)) throw new EkibenError("INPUT_INVALID", { detail: "A list." });
      const rejected = new Map(
        sent.flatMap((value, at) =>
          value < 0 ? [[at, new Rejection(422, { negative: value })] as const] : [],
        ),
      );
      const data = sent.filter((value) => value >= 0);
      return {
        items: data.length,
        data,
        rejected,
        async release() {
          input.released++;
        },
      };
    },
    encode: (value) => ({
      bytes: Buffer.from(JSON.stringify(value)),
      mediaType: "application/json",
    }),
    toArgument: ({ data }) => data as number[],
    merge: (payloads) => payloads.flatMap(({ data }) => data as number[]),
    split({ data }, most) {
      const all = data as number[];
      return Array.from({ length: Math.ceil(all.length / most) }, (_, part) => {
        const some = all.slice(part * most, (part + 1) * most);
        return { items: some.length, data: some };
      });
    },
    content: () => ({}),
    itemSchema: () => ({}),
  } satisfies Input<number[], number[], number[], "many"> & { released: number };
  return input;
}

async function ask(service: Service, body: unknown, headers: Record<string, string> = {}) {
  const { app } = await build(service.definition);
  const response = await app.request("/f", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    type: response.headers.get("content-type"),
    text: await response.text(),
  };
}

describe("items that an input answers itself", () => {
  it.each([
    ["alone", undefined],
    ["in a batch", {}],
    ["in parts", { maxBatchSize: 2 }],
  ])("stand in their places, %s", async (_, batch) => {
    const service = defineService({ name: "s" }).api("f", {
      input: numbers(),
      output: z.number(),
      ...(batch === undefined ? {} : { batch }),
      handler: (all) => (all as number[]).map((one) => one * 2),
    });
    const answer = await ask(service, [1, -1, 2, 3, -2, 4, 5]);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toEqual([2, { negative: -1 }, 4, 6, { negative: -2 }, 8, 10]);
    expect(JSON.parse((await ask(service, [1, 2])).text)).toEqual([2, 4]);
    expect((await ask(service, [])).text).toBe("[]");
  });

  it("make a table JSON, which alone can hold them", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: numbers(),
      output: z.object({ y: z.number() }),
      handler: (all) => ({ y: Float64Array.from(all) }),
    });
    const csv = { accept: "text/csv" };
    expect(await ask(service, [1, 2], csv)).toEqual({
      status: 200,
      type: "text/csv; charset=utf-8",
      text: "y\r\n1\r\n2\r\n",
    });
    expect(await ask(service, [1, -2], csv)).toEqual({
      status: 200,
      type: "application/json",
      text: '[{"y":1},{"negative":-2}]',
    });
  });

  it("decide the status when they are all", async () => {
    const service = defineService({ name: "s" }).api("f", {
      input: numbers(),
      handler: () => {
        throw new Error("not called");
      },
    });
    expect(await ask(service, [-1, -2])).toMatchObject({
      status: 422,
      text: '[{"negative":-1},{"negative":-2}]',
    });
    expect(await ask(service, [Number.MIN_SAFE_INTEGER])).toMatchObject({ status: 409 });
  });
});

describe("items that an input answers itself, in other protocols", () => {
  const service = defineService({ name: "s" }).api("predict", {
    input: defineInput({
      many: true,
      parse: (request) =>
        (request.json() as number[]).map((value) =>
          value < 0 ? reject(422, { negative: value }) : value,
        ),
    }),
    output: z.number(),
    handler: (all) => all.map((one) => one * 2),
  });

  it("stand among the predictions of MLflow", async () => {
    const { app } = await build(service.definition);
    const response = await app.request("/invocations", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ inputs: [1, -1, 2] }),
    });
    expect([response.status, await response.json()]).toEqual([
      200,
      { predictions: [2, { negative: -1 }, 4] },
    ]);
  });

  it("refuse a request for tensors, in which no body has a place", async () => {
    const { app } = await build(service.definition);
    const ask = async (data: number[]): Promise<unknown[]> => {
      const text = [JSON.stringify(data)];
      const input = { name: "input", datatype: "BYTES", shape: [1], data: text };
      const response = await app.request("/v2/models/predict/infer", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [input] }),
      });
      return [response.status, await response.json()];
    };
    const [status, body] = await ask([1, -1, 2]);
    expect([status, Object.keys(body as object)]).toEqual([422, ["error"]]);
    expect(await ask([1, 2])).toMatchObject([200, { outputs: [{ data: [2, 4] }] }]);
  });
});

describe("outputs of a request in parts", () => {
  it.each(["application/json", "text/csv", "application/x-ndjson"])(
    "are those of one batch, also when the handler uses its memory again, as %s",
    async (accept) => {
      const memory = new Float64Array(2);
      const answer = async (maxBatchSize: number): Promise<string> => {
        const service = defineService({ name: "s" }).api("f", {
          input: numbers(),
          output: z.object({ y: z.number(), z: z.string() }),
          batch: { maxBatchSize },
          handler(all) {
            const y = maxBatchSize === 2 ? memory.subarray(0, all.length) : Float64Array.from(all);
            y.set(all);
            return { y, z: all.map(String) };
          },
        });
        return (await ask(service, [1, 2, 3, 4, 5], { accept })).text;
      };
      expect(await answer(2)).toBe(await answer(100));
    },
  );
});

describe("a payload is released once", () => {
  const input = numbers();
  let go = (): void => {};
  const service = defineService({ name: "s" }).api("f", {
    input,
    output: z.number(),
    timeoutMs: 40,
    async handler(all) {
      if (all[0] === 1) throw new Error("inside");
      if (all[0] === 2) throw new Rejection(409, "no");
      if (all[0] === 3) return [];
      if (all[0] === 4) await new Promise<void>((resolve) => (go = resolve));
      return all;
    },
  });

  it.each([
    ["answered", [0], 200],
    ["in parts", [0, 0, 0, 0, 0], 200],
    ["of no items", [], 200],
    ["whose handler throws", [1], 500],
    ["whose handler rejects", [2], 409],
    ["with a wrong number of outputs", [3], 500],
  ])("%s", async (_, body, status) => {
    const before = input.released;
    expect((await ask(service, body)).status).toBe(status);
    await until(() => input.released > before);
    expect(input.released).toBe(before + 1);
  });

  it("and none is made when the answer or the body is refused", async () => {
    const before = input.released;
    expect((await ask(service, [0], { accept: "image/png" })).status).toBe(406);
    expect((await ask(service, { not: "a list" })).status).toBe(500);
    expect(input.released).toBe(before);
  });

  it.each([undefined, {}])(
    "after a time-out only when its handler has ended, batch %j",
    async (batch) => {
      const slow = defineService({ name: "s" }).api("f", {
        input,
        timeoutMs: 40,
        handler: service.definition.apis["f"]!.handler,
        ...(batch === undefined ? {} : { batch }),
      } as never);
      const before = input.released;
      expect((await ask(slow, [4])).status).toBe(504);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(input.released).toBe(before);
      go();
      await until(() => input.released === before + 1);
    },
  );

  it("when its client has gone, before its handler or meanwhile", async () => {
    for (const batch of [undefined, {}]) {
      let calls = 0;
      const handled = defineService({ name: "s" }).api("f", {
        input,
        output: z.number(),
        ...(batch === undefined ? {} : { batch }),
        async handler(all: readonly number[]) {
          calls++;
          await new Promise<void>((resolve) => (go = resolve));
          return all as number[];
        },
      } as never);
      const runtime = await start(handled);
      const before = input.released;
      const gone = new Cancellation();
      gone.abort(new EkibenError("CLIENT_CLOSED", { detail: "gone" }));
      await expect(invoke(runtime, [5], gone)).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
      await until(() => input.released === before + 1);
      expect(calls).toBe(0);

      const going = new Cancellation();
      const answer = invoke(runtime, [5], going);
      await until(() => calls === 1);
      going.abort(new EkibenError("CLIENT_CLOSED", { detail: "gone" }));
      await expect(answer).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(input.released).toBe(before + 1);
      go();
      await until(() => input.released === before + 2);
      await runtime.drain();
    }
  });

  it("while the service starts or drains", async () => {
    const before = input.released;
    const runtime = createRuntime(service.definition, {
      log: silentLog,
      metrics: createMetrics(),
      checkOutputs: true,
    });
    await expect(invoke(runtime, [5])).rejects.toMatchObject({ code: "SERVER_STARTING" });
    await runtime.start();
    await runtime.drain();
    await expect(invoke(runtime, [5])).rejects.toMatchObject({ code: "SERVER_DRAINING" });
    await until(() => input.released === before + 2);
  });

  it("when its stream has ended", async () => {
    const one = { ...numbers(), cardinality: "one" as const };
    let released = 0;
    const parse = one.parse;
    one.parse = (body) => ({
      ...(parse(body) as Payload),
      async release() {
        released++;
      },
    });
    const streaming = defineService({ name: "s" }).api("f", {
      input: one as unknown as Input<number[], number[], number[], "one">,
      output: ndjsonStream(),
      async *handler(all) {
        for (const value of all) yield [value, released];
      },
    });
    expect((await ask(streaming, [7, 8])).text).toBe("[7,0]\n[8,0]\n");
    await until(() => released === 1);
  });

  it("of an example that is checked when its API is declared", async () => {
    const checked = numbers();
    defineService({ name: "s" }).api("f", { input: checked, example: [1], handler: (all) => all });
    await until(() => checked.released === 1);
  });
});

async function start(service: Service) {
  const runtime = createRuntime(service.definition, {
    log: silentLog,
    metrics: createMetrics(),
    checkOutputs: true,
  });
  await runtime.start();
  return runtime;
}

async function invoke(
  runtime: Awaited<ReturnType<typeof start>>,
  body: number[],
  cancellation = new Cancellation(),
): Promise<unknown> {
  const api = runtime.definition.apis["f"]!;
  const payload = await api.input.parse({
    bytes: Buffer.from(JSON.stringify(body)),
    mediaType: "application/json",
    parameters: {},
  });
  const headers = new Headers();
  const writer = createWriter(api);
  const invocation = { id: "r", headers, params: {}, query: {}, writer, cancellation };
  return await invokeApi(runtime.apis.get("f")!, payload, invocation);
}
