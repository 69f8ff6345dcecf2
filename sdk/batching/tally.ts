import type { BatcherStats, BatchObserver, BatchRecord, ShedReason } from "./batch.js";

/**
 * Counts what happened and tells the observer. An observer that throws must not cost a job its
 * answer or a batch its slot, so what it throws is dropped.
 */
export class Tally {
  private batches = 0;
  private requests = 0;
  private items = 0;
  private isolations = 0;
  private readonly reasons: Record<ShedReason, number> = {
    "queue-full": 0,
    "queue-bytes": 0,
    deadline: 0,
    timeout: 0,
    aborted: 0,
    closed: 0,
  };

  constructor(private readonly observer: BatchObserver | undefined) {}

  batch(record: BatchRecord): void {
    if (record.reason === "isolation") {
      this.isolations++;
    } else {
      this.batches++;
      this.requests += record.requests;
      this.items += record.items;
    }
    try {
      this.observer?.batch?.(record);
    } catch {}
  }

  shed(reason: ShedReason): void {
    this.reasons[reason]++;
    try {
      this.observer?.shed?.(reason);
    } catch {}
  }

  counts(): Pick<BatcherStats, "batches" | "requests" | "items" | "isolations" | "shed"> {
    const { batches, requests, items, isolations } = this;
    return { batches, requests, items, isolations, shed: { ...this.reasons } };
  }
}
