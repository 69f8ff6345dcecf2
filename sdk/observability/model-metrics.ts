import { SECONDS } from "./buckets.js";
import { createTalliedCounter, createTalliedHistogram, type MetricKeeper } from "./tally.js";

/** What the run of a model tells. */
export interface ModelRunFacts {
  /** The name of the model in its service. */
  name: string;
  ms: number;
  /** `undefined` where it cannot be seen. */
  rows: number | undefined;
  failed: boolean;
}

/** Answers what takes the runs of all models of a service. */
export function createModelMetrics(keeper: MetricKeeper): (run: ModelRunFacts) => void {
  const duration = createTalliedHistogram("ekiben_model_run_duration_seconds", {
    help: "How long a model took for one run",
    label: "model",
    bounds: SECONDS,
  });
  const rows = createTalliedCounter("ekiben_model_rows_total", {
    help: "Rows that models were given, as far as that can be seen",
    labels: ["model"],
  });
  const failures = createTalliedCounter("ekiben_model_failures_total", {
    help: "Runs in which a model failed",
    labels: ["model"],
  });
  for (const { metric } of [duration, rows, failures]) keeper.registerMetric(metric);
  return ({ name, ms, rows: count, failed }) => {
    duration.observe(name, ms / 1000);
    if (count !== undefined) rows.add([name], count);
    if (failed) failures.add([name]);
  };
}
