import { describe, expect, test, vi } from "vitest";
import { createClient, loadContract } from "../../sdk/client/create-client.js";
import type { ServiceContract } from "../../sdk/client/contract.js";
import { json } from "../../sdk/inputs/json.js";
import { createFakeClock } from "../fake-clock.js";
import { build, listen } from "../http/serving.js";
import { CONTRACT, ok, problem, script } from "./scripted.js";
import { connect, defineService, z } from "./serving.js";

const moved: ServiceContract = {
  ...CONTRACT,
  version: "2",
  apis: CONTRACT.apis.map((api) => (api.name === "run" ? { ...api, path: "/v2/run" } : api)),
};

describe("what a client knows of a service", () => {
  test("is asked for once, also by calls that come together", async () => {
    await using server = await script(ok(1));
    const { run, look } = connect(server.url);
    await Promise.all([run!({}), run!({}), look!()]);
    await run!({});
    expect(server.described()).toBe(1);
    expect(server.received).toHaveLength(4);
  });

  test("is not asked for when it is given", async () => {
    await using server = await script(ok(1));
    const contract = await loadContract(server.url);
    expect(server.described()).toBe(1);
    const stored = JSON.parse(JSON.stringify(contract)) as ServiceContract;
    expect(await connect(server.url, { contract: stored })["run"]!({})).toBe(1);
    expect(server.described()).toBe(1);
  });

  test("is asked for again when that failed", async () => {
    await using server = await script(ok(1));
    server.contract = undefined;
    const { run } = connect(server.url);
    await expect(run!({})).rejects.toMatchObject({ status: 404 });
    server.contract = CONTRACT;
    expect(await run!({})).toBe(1);
  });

  test.each([
    ["ROUTE_NOT_FOUND", problem("ROUTE_NOT_FOUND", 404)],
    ["METHOD_NOT_ALLOWED", problem("METHOD_NOT_ALLOWED", 405)],
    ["MEDIA_TYPE_UNSUPPORTED", problem("MEDIA_TYPE_UNSUPPORTED", 415)],
    ["NOT_ACCEPTABLE", problem("NOT_ACCEPTABLE", 406)],
    ["404 of a proxy", { status: 404, headers: { "content-type": "text/html" }, body: "<html>" }],
  ])("is asked for again after %s, and the call follows what changed", async (_, refused) => {
    await using server = await script(ok(1), refused, ok(2));
    const { run } = connect(server.url);
    await run!({});
    server.contract = moved;
    expect(await run!({ x: 1 })).toBe(2);
    expect(server.described()).toBe(2);
    expect(server.received.map(({ path }) => path)).toEqual(["/run", "/run", "/v2/run"]);
    expect(server.received.at(-1)!.body).toBe('{"x":1}');
  });

  test("does not make a call go twice when nothing changed", async () => {
    await using server = await script(problem("ROUTE_NOT_FOUND", 404));
    const { run } = connect(server.url);
    await expect(run!({})).rejects.toMatchObject({ code: "ROUTE_NOT_FOUND" });
    expect(server.received).toHaveLength(1);
    expect(server.described()).toBe(2);
  });

  test("is not doubted for a 404 of the service's own", async () => {
    await using server = await script({ status: 404, body: { customer: "unknown" } });
    const { run } = connect(server.url);
    await expect(run!({})).rejects.toMatchObject({ body: { customer: "unknown" } });
    expect(server.described()).toBe(1);
  });

  test("explains an input that is refused only when it is a minute old", async () => {
    const clock = createFakeClock();
    const asked: string[] = [];
    const client = connect(
      "http://service",
      {
        fetch: (url) => {
          asked.push(new URL(url).pathname);
          return Promise.resolve(
            url.endsWith("/metadata")
              ? Response.json(asked.length > 4 ? moved : CONTRACT)
              : url.endsWith("/v2/run")
                ? Response.json("moved")
                : Response.json(
                    { type: "urn:ekiben:error:INPUT_INVALID", code: "INPUT_INVALID", status: 422 },
                    { status: 422 },
                  ),
          );
        },
      },
      { clock },
    );
    await expect(client["run"]!({})).rejects.toMatchObject({ code: "INPUT_INVALID" });
    await expect(client["run"]!({})).rejects.toMatchObject({ code: "INPUT_INVALID" });
    expect(asked).toEqual(["/metadata", "/run", "/run"]);
    await clock.advance(61_000);
    expect(await client["run"]!({})).toBe("moved");
    expect(asked.slice(3)).toEqual(["/run", "/metadata", "/v2/run"]);
  });

  test("knows of an API that came later", async () => {
    await using server = await script(ok(1));
    server.contract = { service: "scripted", apis: [] };
    const client = connect(server.url);
    await expect(client["run"]!({})).rejects.toMatchObject({ code: "CALL_INVALID" });
    server.contract = CONTRACT;
    expect(await client["run"]!({})).toBe(1);
  });
});

