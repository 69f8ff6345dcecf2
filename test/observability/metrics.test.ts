import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { silentLog } from "../../sdk/observability/log.js";
import { createMetrics } from "../../sdk/observability/metrics.js";
import { createServiceMetrics } from "../../sdk/observability/service-metrics.js";

test("a metric that is asked for twice is the same metric", async () => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  metrics.counter("seen", "Seen").inc();
  metrics.counter("seen", "Seen").inc(2);
  metrics.gauge("level", "Level").set(4);
  metrics.histogram("size", "Size", [1, 10]).observe(5);
  metrics.histogram("size", "Size", [1, 10]).observe(50);
  const text = await registry.metrics();
  expect(text).toContain("seen 3");
  expect(text).toContain("level 4");
  expect(text).toContain('size_bucket{le="10"} 1');
  expect(text).toContain("size_count 2");
});

test("a name that belongs to a metric of another kind, or is no name, is refused", () => {
  const metrics = createMetrics();
  metrics.counter("seen", "Seen");
  metrics.counter("by_plan", "By plan", { labels: ["plan"] });
  for (const wrong of [
    () => metrics.counter("by_plan", "By plan"),
    () => metrics.counter("by_plan", "By plan", { labels: ["plan", "kind"] }),
    () => metrics.counter("ekiben_shed_total", "Ours"),
    () => metrics.counter("process_mine", "Ours"),
    () => metrics.gauge("x", "X", { labels: ["service"] }),
    () => metrics.gauge("x", "X", { labels: ["a", "a"] }),
    () => metrics.gauge("x", "X", { labels: ["a-b"] }),
    () => metrics.gauge("x", "X", { labels: ["__a"] }),
    () => metrics.counter("seen", "Seen").inc(-1),
    () => metrics.counter("seen", "Seen").inc(Number.NaN),
    () => metrics.counter("seen", "Seen").inc({ plan: "a" } as never),
    () => metrics.gauge("level", "Level").set("1" as never),
    () => metrics.gauge("seen", "Seen"),
    () => metrics.histogram("seen", "Seen"),
    () => metrics.counter("not a name", "Wrong"),
    () => metrics.counter("", "Wrong"),
  ]) {
    expect(wrong).toThrow(EkibenError);
    expect(wrong).toThrow(expect.objectContaining({ code: "SERVICE_INVALID" }));
  }
});

test("the metrics of a service have no series before anything happened, and name the service", async () => {
  const metrics = createServiceMetrics({ service: "churn", version: "v1" });
  const text = await metrics.text();
  expect(text).toContain('ekiben_info{service="churn",version="v1"} 1');
  expect(text).not.toMatch(/ekiben_requests_total\{/);
  expect(text).not.toContain("process_cpu");
});

test("methods that are not of HTTP share one label", async () => {
  const metrics = createServiceMetrics({ service: "churn", version: "v1" });
  for (const method of ["BREW", "PROPFIND", "get", 'A"}'] as const) {
    metrics.begin("unmatched", method);
    metrics.request("unmatched", method, 404, 0.001);
  }
  const text = await metrics.text();
  expect(text).toMatch(/ekiben_requests_total\{[^}]*method="other"[^}]*\} 4/);
  expect(text).not.toContain("BREW");
});

test("the metrics of the process are there when asked for", async () => {
  const metrics = createServiceMetrics({ service: "churn", version: "v1", processMetrics: true });
  expect(await metrics.text()).toContain("process_resident_memory_bytes");
});

test("every line is in the text format of Prometheus", async () => {
  const metrics = createServiceMetrics({ service: 'quote"d', version: "back\\slash" });
  metrics.begin("/a", "POST");
  metrics.request("/a", "POST", 200, 0.02);
  metrics.observer.shed("a", "queue-full");
  metrics.observer.batch("a", {
    requests: 2,
    items: 3,
    reason: "idle",
    waitMs: 1,
    runMs: 20,
    failed: true,
  });
  const text = await metrics.text();
  const sample =
    /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\\\|\\"|\\n)*",?)+\})? (-?[\d.e+-]+|NaN|[+-]?Inf)$/;
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# HELP ") || line.startsWith("# TYPE ")) continue;
    expect(line).toMatch(sample);
  }
  expect(text).toMatch(/ekiben_batches_total\{[^}]*outcome="failed"[^}]*\} 1/);
  expect(text).toMatch(/ekiben_batch_duration_seconds_sum\{[^}]*\} 0\.02/);
});

test("a metric with labels has a series for each combination of their values", async () => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const rows = metrics.counter("rows_total", "Rows", { labels: ["plan", "ok"] });
  rows.inc({ plan: "basic", ok: true });
  rows.inc({ plan: "basic", ok: true }, 4);
  rows.inc({ ok: false, plan: 'a"b' }, 2);
  rows.inc({ plan: "basic" });
  metrics
    .histogram("size", "Size", { labels: ["kind"], buckets: [1, 2] })
    .observe({ kind: "a" }, 2);
  metrics.gauge("level", "Level", { labels: ["tank"] }).set({ tank: 7 }, 0.5);
  const text = await registry.metrics();
  expect(text).toContain('rows_total{plan="basic",ok="true"} 5');
  expect(text).toContain('rows_total{plan="a\\"b",ok="false"} 2');
  expect(text).toContain('rows_total{plan="basic",ok=""} 1');
  expect(text).toContain('size_bucket{le="1",kind="a"} 0');
  expect(text).toContain('level{tank="7"} 0.5');
});

test("values of labels beyond the limit are counted as other, and one warning says so", async () => {
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
  const registry = new Registry();
  const metrics = createMetrics(registry, { log, maxLabelValues: 3, maxSeries: 5 });
  const one = metrics.counter("one", "One", { labels: ["user"] });
  for (let user = 0; user < 10; user++) one.inc({ user });
  one.inc({ user: 1 });
  const two = metrics.counter("two", "Two", { labels: ["a", "b"] });
  for (let a = 0; a < 3; a++) for (let b = 0; b < 3; b++) two.inc({ a, b });
  const values = async (name: string): Promise<object> => {
    const metric = await registry.getSingleMetric(name)!.get();
    return metric.values.map((value) => [Object.values(value.labels).join(), value.value]);
  };
  expect(await values("one")).toEqual([
    ["0", 1],
    ["1", 2],
    ["2", 1],
    ["other", 7],
  ]);
  expect(await values("two")).toEqual([
    ["0,0", 1],
    ["0,1", 1],
    ["0,2", 1],
    ["1,0", 1],
    ["1,1", 1],
    ["other,other", 4],
  ]);
  expect(warnings).toEqual([
    'the metric one has too many values of the label user, 3 is the limit: more are counted as "other"',
    'the metric two has too many combinations of its labels, 5 is the limit: more are counted as "other"',
  ]);
});
