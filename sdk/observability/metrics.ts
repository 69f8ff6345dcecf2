import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** The metrics of a service's author: asked for by name, made once, shown at `/metrics`. */
export interface Metrics {
  counter(name: string, help: string): { inc(amount?: number): void };
  gauge(name: string, help: string): { set(value: number): void };
  histogram(name: string, help: string, buckets?: number[]): { observe(value: number): void };
}

/** Keeps the author's metrics in a registry; a name that was made before is given again. */
export function createMetrics(registry: Registry = new Registry()): Metrics {
  const registers = [registry];
  return {
    counter: (name, help) =>
      (registry.getSingleMetric(name) as Counter | undefined) ??
      new Counter({ name, help, registers }),
    gauge: (name, help) =>
      (registry.getSingleMetric(name) as Gauge | undefined) ?? new Gauge({ name, help, registers }),
    histogram: (name, help, buckets) =>
      (registry.getSingleMetric(name) as Histogram | undefined) ??
      new Histogram({ name, help, registers, ...(buckets === undefined ? {} : { buckets }) }),
  };
}
