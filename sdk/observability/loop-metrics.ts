import { addTo, createTally, toHistogram, toMetric, type MetricKeeper } from "./tally.js";

const LAG_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const LAG = "ekiben_event_loop_lag_seconds";
const SAMPLE_MS = 100;

/**
 * How busy the event loop is. The library's own metrics of it begin anew at each look, so that two who
 * look see half each, and a block between two looks shows in one sample only. These add up. They
 * observe the process until it ends.
 */
export function addLoopMetrics(
  keeper: MetricKeeper,
  labels: Readonly<Record<string, string>>,
): void {
  const lag = createTally(LAG_SECONDS);
  let due = performance.now() + SAMPLE_MS;
  setInterval(() => {
    const now = performance.now();
    // Timers of Node have whole milliseconds.
    addTo(lag, Math.max(0, now - due - 1) / 1000, LAG_SECONDS);
    due = now + SAMPLE_MS;
  }, SAMPLE_MS).unref();
  keeper.registerMetric(
    toMetric(
      {
        name: LAG,
        help: "How late a timer of 100 ms was: how long the event loop was busy with something else",
        type: "histogram",
      },
      () => toHistogram(LAG, labels, { tally: lag, bounds: LAG_SECONDS }),
    ),
  );
  keeper.registerMetric(
    toMetric(
      {
        name: "ekiben_event_loop_seconds_total",
        help: "How long the event loop was active, and idle",
        type: "counter",
      },
      () => {
        const { active, idle } = performance.eventLoopUtilization();
        return [
          { value: active / 1000, labels: { state: "active", ...labels } },
          { value: idle / 1000, labels: { state: "idle", ...labels } },
        ];
      },
    ),
  );
}
