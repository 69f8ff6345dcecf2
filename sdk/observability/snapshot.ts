import type { Registry } from "prom-client";

/** One metric with all its series, as plain data. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** How values of the same labels become one. */
  readonly aggregator: string;
  readonly values: readonly {
    /** Of a part of a histogram, such as `name_bucket`. */
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
  }[];
}

/** The metrics of one process at one moment, as JSON can carry them. */
export type Snapshot = readonly MetricSnapshot[];

export async function takeSnapshot(registry: Registry): Promise<Snapshot> {
  const metrics = (await registry.getMetricsAsJSON()) as unknown as MetricSnapshot[];
  return metrics.map(({ name, help, type, aggregator, values }) => ({
    name,
    help,
    // As text here; a number in the declarations of the library.
    type,
    // The library leaves some out where there are several processes; here each has its own label.
    aggregator: aggregator === "omit" ? "max" : aggregator,
    values: values
      // NaN is what a histogram of nothing calls its mean, and JSON knows none.
      .filter(({ value }) => Number.isFinite(value))
      .map(({ metricName, labels, value }) => ({
        ...(metricName === undefined ? {} : { metricName }),
        labels,
        value,
      })),
  }));
}

/** What stays of a process that has ended: what it counted, and not how things stood with it. */
export function keepCounts(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => type === "counter" || type === "histogram");
}
