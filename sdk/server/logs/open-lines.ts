import { EkibenError } from "../../core/errors.js";
import type { LineThread } from "../../observability/handover/line-thread.js";
import type { FolderLock } from "../../observability/lines/folder-lock.js";
import { joinDropped, type LineSink, type LogStream } from "../../observability/lines/line-sink.js";
import type { Log } from "../../observability/log.js";
import type { Settings } from "../settings/table.js";
import { findEntry } from "../find-entry.js";
import { toLogPlan } from "./log-plan.js";
import { THREAD_ENTRY, type ServerLines } from "./server-lines.js";

/** Where the lines of a server, of all its processes, are written. */
export interface Lines extends ServerLines {
  /** The log that is told when lines cannot be written; until it is set, standard error is. */
  tellTo(log: Log): void;
}

/** What goes on for long is told again so often. */
const TELL_EVERY_MS = 60_000;

/**
 * Opens what the settings ask for: files, standard output or both.
 * @throws SETTING_INVALID when there is no folder, it cannot be made, or another server has it
 */
export async function openLines(settings: Settings): Promise<Lines> {
  const plan = toLogPlan(settings);
  const places = Object.values(plan);
  let log: Log | undefined;
  const toFault = (stream: LogStream): Log | undefined =>
    // What cannot be written cannot be told in the same place.
    stream === "application" && plan.application.file ? undefined : log;
  const trouble = createTroubleTeller(toFault);
  const sinks: { sink: LineSink; takes(stream: LogStream): boolean }[] = [];
  let thread: LineThread | undefined;
  const maxBufferBytes = settings["logs.buffer"];
  const faults = {
    onTrouble: trouble,
    onFault(stream: LogStream, error: unknown) {
      toFault(stream)?.warn(`a file of the ${stream} log could not be tidied up`, { error });
    },
  };
  let lock: FolderLock | undefined;
  /** What is to be told as soon as there is a log. */
  const early: ((log: Log) => void)[] = [];
  if (places.some(({ file }) => file)) {
    const { createFileWriter } = await import("../../observability/lines/file-writer.js");
    const sink = await createFileWriter({ ...toFiles(settings), ...faults });
    sinks.push({ sink, takes: (stream) => plan[stream].file });
    lock = await takeFolder(settings["logs.directory"]!, (tell) => early.push(tell));
  }
  if (places.some(({ stdout }) => stdout)) {
    const { createStreamWriter } = await import("../../observability/lines/stream-writer.js");
    const sink = createStreamWriter({ maxBufferBytes });
    sinks.push({ sink, takes: (stream) => plan[stream].stdout });
  }
  const all = async (act: (sink: LineSink) => Promise<void>): Promise<void> => {
    await Promise.all(sinks.map(({ sink }) => act(sink)));
  };
  return {
    write(stream, line) {
      for (const { sink, takes } of sinks) if (takes(stream)) sink.write(stream, line);
    },
    dropped: () =>
      joinDropped([...sinks.map(({ sink }) => sink.dropped()), thread?.dropped() ?? []]),
    async flush() {
      await Promise.all([thread?.flush(), all((sink) => sink.flush())]);
    },
    async close() {
      await Promise.all([thread?.close(), all((sink) => sink.close())]);
      await lock?.release();
    },
    async handOver({ streams, print, log: told }) {
      // Standard output has one writer, and so has each file.
      const handed = streams.filter((stream) => plan[stream].file && !plan[stream].stdout);
      if (thread !== undefined || !handed.includes("prediction")) return undefined;
      const { createLineThread } = await import("../../observability/handover/line-thread.js");
      thread = createLineThread({
        print,
        target: { kind: "files", ...toFiles(settings) },
        entry: findEntry(THREAD_ENTRY),
        maxBufferBytes,
        log: told,
        ...faults,
      });
      return { streams: handed, to: thread };
    },
    tellTo(told) {
      log = told;
      for (const tell of early.splice(0)) tell(told);
    },
  };
}

function toFiles(settings: Settings) {
  return {
    directory: settings["logs.directory"]!,
    rotation: {
      maxBytes: settings["logs.rotateSize"],
      everyMs: toMs(settings["logs.rotateEvery"]),
    },
    retention: {
      maxFiles: settings["logs.keepFiles"],
      maxAgeMs: toMs(settings["logs.keepFor"]),
      maxTotalBytes: settings["logs.keepSize"] ?? Infinity,
      gzip: settings["logs.gzip"],
    },
    maxBufferBytes: settings["logs.buffer"],
  };
}

/** Where no lock can be made, lines are written all the same. */
async function takeFolder(
  directory: string,
  later: (tell: (log: Log) => void) => void,
): Promise<FolderLock | undefined> {
  const { lockFolder } = await import("../../observability/lines/folder-lock.js");
  try {
    return await lockFolder({
      directory,
      onUnknown({ pid, host }) {
        const message = `the log folder was taken over from process ${pid} on ${host}; if that one still writes there, give each server a folder of its own`;
        later((log) => log.warn(message, { directory }));
      },
    });
  } catch (error) {
    if (error instanceof EkibenError) throw error;
    const message =
      "the log folder cannot be locked; see to it that no other server writes there, for they would rotate each other's files";
    later((log) => log.warn(message, { directory, error }));
    return undefined;
  }
}

/** Says once that lines cannot be written, again when that goes on, and once that they are again. */
function createTroubleTeller(
  logOf: (stream: LogStream) => Log | undefined,
): (stream: LogStream, error: Error | undefined) => void {
  const toldAt = new Map<LogStream, number>();
  return (stream, error) => {
    const log = logOf(stream);
    if (error === undefined) {
      if (toldAt.delete(stream)) log?.info(`lines of the ${stream} log are written again`);
      return;
    }
    const now = performance.now();
    if (now - (toldAt.get(stream) ?? -Infinity) < TELL_EVERY_MS) return;
    toldAt.set(stream, now);
    const message = `lines of the ${stream} log cannot be written; they wait, and are lost when there is no room`;
    if (log === undefined) process.stderr.write(`${message}: ${error.message}\n`);
    else log.error(message, { error });
  };
}

function toMs(seconds: number | undefined): number {
  return seconds === undefined ? Infinity : seconds * 1000;
}
