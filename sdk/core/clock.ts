// The global of this name is an accessor, which is looked up at each call.
import { performance } from "node:perf_hooks";

/** Time as an effect: everything that waits takes a clock, so that tests run on a made one. */
export interface Clock {
  /** Milliseconds on a monotonic scale. */
  now(): number;
  /** Runs `callback` after `ms` milliseconds; the answer cancels it. */
  after(ms: number, callback: () => void): () => void;
  /** Runs `callback` once what is ready to be read has been read; the answer cancels it. */
  soon(callback: () => void): () => void;
}

/** The clock of the process. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon(callback) {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};
