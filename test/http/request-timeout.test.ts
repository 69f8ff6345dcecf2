import { describe, expect, test } from "vitest";
import { z } from "zod";
import { json } from "../../sdk/inputs/json.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import { api, build, service, until } from "./serving.js";

const Item = z.object({ id: z.number() });

const ask = (id: number, timeout?: string): [string, RequestInit] => [
  "/v1/add",
  {
    method: "POST",
    body: JSON.stringify({ id }),
    headers: {
      "content-type": "application/json",
      ...(timeout === undefined ? {} : { "x-request-timeout-ms": timeout }),
    },
  },
];

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("the time that a client waits", () => {
  const slow = api({
    input: json(Item),
    output: undefined,
    timeoutMs: 300,
    handler: async ({ id }: { id: number }) => {
      await after(id);
      return { id };
    },
  });

  test("is the limit of its request where it is shorter than the API's", async () => {
    const { app } = await build(service([slow]));
    const answer = await app.request(...ask(10_000, "20"));
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({
      code: "REQUEST_TIMEOUT",
      detail: '"add" did not answer within 20 ms.',
    });
  });

  test("is never longer than what the API allows", async () => {
    const { app } = await build(service([slow]));
    const answer = await app.request(...ask(10_000, "60000"));
    expect(await answer.json()).toMatchObject({ detail: '"add" did not answer within 300 ms.' });
  });

  test.each(["soon", "-1", "1.5", "", "1e3", "9999999999"])(
    "is not known from %j",
    async (timeout) => {
      const { app } = await build(service([slow]));
      expect((await app.request(...ask(5, timeout))).status).toBe(200);
    },
  );

  test("keeps what it no longer waits for from the handler of a batch", async () => {
    const seen: number[] = [];
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { app } = await build(
      service([
        api({
          input: json(Item),
          output: undefined,
          batch: {
            maxBatchSize: 1,
            maxLatencyMs: 5000,
            maxQueueItems: 100,
            maxQueueBytes: 2 ** 28,
            concurrency: 1,
          },
          handler: async (items: { id: number }[]) => {
            seen.push(...items.map(({ id }) => id));
            await gate;
            return items;
          },
        }),
      ]),
    );
    const first = app.request(...ask(1));
    await until(() => seen.length === 1);
    const patient = app.request(...ask(3));
    const late = await app.request(...ask(2, "40"));
    expect(late.status).toBe(504);
    open();
    expect([(await first).status, (await patient).status]).toEqual([200, 200]);
    expect(seen).toEqual([1, 3]);
  });

  test("holds for each value of a stream", async () => {
    const { app } = await build(
      service([
        api({
          input: json(Item),
          output: ndjsonStream(),
          async *handler() {
            yield 1;
            await after(10);
            yield 2;
            await after(5000);
            yield 3;
          },
        }),
      ]),
    );
    const answer = await app.request(...ask(1, "400"));
    const lines = (await answer.text()).trim().split("\n");
    expect(lines.slice(0, 2)).toEqual(["1", "2"]);
    expect(JSON.parse(lines[2]!)).toMatchObject({ error: { code: "REQUEST_TIMEOUT" } });
    expect(lines).toHaveLength(3);
  });
});
