/** Seconds, from half a millisecond, where a small model answers, to the default limit of an API. */
export const SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Items or requests of a batch. */
export const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

/** Seconds, from 5 ms to 10 s: what clients of Prometheus take where an author names none. */
export const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
