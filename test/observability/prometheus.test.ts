import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listAlerts, printAlerts } from "../../sdk/deploy/monitoring/alerts.js";
import { PANELS } from "../../sdk/deploy/monitoring/panels.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { makeHome, type CliHome, type CliServer } from "../cli/run-cli.js";
import { isMissing, NEEDS, promtool } from "../deploy/promtool.js";
import { startPrometheus, type Sample } from "./prometheus.js";

let home: CliHome;
beforeAll(async () => {
  home = await makeHome();
  await home.build("measured.ts");
});
afterAll(() => home[Symbol.asyncDispose]());

async function serve(workers: number): Promise<CliServer> {
  const args = ["measured", "--port", "0", "--workers", String(workers), "--body-budget", "3MiB"];
  const server = await home.serve(args);
  if (workers > 1) await until("all are ready", async () => (await countReady(server)) === workers);
  return server;
}

function budgetOf(workers: number): RegExp {
  return new RegExp(`^ekiben_body_budget_bytes\\{[^}]*\\} ${workers * 3 * 1024 * 1024}$`, "m");
}

async function countReady({ url }: CliServer): Promise<number> {
  const text = await scrape(url);
  return Number(/^ekiben_workers_ready\{.*\} (\d+)$/m.exec(text)?.[1]);
}

