import { collectDefaultMetrics, type Registry } from "prom-client";

// Gauges that end in `_total`, which only counters may, and that walk through all sockets.
const UNWANTED = [
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

/** CPU, memory and garbage collection, by the library. They observe the process until it ends. */
export function addProcessMetrics(
  registry: Registry,
  labels: Readonly<Record<string, string>>,
): void {
  collectDefaultMetrics({ register: registry, labels });
  for (const name of UNWANTED) registry.removeSingleMetric(name);
}
