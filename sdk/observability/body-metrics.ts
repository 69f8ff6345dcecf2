import { toMetric, type MetricKeeper } from "./tally.js";

/** The bytes of request bodies that are held, and their budget; the gate of a runtime has this shape. */
export interface BodyFacts {
  readonly bytes: number;
  readonly maxBytes: number;
}

/** Gauges that are read when somebody looks: a request costs nothing for them. */
export function createBodyMetrics(keeper: MetricKeeper): (facts: BodyFacts) => void {
  let watched: BodyFacts | undefined;
  const gauge = (
    name: string,
    help: string,
    aggregator: "sum" | "max",
    read: (facts: BodyFacts) => number,
  ): void =>
    keeper.registerMetric(
      toMetric({ name: `ekiben_body_budget_${name}`, help, type: "gauge", aggregator }, () => [
        { value: watched === undefined ? 0 : read(watched), labels: {} },
      ]),
    );
  // A process has a budget of its own, so that those of all processes are theirs together. Which of
  // them is about to refuse cannot be seen from sums.
  gauge("used_bytes", "Bytes of request bodies that are held now", "sum", ({ bytes }) => bytes);
  gauge("bytes", "The most bytes of request bodies that are held", "sum", (one) => one.maxBytes);
  gauge(
    "used_ratio",
    "The share of its budget that is in use, of the process that uses most of it",
    "max",
    ({ bytes, maxBytes }) => bytes / maxBytes,
  );
  return (facts) => {
    watched = facts;
  };
}