async function scrape(url: string): Promise<string> {
  // A connection each: one that is kept may belong to a worker that is blocked.
  return (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
}

/** Counts what it sends by path and status, as a client does. */
function createClient(url: string) {
  const counts = new Map<string, number>();
  return {
    counts,
    async send(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
      const response = await fetch(url + path, {
        method: "POST",
        // A connection each, so that all workers get their share.
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify(body),
      });
      const key = `${path} ${response.status}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      return { status: response.status, body: await response.json() };
    },
    /** A little of everything: good, bad, failing, and more at once than the queue holds. */
    async load(times: number): Promise<void> {
      for (let index = 0; index < times; index++) {
        await Promise.all([
          this.send("/score", { x: index }),
          this.send("/score", { x: -index }),
          this.send("/score", { x: "no number" }),
        ]);
      }
      await this.send("/score", { x: 13 });
      await Promise.all(
        Array.from({ length: 60 }, () => this.send("/score", { x: 1, waitMs: 250 })),
      );
    },
  };
}

function byPathAndStatus(samples: readonly Sample[]): Record<string, number> {
  return Object.fromEntries(
    samples.map(({ labels, value }) => [`${labels["endpoint"]} ${labels["status"]}`, value]),
  );
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries > 400) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const TOTALS = "sum by (endpoint, status) (ekiben_requests_total)";

describe.skipIf(isMissing)(`metrics in a real Prometheus (${NEEDS})`, () => {
  test("are the counts of the client, also after a worker was killed, and feed every panel", async () => {
    await using folder = await makeFolder({});
    const server = await serve(2);
    const target = new URL(server.url).host;
    await using prometheus = await startPrometheus(folder.path, { target, rules: printAlerts() });
    const client = createClient(server.url);

    const expectCounts = async (): Promise<void> => {
      const counted = Object.fromEntries(client.counts);
      await until("Prometheus has seen all", async () => {
        const seen = byPathAndStatus(await prometheus.query(TOTALS));
        return Object.entries(counted).every(([key, count]) => (seen[key] ?? 0) >= count);
      });
      expect(byPathAndStatus(await prometheus.query(TOTALS))).toEqual(counted);
    };

    await client.load(20);
    expect([...client.counts.keys()].toSorted()).toEqual([
      "/score 200",
      "/score 422",
      "/score 500",
      "/score 503",
    ]);
    await expectCounts();

    const pids = new Set<unknown>();
    while (pids.size < 2) pids.add((await client.send("/pid", {})).body);
    await expectCounts();
    const [victim] = [...pids] as number[];
    process.kill(victim!, "SIGKILL");
    const isReplaced = async (): Promise<boolean> => {
      const text = await scrape(server.url).catch(() => "");
      return (
        /^ekiben_worker_restarts_total\{.*\} 1$/m.test(text) && (await countReady(server)) === 2
      );
    };
    await until("the worker is replaced", isReplaced);
    await expectCounts();
    await client.load(10);
    await expectCounts();

    // What else was counted agrees with it.
    const value = async (expression: string): Promise<number> =>
      (await prometheus.query(expression))[0]!.value;
    const sent = [...client.counts.values()].reduce((sum, count) => sum + count);
    expect(await value("sum(ekiben_request_duration_seconds_count)")).toBe(sent);
    expect(await value('sum(ekiben_shed_total{reason="queue-full"})')).toBe(
      client.counts.get("/score 503"),
    );
    expect(await value("sum(ekiben_requests_in_progress)")).toBe(0);
    expect(await value("count(count by (worker) (process_resident_memory_bytes))")).toBe(3);
    expect(await value("sum(ekiben_model_failures_total)")).toBeGreaterThanOrEqual(2);
    expect(await value('sum(points_total{sign="minus"})')).toBeGreaterThan(0);

    // Every query of the dashboard, as Grafana would send it.
    await client.load(3);
    const empty: string[] = [];
    for (const { expression } of PANELS.flatMap(({ panels }) =>
      panels.flatMap(({ queries }) => queries),
    )) {
      const asked = expression
        .replaceAll("$__rate_interval", "1m")
        .replaceAll("$service", "measured")
        .replaceAll("$instance", ".*");
      expect(asked).not.toContain("$");
      if ((await prometheus.queryRange(asked)) === 0) empty.push(expression);
    }
    expect(empty).toEqual([]);

    const names = listAlerts().map(({ name }) => [name, "ok"]);
    await until("the rules were evaluated", async () =>
      Object.values(await prometheus.rules()).every((health) => health !== "unknown"),
    );
    expect(await prometheus.rules()).toEqual(Object.fromEntries(names));

    expect(await promtool(["check", "metrics"], await scrape(server.url))).toEqual({
      code: 0,
      text: "",
    });
    expect(await server.stop()).toBe(0);
  });
});

test("the page has the metrics that workers answer with, and no others", async () => {
  const server = await serve(2);
  const text = await scrape(server.url);
  // Of both workers together.
  expect(text).toMatch(budgetOf(2));
  const found = text.matchAll(/^# TYPE (ekiben_\w+) (\w+)$/gm);
  const page = await readFile("sdk/observability/metrics.md", "utf8");
  const told = page.matchAll(/^\| `(ekiben_\w+)` \| (\w+) \|/gm);
  const sort = (matches: Iterable<RegExpExecArray>): string[] =>
    Array.from(matches, ([, name, type]) => `${name} ${type}`).toSorted();
  expect(sort(found)).toEqual(sort(told));
  expect(await server.stop()).toBe(0);
});

test("the budget of bodies is told of the process that has most in use, beside the sums", async () => {
  const server = await serve(2);
  const read = async (name: string): Promise<number> =>
    Number(
      new RegExp(`^ekiben_body_budget_${name}\\{[^}]*\\} (\\S+)$`, "m").exec(
        await scrape(server.url),
      )![1],
    );
  expect(await read("used_ratio")).toBe(0);
  // What is announced is held before it comes, in the one worker that has the connection.
  const bytes = 3 * 1024 * 1024 * 0.75;
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(
    `POST /score HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n\r\n{`,
  );
  await until("it is told", async () => (await read("used_bytes")) === bytes);
  await until("it is told", async () => (await read("used_ratio")) === 0.75);
  expect(await read("bytes")).toBe(2 * 3 * 1024 * 1024);
  socket.destroy();
  await until("it is given back", async () => (await read("used_ratio")) === 0);
  expect(await server.stop()).toBe(0);
});

test("a worker that is blocked holds up no scrape, and shows how old its numbers are", async () => {
  const server = await serve(2);
  const client = createClient(server.url);
  const pids = new Set<unknown>();
  while (pids.size < 2) pids.add((await client.send("/pid", {})).body);
  const before = client.counts.get("/pid 200")!;
  const readAges = (text: string): number[] =>
    Array.from(text.matchAll(/^ekiben_worker_snapshot_age_seconds\{.*\} (\S+)$/gm), ([, age]) =>
      Number(age),
    );

  const counted = new RegExp(
    `^ekiben_requests_total\\{endpoint="/pid".*status="200".*\\} ${before}$`,
    "m",
  );
  await until("all was told", async () => counted.test(await scrape(server.url)));

  // Whoever is not blocked answers for both, with all that the other had counted.
  const blocked = client.send("/block", { ms: 8_000 });
  let text = "";
  await until("the numbers of one are old", async () => {
    const asked = performance.now();
    text = await scrape(server.url);
    const ages = readAges(text);
    // A scrape that was given to the blocked worker waited with it.
    return ages.length === 2 && Math.max(...ages) > 1 && performance.now() - asked < 4_000;
  });
  expect(text).toMatch(counted);
  expect((await blocked).status).toBe(200);
  await until("both tell again", async () =>
    readAges(await scrape(server.url)).every((age) => age < 1),
  );
  expect(await server.stop()).toBe(0);
});
