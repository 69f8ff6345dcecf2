import { Gauge, type Registry } from "prom-client";

/** The bytes of request bodies that are held, and their budget; the gate of a runtime has this shape. */
export interface BodyFacts {
  readonly bytes: number;
  readonly maxBytes: number;
}

/** Gauges that are read when somebody looks: a request costs nothing for them. */
export function createBodyMetrics(registers: Registry[]): (facts: BodyFacts) => void {
  let watched: BodyFacts | undefined;
  const gauge = (name: string, help: string, key: keyof BodyFacts): Gauge =>
    new Gauge({
      name,
      help,
      // A process has a budget of its own, so that those of all processes are theirs together.
      aggregator: "sum",
      registers,
      collect() {
        if (watched !== undefined) this.set(watched[key]);
      },
    });
  gauge("ekiben_body_budget_used_bytes", "Bytes of request bodies that are held now", "bytes");
  gauge("ekiben_body_budget_bytes", "The most bytes of request bodies that are held", "maxBytes");
  return (facts) => {
    watched = facts;
  };
}