describe("a client", () => {
  const adder = defineService({ name: "adder" }).api("add", {
    input: json(z.object({ x: z.number() })),
    output: z.number(),
    handler: ({ x }) => x + 1,
  });

  test("takes an address with a path of a gateway, a slash, or as a URL", async () => {
    const { app } = await build(adder.definition);
    const { Hono } = await import("hono");
    await using serving = await listen(new Hono().mount("/models/adder", app.fetch) as never);
    const address = `${serving.url}/models/adder`;
    for (const url of [address, `${address}/`, new URL(address)]) {
      expect(await createClient<typeof adder>(url).add({ x: 1 })).toBe(2);
    }
  });

  test.each(["127.0.0.1:5000", "localhost:5000", "ftp://host", "models"])(
    "does not take %j for an address",
    (url) => {
      expect(() => createClient(url)).toThrow(/Begin it with http:/);
    },
  );

  test("sends its headers with everything, made anew each time, and those of the call", async () => {
    await using server = await script(ok(1));
    let made = 0;
    const client = createClient(server.url, {
      headers: async () => ({ Authorization: `Bearer ${++made}`, "x-a": "client" }),
    }) as Record<string, (...sent: unknown[]) => Promise<unknown>>;
    await client["run"]!({}, { headers: { "X-A": "call" } });
    const { headers } = server.received[0]!;
    expect([headers["authorization"], headers["x-a"]]).toEqual(["Bearer 2", "call"]);
    expect(headers).toMatchObject({
      accept: "application/json",
      "content-type": "application/json",
    });
  });

  test("is no promise, and can be printed, compared and cloned into JSON", async () => {
    const rejected = vi.fn();
    process.on("unhandledRejection", rejected);
    try {
      const client = createClient("http://127.0.0.1:1");
      expect(await Promise.resolve(client)).toBe(client);
      expect(JSON.stringify({ client })).toBe('{"client":{}}');
      expect(() => `${client as never}`).toThrow(TypeError);
      expect(Object.keys(client)).toEqual([]);
      expect(typeof (client as { valueOf?: unknown }).valueOf).toBe("undefined");
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(rejected).not.toHaveBeenCalled();
    } finally {
      process.off("unhandledRejection", rejected);
    }
  });

  test("has APIs with such names when its contract says so, but is never a promise", async () => {
    await using server = await script(ok(1));
    const names = ["valueOf", "toJSON", "then"];
    const contract = {
      ...CONTRACT,
      apis: names.map((name) => ({ ...CONTRACT.apis[0]!, name })),
    };
    const client = connect(server.url, { contract });
    expect(await client["valueOf"]!({})).toBe(1);
    expect(await client["toJSON"]!({})).toBe(1);
    expect(client["then"]).toBeUndefined();
  });

  test("gives the same function each time", () => {
    const client = connect("http://127.0.0.1:1");
    expect(client["run"]).toBe(client["run"]);
    expect(client["run"]).not.toBe(client["look"]);
  });
});
