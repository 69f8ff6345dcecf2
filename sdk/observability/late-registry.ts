import type { Registry } from "prom-client";
import type { RegistryOptions } from "./open-registry.js";
import type { MetricKeeper, OwnMetric } from "./tally.js";

/** Keeps metrics for a registry of prom-client that is made when somebody looks. */
export interface LateRegistry extends MetricKeeper {
  /** The registry, with all that was registered; what comes later goes to it as well. */
  open(): Promise<Registry>;
}

/**
 * Metrics count in plain numbers, so that prom-client, which takes some five hundredths of the start of
 * a server, is not needed before it prints them.
 */
export function createLateRegistry(options: RegistryOptions): LateRegistry {
  const metrics = new Map<string, OwnMetric>();
  let registry: Registry | undefined;
  let opening: Promise<Registry> | undefined;

  async function load(): Promise<Registry> {
    const { openRegistry } = await import("./open-registry.js");
    registry = openRegistry(options);
    for (const metric of metrics.values()) registry.registerMetric(metric);
    return registry;
  }

  return {
    registerMetric(metric) {
      registry?.registerMetric(metric);
      metrics.set(metric.name, metric);
    },
    getSingleMetric: (name) => metrics.get(name) ?? registry?.getSingleMetric(name),
    open() {
      opening ??= load().catch((error: unknown) => {
        // Such as for want of descriptors: who looks next tries again.
        opening = undefined;
        throw error;
      });
      return opening;
    },
  };
}
