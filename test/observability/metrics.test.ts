import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
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
  for (const wrong of [
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
    metrics.begin("unmatched");
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
  metrics.begin("/a");
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
