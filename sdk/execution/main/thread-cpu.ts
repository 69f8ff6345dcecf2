import { openSync, readSync } from "node:fs";

/** Microseconds of the processor, as `process.cpuUsage()` tells them. */
interface CpuTimes {
  readonly user: number;
  readonly system: number;
}

/** Since Node 22.19 and 23.9. */
const { threadCpuUsage } = process as { threadCpuUsage?: () => CpuTimes };
/** Linux tells the nanoseconds of the thread that has opened it. It stays open: that takes the longest. */
const SCHEDULED = "/proc/thread-self/schedstat";
let file: number | "closed" | "none" = process.platform === "linux" ? "closed" : "none";
const text = Buffer.alloc(64);

/**
 * Milliseconds of the processor that this thread has had; of the whole process where nobody tells
 * those of a thread. Others compute and write meanwhile, and what they had is no time of this one.
 */
export function readThreadCpu(): number {
  if (threadCpuUsage !== undefined) return toMs(threadCpuUsage.call(process));
  if (file !== "none") {
    try {
      if (file === "closed") file = openSync(SCHEDULED, "r");
      // The file is as old as the last tick of the system, some milliseconds, unless somebody asks.
      process.cpuUsage();
      const length = readSync(file, text, 0, text.length, 0);
      return Number(text.toString("latin1", 0, length).split(" ", 1)[0]) / 1e6;
    } catch {
      file = "none";
    }
  }
  return toMs(process.cpuUsage());
}

function toMs({ user, system }: CpuTimes): number {
  return (user + system) / 1000;
}
