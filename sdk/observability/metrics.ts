import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { EkibenError } from "../core/errors.js";

/** The metrics of a service's author: asked for by name, made once, shown at `/metrics`. */
export interface Metrics {
  counter(name: string, help: string): { inc(amount?: number): void };
  gauge(name: string, help: string): { set(value: number): void };
  histogram(name: string, help: string, buckets?: number[]): { observe(value: number): void };
}

/**
 * Keeps the author's metrics in a registry; a name that was made before is given again.
 * @throws SERVICE_INVALID when the name is not a metric name or belongs to a metric of another kind.
 */
export function createMetrics(registry: Registry = new Registry()): Metrics {
  const registers = [registry];
  const findOrCreate = <Kind>(
    kind: abstract new (...args: never[]) => Kind,
    name: string,
    create: () => Kind,
  ): Kind => {
    const known: unknown = registry.getSingleMetric(name);
    if (known instanceof kind) return known;
    if (known !== undefined || !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
      throw new EkibenError("SERVICE_INVALID", {
        detail:
          known === undefined
            ? `${JSON.stringify(name)} is not the name of a metric.`
            : `There is a metric ${name} already, and it is not a ${kind.name.toLowerCase()}.`,
        hint:
          known === undefined
            ? "Use letters, digits and underscores, and begin with a letter."
            : "Choose another name.",
        received: name,
      });
    }
    return create();
  };
  return {
    counter: (name, help) =>
      findOrCreate(Counter, name, () => new Counter({ name, help, registers })),
    gauge: (name, help) => findOrCreate(Gauge, name, () => new Gauge({ name, help, registers })),
    histogram: (name, help, buckets) =>
      findOrCreate(
        Histogram,
        name,
        () =>
          new Histogram({ name, help, registers, ...(buckets === undefined ? {} : { buckets }) }),
      ),
  };
}
