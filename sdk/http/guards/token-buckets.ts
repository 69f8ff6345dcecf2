import type { Clock } from "../../core/clock.js";

export interface BucketOptions {
  /** How many may be taken at once. */
  capacity: number;
  /** Milliseconds in which an empty bucket is full again. */
  refillMs: number;
  maxClients: number;
  clock: Clock;
}

export interface Taken {
  allowed: boolean;
  /** How many more may be taken at once. */
  left: number;
  /** Milliseconds until one may be taken, 0 when one was. */
  waitMs: number;
  /** Milliseconds until the bucket is full. */
  fullMs: number;
}

/**
 * A bucket of tokens for each client, kept as the moment at which it will be full again (the generic
 * cell rate algorithm, ITU-T I.371): one number a client, and no timers. What libraries offer for
 * one process keeps a timer a client and as many clients as come.
 */
export function createBuckets({ capacity, refillMs, maxClients, clock }: BucketOptions) {
  const tokenMs = refillMs / capacity;
  // In the order of their last request, so that the first one has been away the longest.
  const fullAt = new Map<string, number>();

  return {
    take(client: string): Taken {
      const now = clock.now();
      const full = Math.max(now, fullAt.get(client) ?? now);
      fullAt.delete(client);
      const after = full + tokenMs;
      const waitMs = after - now - refillMs;
      // Sums of fractions: a token must not be missed by what they are rounded by.
      const allowed = waitMs <= 1e-6;
      const kept = allowed ? after : full;
      fullAt.set(client, kept);
      if (fullAt.size > maxClients) fullAt.delete(fullAt.keys().next().value!);
      const left = Math.floor((refillMs - (kept - now)) / tokenMs + 1e-6);
      return { allowed, left, waitMs: Math.max(0, waitMs), fullMs: kept - now };
    },
    get clients(): number {
      return fullAt.size;
    },
  };
}
