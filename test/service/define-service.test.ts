import { z } from "zod";
import { describe, expect, it } from "vitest";
import type { ServiceFaces } from "../../sdk/service/faces.js";
import { createDefineService, isService } from "../../sdk/service/define-service.js";
import { json } from "../../sdk/inputs/json.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";

// Nothing here starts or saves: these faces answer what they were asked with.
const asked: unknown[] = [];
const faces = {
  call: async (_service, api, input) => [api, input],
  startDevServer: async (service, options) => {
    asked.push([service.name, options]);
    return { url: "", port: 0, stop: async () => {} };
  },
} as Partial<ServiceFaces> as ServiceFaces;
const defineService = createDefineService(faces);
const item = json(z.object({ x: z.number() }));
const echo = { input: item, handler: (value: unknown) => value as never };

describe("defineService", () => {
  it("answers a new service at each step and leaves the one before as it was", () => {
    const base = defineService({ name: "base" });
    const one = base.api("echo", echo);
    const child = one.named("child").api("twice", { ...echo, route: "v1/twice" });
    expect(Object.keys(base.definition.apis)).toEqual([]);
    expect(Object.keys(one.definition.apis)).toEqual(["echo"]);
    expect(Object.keys(child.definition.apis)).toEqual(["echo", "twice"]);
    expect([base.name, one.name, child.name]).toEqual(["base", "base", "child"]);
    expect(() => Object.assign(one, { name: "other" })).toThrow(TypeError);
    expect(() => Object.assign(one.definition.apis, { other: 1 })).toThrow(TypeError);
    expect(isService(child)).toBe(true);
    expect(isService({ ...child })).toBe(false);
  });

  it("replaces an API under the same name, in its place", () => {
    const service = defineService({ name: "s" })
      .api("a", echo)
      .api("b", echo)
      .api("a", { ...echo, route: "v2/a" });
    expect(Object.values(service.definition.apis).map((api) => api.route)).toEqual(["v2/a", "b"]);
  });

  it("fills in the documented defaults", () => {
    const { definition } = defineService({ name: "s" })
      .api("plain", echo)
      .api("batched", { ...echo, batch: { maxBatchSize: 7 }, handler: () => [] });
    expect(definition.apis["plain"]).toMatchObject({
      route: "plain",
      timeoutMs: 60_000,
      maxBodyBytes: 33_554_432,
    });
    expect(definition.apis["plain"]!.batch).toBeUndefined();
    expect(definition.apis["batched"]!.batch).toEqual({
      maxBatchSize: 7,
      maxLatencyMs: 10_000,
      maxQueueItems: 10_000,
      maxQueueBytes: 268_435_456,
      concurrency: 1,
    });
  });

  it.each(["Churn", "", "a b", "-a", "a".repeat(64)])("refuses the name %j", (name) => {
    expect(() => defineService({ name })).toThrow(expect.objectContaining({ code: "TAG_INVALID" }));
  });

  it.each([
    "livez",
    "docs/page",
    "/metrics",
    "v2",
    "v2/models/x",
    "v2/health/ready",
    "a//b",
    "a/../b",
    "a?b",
    "a/:",
    "a/:id:x",
    ":id/a",
    "a/:id/:id",
    "v2/:model",
    "a/:__proto__",
    "",
  ])("refuses the route %j", (route) => {
    expect(() => defineService({ name: "s" }).api("a", { ...echo, route })).toThrow(
      expect.objectContaining({ code: "SERVICE_INVALID" }),
    );
  });

  it("allows versioned routes, v2 of a service's own included", () => {
    const service = defineService({ name: "s" }).api("a", { ...echo, route: "/v2/churn/predict" });
    expect(service.definition.apis["a"]!.route).toBe("v2/churn/predict");
  });

  it("refuses two APIs on one route, naming both", () => {
    const service = defineService({ name: "s" }).api("a", { ...echo, route: "v1/x" });
    expect(() => service.api("b", { ...echo, route: "v1/x" })).toThrow(/"b".*\/v1\/x.*"a"/);
  });

  it.each([
    { maxBatchSize: 0 },
    { maxBatchSize: 1.5 },
    { maxLatencyMs: -1 },
    { maxLatencyMs: Number.NaN },
    { maxQueueItems: "many" as unknown as number },
    { maxQueueBytes: 0 },
  ])("refuses the limits %j", (batch) => {
    expect(() =>
      defineService({ name: "s" }).api("a", { ...echo, batch, handler: () => [] }),
    ).toThrow(expect.objectContaining({ code: "SERVICE_INVALID" }));
  });

  it("refuses an example that its own schema refuses", () => {
    expect(() =>
      defineService({ name: "s" }).api("a", {
        input: dataframe(z.object({ x: z.number() })),
        example: [{ x: "1" as unknown as number }],
        handler: () => [],
      }),
    ).toThrow(/example.*row 0.*x/s);
  });

  it.each([
    [{ params: z.object({ id: z.string() }) }, /"id", which the route \/a does not have/],
    [{ route: "a/:id", params: z.object({}) }, /":id" of the route is not in `params`/],
    [{ query: z.number() }, /`query` is not a zod object/],
    [{ route: "a/:id", params: z.array(z.string()) }, /`params` is not a zod object/],
    [{ query: {} }, /`query` is not a zod schema/],
    [{ query: z.object({ n: z.string().refine(async () => true) }) }, /asynchronous/],
    [{ exampleParameters: { param: {} } }, /no option "param".*mean "params"/],
    [{ query: z.object({ n: z.int() }), exampleParameters: { query: { n: "x" } } }, /query\.n/],
    [{ method: "GET" }, /GET request has no body/],
    [{ method: "PUT" }, /`method` is "PUT"/],
    [{ output: {} }, /neither a zod schema nor an output/],
    [{ output: eventStream(), batch: {} }, /a stream answers one item/],
    [{ output: eventStream(), input: dataframe(z.object({})) }, /a stream answers one item/],
  ])("refuses an API with what does not go together, %#", (more, message) => {
    const api = { route: "a", ...echo, ...more } as unknown as typeof echo;
    expect(() => defineService({ name: "s" }).api("a", api)).toThrow(message);
  });

  it("takes parameters behind a pipe or an intersection", () => {
    const query = z.object({ a: z.int() }).and(z.object({ b: z.boolean() }));
    const service = defineService({ name: "s" }).api("a", { ...echo, query });
    expect(service.definition.apis["a"]!.query).toBe(query);
  });

  it("takes GET and POST of one path as two APIs", () => {
    const service = defineService({ name: "s" })
      .api("read", { route: "v1/x", handler: () => 1 })
      .api("write", { ...echo, route: "v1/x" });
    expect(Object.values(service.definition.apis).map((api) => api.method)).toEqual([
      "GET",
      "POST",
    ]);
    expect(() => service.api("again", { route: "v1/x", handler: () => 1 })).toThrow(/GET \/v1\/x/);
  });

  it("refuses an output schema that has no JSON Schema, by the name of its API", () => {
    const [one, other] = [1, 2].map(() => z.object({}).meta({ id: "Twin" }));
    const output = z.tuple([one!, other!]);
    expect(() => defineService({ name: "s" }).api("add", { ...echo, output })).toThrow(
      expect.objectContaining({
        code: "SCHEMA_UNSUPPORTED",
        message: expect.stringContaining("add"),
      }),
    );
  });

  it("refuses what is no model, no input, no handler, no hook", () => {
    const service = defineService({ name: "s" });
    const loose = service as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const attempt of [
      () => loose["models"]!({ net: "models/net.onnx" }),
      () => loose["api"]!("a", { input: z.object({}), handler() {} }),
      () => loose["api"]!("a", { input: item }),
      () => loose["api"]!("a b", echo),
      () => loose["setup"]!("x"),
      () => loose["use"]!({}),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: "SERVICE_INVALID" }));
    }
  });

  it("refuses an option that does not exist and names the one that was meant", async () => {
    const loose = defineService as (options: object) => ReturnType<typeof defineService>;
    expect(() => loose({ name: "s", desc: "" })).toThrow(/no option "desc"/);
    const api = (more: object) => () =>
      defineService({ name: "s" }).api("a", { ...echo, ...more } as typeof echo);
    expect(api({ rout: "v1/a" })).toThrow(/no option "rout".*mean "route"/);
    expect(api({ batch: { maxBatchsize: 4 } })).toThrow(/"maxBatchsize".*mean "maxBatchSize"/);
    const service = defineService({ name: "s" });
    await expect(service.startDevServer({ prot: 1 } as object)).rejects.toThrow(/mean "port"/);
    await expect(service.save({ label: {} } as object)).rejects.toThrow(/mean "labels"/);
  });

  it("hands calls and the dev server to its faces", async () => {
    const service = defineService({ name: "s" }).api("echo", echo);
    expect(await service.call.echo({ x: 1 })).toEqual(["echo", { x: 1 }]);
    await service.startDevServer({ port: 0 });
    expect(asked).toEqual([["s", { port: 0 }]]);
  });
});
