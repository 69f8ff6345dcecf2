import type { DroppedLines } from "./lines/line-sink.js";
import { toMetric, type MetricKeeper } from "./tally.js";

/** Shows lost lines; they are counted where they are lost. */
export function addLogMetrics(keeper: MetricKeeper, dropped: () => readonly DroppedLines[]): void {
  keeper.registerMetric(
    toMetric(
      {
        name: "ekiben_log_dropped_total",
        help: "Lines of logs that were lost, by stream and reason",
        type: "counter",
      },
      () =>
        dropped().map(({ stream, reason, count }) => ({
          value: count,
          labels: { stream, reason },
        })),
    ),
  );
}
