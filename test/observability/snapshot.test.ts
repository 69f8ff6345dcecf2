import fc from "fast-check";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";
import { mergeSnapshots, printSnapshots } from "../../sdk/observability/merge-snapshots.js";
import { takeSnapshot, type Snapshot } from "../../sdk/observability/snapshot.js";
import { createWorkerSnapshots } from "../../sdk/observability/worker-snapshots.js";

/** Something that a worker counts; amounts are whole, so that sums are exact in any order. */
type Step = { kind: "counter" | "gauge" | "histogram"; label: string; value: number };

const label = fc.constantFrom("a", "b", 'c"\\,', "x:1,y");
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("counter" as const, "gauge" as const, "histogram" as const),
  label,
  value: fc.integer({ min: 0, max: 1000 }),
});

function apply(metrics: Metrics, { kind, label, value }: Step, gauges: Map<string, number>): void {
  const labels = { labels: ["l", "m"] as const, buckets: [1, 10, 100] };
  const values = { l: label, m: value % 2 };
  if (kind === "counter") metrics.counter("c", "C", labels).inc(values, value);
  if (kind === "histogram") metrics.histogram("h", "H", labels).observe(values, value);
  if (kind !== "gauge") return;
  const sum = (gauges.get(label) ?? 0) + value;
  gauges.set(label, sum);
  metrics.gauge("g", "G", { labels: ["l"] }).set({ l: label }, sum);
}

async function run(steps: readonly Step[]): Promise<Snapshot> {
  const registry = new Registry();
  registry.setDefaultLabels({ service: "s" });
  const metrics = createMetrics(registry);
  const gauges = new Map<string, number>();
  for (const one of steps) apply(metrics, one, gauges);
  // As they arrive over a channel.
  return JSON.parse(JSON.stringify(await takeSnapshot(registry))) as Snapshot;
}

/** Series by name and labels, whatever their order. */
function toSeries(snapshot: Snapshot): Record<string, number> {
  const series: Record<string, number> = {};
  for (const { name, values } of snapshot) {
    for (const { metricName = name, labels, value } of values) {
      const key = JSON.stringify([metricName, Object.entries(labels).toSorted()]);
      expect(series).not.toHaveProperty([key]);
      series[key] = value;
    }
  }
  return series;
}

test("what is merged of any split is the whole", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.integer({ min: 0, max: 3 })), { maxLength: 40 }),
      async (steps) => {
        const whole = await run(steps.map(([one]) => one));
        const parts = await Promise.all(
          [0, 1, 2, 3].map((worker) =>
            run(steps.filter(([, by]) => by === worker).map(([one]) => one)),
          ),
        );
        expect(toSeries(await mergeSnapshots(parts))).toEqual(toSeries(whole));
        const [one, two, three, four] = parts as [Snapshot, Snapshot, Snapshot, Snapshot];
        const nested = [await mergeSnapshots([four, two]), await mergeSnapshots([three, one])];
        expect(toSeries(await mergeSnapshots(nested))).toEqual(toSeries(whole));
      },
    ),
    { numRuns: 60 },
  );
});

test("no count goes down while workers come and go, and the sum is what all of them did", async () => {
  const event = fc.oneof(
    { weight: 5, arbitrary: fc.record({ slot: fc.nat(2), step, push: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ slot: fc.nat(2), ends: fc.constant(true) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 30 }), async (events) => {
      const all = createWorkerSnapshots(() => 0);
      const steps: Step[][] = [[], [], []];
      const lives = [0, 0, 0];
      const told: Step[] = [];
      let before: Record<string, number> = {};
      const push = async (slot: number): Promise<void> => {
        all.put(`${slot}/${lives[slot]}`, await run(steps[slot]!));
      };
      for (const one of events) {
        const { slot } = one;
        if ("ends" in one) {
          await push(slot);
          told.push(...steps[slot]!.splice(0));
          await all.retire(`${slot}/${lives[slot]}`);
          // What arrives after its end must not count twice.
          all.put(`${slot}/${lives[slot]}`, await run([]));
          lives[slot]!++;
        } else {
          steps[slot]!.push(one.step);
          if (one.push) await push(slot);
        }
        const now = readCounts(await all.text());
        for (const [series, value] of Object.entries(before)) {
          expect(now[series], series).toBeGreaterThanOrEqual(value);
        }
        before = now;
      }
      for (const slot of [0, 1, 2]) await push(slot);
      const counted = told.concat(...steps).filter(({ kind }) => kind !== "gauge");
      expect(readCounts(await all.text())).toEqual(
        readCounts(await printSnapshots([await run(counted)])),
      );
    }),
    { numRuns: 40 },
  );
});

/** The samples of counters and histograms. */
function readCounts(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => /^(c|h_\w+)\{/.test(line));
  return Object.fromEntries(
    lines.map((line) => [line.replace(/ [^ ]*$/, ""), Number(line.split(" ").at(-1))]),
  );
}

test("the metrics of a service add up, and those of its processes stay apart", async () => {
  const make = (worker: string) =>
    createServiceMetrics({ service: "s", version: "v", processMetrics: true, worker });
  const workers = ["1", "2"].map(make);
  for (const [index, metrics] of workers.entries()) {
    for (let n = 0; n <= index; n++) {
      metrics.begin("/a", "POST");
      metrics.request("/a", "POST", 200, 0.002);
    }
    metrics.begin("/a", "POST");
    metrics.observer.model({ name: "net", ms: 3, rows: 2, failed: false });
    metrics.watchQueues(() => [
      {
        api: "a",
        queuedRequests: 1,
        queuedItems: 4,
        maxQueueItems: 10,
        running: 1,
        fit: { perItemMs: 1, perCallMs: index },
      },
    ]);
  }
  const text = await printSnapshots(await Promise.all(workers.map((one) => one.snapshot())));
  const of = (name: string): string[] =>
    text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  expect(of("ekiben_info")).toEqual(['ekiben_info{service="s",version="v"} 1']);
  const route = 'endpoint="/a",method="POST"';
  expect(of("ekiben_requests_total")).toEqual([
    `ekiben_requests_total{${route},status="200",service_version="v",service="s"} 3`,
  ]);
  expect(of("ekiben_requests_in_progress")).toEqual([
    `ekiben_requests_in_progress{${route},service_version="v",service="s"} 2`,
  ]);
  expect(of("ekiben_queue_items")).toEqual(['ekiben_queue_items{api="a",service="s"} 8']);
  expect(of("ekiben_batch_call_cost_seconds")).toEqual([
    'ekiben_batch_call_cost_seconds{api="a",service="s"} 0.0005',
  ]);
  expect(of("ekiben_model_rows_total")).toEqual([
    'ekiben_model_rows_total{model="net",service="s"} 4',
  ]);
  expect(of("process_resident_memory_bytes")).toHaveLength(2);
  expect(of("process_start_time_seconds")).toHaveLength(2);
});
