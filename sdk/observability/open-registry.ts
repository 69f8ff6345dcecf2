import { Registry } from "prom-client";
import { addProcessMetrics } from "./process-metrics.js";

export interface RegistryOptions {
  /** Labels of all series. */
  labels: Readonly<Record<string, string>>;
  /** Adds the metrics of the process, with these labels besides. @default none */
  processLabels?: Readonly<Record<string, string>> | undefined;
}

/** A registry of prom-client. Importing this loads prom-client. */
export function openRegistry({ labels, processLabels }: RegistryOptions): Registry {
  const registry = new Registry();
  registry.setDefaultLabels(labels);
  if (processLabels !== undefined) addProcessMetrics(registry, processLabels);
  return registry;
}
