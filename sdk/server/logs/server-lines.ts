import type { HandedStream, HandOver } from "../../observability/records/request-log.js";
import type { PrintPlan } from "../../observability/handover/messages.js";
import type { LineSink } from "../../observability/lines/line-sink.js";
import type { Log } from "../../observability/log.js";

/** Where a process has its lines go. */
export interface ServerLines extends LineSink {
  /**
   * Has the lines of some of these streams printed and written by a thread, if it may: nobody else
   * writes those from then on. It is flushed and closed with the others.
   */
  handOver?(wanted: HandOverPlan): Promise<HandOver | undefined>;
}

export interface HandOverPlan {
  readonly streams: readonly HandedStream[];
  readonly print: PrintPlan;
  /** For what becomes of the thread. */
  readonly log: Log;
}

/** The compiled program of the thread. */
export const THREAD_ENTRY = "observability/handover/main.js";
