import { systemClock, type Clock } from "../core/clock.js";
import type { Executors } from "../models/engine.js";
import type { Log } from "../observability/log.js";
import { createExecutor } from "./main/executor.js";

export interface ExecutorsOptions {
  log: Log;
  /** The folder of the bundle that is served. */
  bundle?: string;
  clock?: Clock;
}

/** Lets the models of a service compute on the loop and in worker threads. */
export function createExecutors({ log, bundle, clock = systemClock }: ExecutorsOptions): Executors {
  return {
    ...(bundle !== undefined && { bundle }),
    open: (request) => createExecutor(request, { log, clock, bundle }),
    stay(model, reason) {
      log.warn(`the model ${model} computes on the loop, not in a worker`, { reason });
    },
  };
}
