import { AggregatorRegistry, type Registry } from "prom-client";
import { takeSnapshot, type Snapshot } from "./snapshot.js";

/** What several processes count together: series of the same labels become one. */
export function mergeSnapshots(snapshots: readonly Snapshot[]): Promise<Snapshot> {
  return takeSnapshot(toRegistry(snapshots));
}

/** The text that Prometheus reads. */
export function printSnapshots(snapshots: readonly Snapshot[]): Promise<string> {
  return toRegistry(snapshots).metrics();
}

function toRegistry(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as never);
}
