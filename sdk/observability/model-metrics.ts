import { Counter, Histogram, type Registry } from "prom-client";
import { SECONDS } from "./buckets.js";

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
export function createModelMetrics(registers: Registry[]): (run: ModelRunFacts) => void {
  const labelNames = ["model"] as const;
  const duration = new Histogram({
    name: "ekiben_model_run_duration_seconds",
    help: "How long a model took for one run",
    labelNames,
    buckets: SECONDS,
    registers,
  });
  const rows = new Counter({
    name: "ekiben_model_rows_total",
    help: "Rows that models were given, as far as that can be seen",
    labelNames,
    registers,
  });
  const failures = new Counter({
    name: "ekiben_model_failures_total",
    help: "Runs in which a model failed",
    labelNames,
    registers,
  });
  return (run) => {
    const labels = { model: run.name };
    duration.observe(labels, run.ms / 1000);
    if (run.rows !== undefined) rows.inc(labels, run.rows);
    if (run.failed) failures.inc(labels);
  };
}
