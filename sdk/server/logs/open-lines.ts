import { joinDropped, type LineSink, type LogStream } from "../../observability/lines/line-sink.js";
import type { Log } from "../../observability/log.js";
import type { Settings } from "../settings/table.js";
import { toLogPlan } from "./log-plan.js";

/** Where the lines of a server, of all its processes, are written. */
export interface Lines extends LineSink {
  /** The log that is told when lines cannot be written; until it is set, standard error is. */
  tellTo(log: Log): void;
}

/** What goes on for long is told again so often. */
const TELL_EVERY_MS = 60_000;

/**
 * Opens what the settings ask for: files, standard output or both.
 * @throws SETTING_INVALID when there is no folder, or it cannot be made
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
  const maxBufferBytes = settings["logs.buffer"];
  if (places.some(({ file }) => file)) {
    const { createFileWriter } = await import("../../observability/lines/file-writer.js");
    const sink = await createFileWriter({
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
      maxBufferBytes,
      onTrouble: trouble,
      onFault(stream, error) {
        toFault(stream)?.warn(`a file of the ${stream} log could not be tidied up`, { error });
      },
    });
    sinks.push({ sink, takes: (stream) => plan[stream].file });
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
    dropped: () => joinDropped(sinks.map(({ sink }) => sink.dropped())),
    flush: () => all((sink) => sink.flush()),
    close: () => all((sink) => sink.close()),
    tellTo: (told) => void (log = told),
  };
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
