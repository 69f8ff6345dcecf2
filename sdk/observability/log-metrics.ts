import { Counter, type Registry } from "prom-client";
import type { DroppedLines } from "./lines/line-sink.js";

/** Shows lost lines in a registry; they are counted where they are lost. */
export function addLogMetrics(registry: Registry, dropped: () => readonly DroppedLines[]): void {
  const counter = new Counter({
    name: "ekiben_log_dropped_total",
    help: "Lines of logs that were lost, by stream and reason",
    labelNames: ["stream", "reason"],
    registers: [],
    collect() {
      this.reset();
      for (const { stream, reason, count } of dropped()) this.inc({ stream, reason }, count);
    },
  });
  registry.registerMetric(counter);
}
