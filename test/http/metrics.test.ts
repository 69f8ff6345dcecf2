import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import type { Context } from "../../sdk/service/context.js";
import { api, build, listen, send, service } from "./serving.js";

const POLL = { timeout: 20_000 };
const BODY = JSON.stringify({ x: 1, y: 2 });

for (const middleware of [[], [async (_: unknown, next: () => Promise<void>) => next()]]) {
  test(`the counts equal what was sent, with ${middleware.length} middlewares`, async () => {
    const built = await build(service([api()], { middleware }));
    await using served = await listen(built.app);
    const url = `${served.url}/v1/add`;
    for (let index = 0; index < 7; index++) await send(url, { body: BODY });
    for (let index = 0; index < 3; index++) await send(url, { body: "{" });
    await send(url, { body: '{"x":1}' });
    await send(url, { body: "x", headers: { "content-type": "image/png" } });
    await send(url, { method: "PUT", body: BODY });
    await send(url, { method: "PROPFIND", body: BODY });
    for (let index = 0; index < 5; index++)
      await send(`${served.url}/none/${index}`, { body: BODY });
    await send(`${served.url}/livez`, { method: "GET" });

    const text = await send(`${served.url}/metrics`, { method: "GET" });
    expect(text.headers["content-type"]).toContain("text/plain; version=0.0.4");
    const counts = readSeries(text.body, "ekiben_requests_total");
    expect(counts).toEqual({
      "/v1/add POST 200": 7,
      "/v1/add POST 400": 3,
      "/v1/add POST 422": 1,
      "/v1/add POST 415": 1,
      "/v1/add PUT 405": 1,
      "/v1/add other 405": 1,
      "unmatched POST 404": 5,
    });
    expect(readSeries(text.body, "ekiben_request_duration_seconds_count")).toEqual(counts);
    expect(text.body).toMatch(/ekiben_requests_in_progress\{endpoint="\/v1\/add",[^}]*\} 0/);
  });
}

/** Values by endpoint, method and status. */
function readSeries(text: string, name: string): Record<string, number> {
  const series: Record<string, number> = {};
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}{`)) continue;
    const label = (key: string) => new RegExp(`${key}="([^"]*)"`).exec(line)![1];
    series[`${label("endpoint")} ${label("method")} ${label("status")}`] = Number(
      line.slice(line.lastIndexOf(" ")),
    );
  }
  return series;
}

test("batches and what was shed are counted by API", async () => {
  let release: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const built = await build(
    service([
      api({
        example: undefined,
        batch: {
          maxBatchSize: 8,
          maxLatencyMs: 5000,
          maxQueueItems: 4,
          maxQueueBytes: 2 ** 28,
          concurrency: 1,
        },
        handler: (async (points: unknown[]) => {
          await gate;
          return points.map(() => ({ sum: 1 }));
        }) as never,
      }),
    ]),
  );
  await using served = await listen(built.app);
  const url = `${served.url}/v1/add`;
  const first = send(url, { body: BODY });
  while (built.runtime.apis.get("add")!.stats()!.running === 0) await pause();
  const others = Array.from({ length: 9 }, () => send(url, { body: BODY }));
  while (built.runtime.apis.get("add")!.stats()!.shed["queue-full"] < 5) await pause();
  release!();
  const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(5);
  expect(statuses.filter((status) => status === 503)).toHaveLength(5);

  const text = await built.serviceMetrics.text();
  const values = new Map(
    text.split("\n").map((line) => [line.replace(/[{ ].*/, ""), Number(line.split(" ").at(-1))]),
  );
  expect(values.get("ekiben_shed_total")).toBe(5);
  expect(values.get("ekiben_batch_items_sum")).toBe(5);
  expect(values.get("ekiben_batch_requests_sum")).toBe(5);
  expect(values.get("ekiben_batch_requests_count")).toBe(2);
  expect(values.get("ekiben_queue_wait_seconds_count")).toBe(2);
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

test("bytes of bodies that are held can be seen beside their budget, from their first byte to their answer", async () => {
  const built = await build(service([api()]));
  await using served = await listen(built.app);
  const read = async (name: string): Promise<number> => {
    const { body } = await send(`${served.url}/metrics`, { method: "GET" });
    return Number(new RegExp(`^${name}\\{service="adder"\\} (\\d+)$`, "m").exec(body)![1]);
  };
  expect(await read("ekiben_body_budget_bytes")).toBe(512 * 1024 * 1024);
  expect(await read("ekiben_body_budget_used_bytes")).toBe(0);

  const body = BODY.padEnd(5000);
  const socket = connect(served.port, "127.0.0.1");
  const head = `POST /v1/add HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n`;
  socket.write(`${head}content-length: ${body.length}\r\n\r\n${body.slice(0, 100)}`);
  await expect.poll(() => read("ekiben_body_budget_used_bytes"), POLL).toBe(5000);
  socket.write(body.slice(100));
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /);
  socket.destroy();
  await expect.poll(() => read("ekiben_body_budget_used_bytes"), POLL).toBe(0);
});

test("a metric that the handler makes is shown beside them", async () => {
  const { app } = await build(
    service([
      api({
        example: undefined,
        handler: ((_: unknown, { metrics }: Context) => {
          metrics.counter("points_added", "Points").inc(2);
          return { sum: 0 };
        }) as never,
      }),
    ]),
  );
  const headers = { "content-type": "application/json" };
  for (let index = 0; index < 2; index++) {
    await app.request("/v1/add", { method: "POST", headers, body: BODY });
  }
  expect(await (await app.request("/metrics")).text()).toContain('points_added{service="adder"} 4');
});
