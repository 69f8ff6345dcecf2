import { EkibenError } from "../core/errors.js";
import type { BatcherOptions } from "./batch.js";

/** The limits of a batcher with the defaults filled in. */
export interface Limits {
  maxBatchSize: number;
  /** `Infinity` when there is no limit. */
  maxLatencyMs: number;
  concurrency: number;
  maxQueueItems: number;
  maxQueueBytes: number;
}

type LimitOptions = Pick<BatcherOptions<never, never>, "name" | keyof Limits>;

/**
 * Fills in defaults.
 * @throws EkibenError SERVICE_INVALID for a limit with which a batcher would never run a job.
 */
export function toLimits(options: LimitOptions): Limits {
  const limits = {
    maxBatchSize: options.maxBatchSize ?? 100,
    maxLatencyMs: options.maxLatencyMs ?? Number.POSITIVE_INFINITY,
    concurrency: options.concurrency ?? 1,
    maxQueueItems: options.maxQueueItems ?? 10_000,
    maxQueueBytes: options.maxQueueBytes ?? 256 * 1024 * 1024,
  };
  for (const name of ["maxBatchSize", "concurrency", "maxQueueItems", "maxQueueBytes"] as const) {
    const value = limits[name];
    if (Number.isInteger(value) && value >= 1) continue;
    throw invalid(options.name, name, "a whole number from 1", value);
  }
  if (!(limits.maxLatencyMs > 0)) {
    throw invalid(
      options.name,
      "maxLatencyMs",
      "a number of milliseconds above 0",
      limits.maxLatencyMs,
    );
  }
  return limits;
}

const invalid = (api: string, limit: string, expected: string, received: number): EkibenError =>
  new EkibenError("SERVICE_INVALID", {
    detail: `The limit ${limit} of "${api}" is ${received}, which is not ${expected}.`,
    expected,
    received: String(received),
  });
