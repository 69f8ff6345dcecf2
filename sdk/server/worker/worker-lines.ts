import { Socket } from "node:net";
import type { LineThread } from "../../observability/handover/line-thread.js";
import { createLinePipe } from "../../observability/lines/line-pipe.js";
import { joinDropped } from "../../observability/lines/line-sink.js";
import { findEntry } from "../find-entry.js";
import { THREAD_ENTRY, type ServerLines } from "../logs/server-lines.js";
import { LINES_FD, THREAD_LINES_FD } from "../messages.js";

/** The lines of a worker go to its primary: by one pipe from here, by another from a thread. */
export function openWorkerLines(): ServerLines {
  const pipe = createLinePipe(new Socket({ fd: LINES_FD, readable: false, writable: true }));
  let thread: LineThread | undefined;
  return {
    write: pipe.write,
    dropped: () => joinDropped([pipe.dropped(), thread?.dropped() ?? []]),
    async flush() {
      await Promise.all([thread?.flush(), pipe.flush()]);
    },
    async close() {
      await thread?.close();
      await pipe.close();
    },
    async handOver({ streams, print, log }) {
      const { createLineThread } = await import("../../observability/handover/line-thread.js");
      thread = createLineThread({
        print,
        target: { kind: "pipe", fd: THREAD_LINES_FD, maxBufferBytes: MOST_BYTES },
        entry: findEntry(THREAD_ENTRY),
        maxBufferBytes: MOST_BYTES,
        log,
      });
      return { streams, to: thread };
    },
  };
}

/** What waits for the primary. */
const MOST_BYTES = 16 * 1024 * 1024;
