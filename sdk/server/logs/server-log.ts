import { createLog } from "../../observability/create-log.js";
import type { LineSink } from "../../observability/lines/line-sink.js";
import type { Log } from "../../observability/log.js";
import {
  createRequestLog,
  type HandedStream,
  type RequestLog,
} from "../../observability/records/request-log.js";
import type { ServiceDefinition } from "../../service/definition.js";
import type { Settings } from "../settings/table.js";
import { goesThroughSink, toLogPlan } from "./log-plan.js";
import type { ServerLines } from "./server-lines.js";

const HANDED_STREAMS: readonly HandedStream[] = ["access", "prediction"];

/** The application log of a server; its lines go to standard output, or the way of the others. */
export function createServerLog(
  facts: { service: string; version: string },
  settings: Settings,
  lines: LineSink | undefined,
): Log {
  const level = settings["logs.level"];
  const plan = toLogPlan(settings);
  const { stdout, file } = plan.application;
  const wanted = settings["logs.format"] ?? (process.stdout.isTTY ? "plain" : "json");
  // Files are read by programs.
  const format = file ? "json" : wanted;
  if (lines === undefined || !goesThroughSink(plan)) {
    return createLog({ ...facts, level: stdout ? level : "silent", format });
  }
  return createLog({
    ...facts,
    level,
    format,
    write(text) {
      // The stack of an error has lines of its own, and the way of the others is by the line.
      for (const line of text.trimEnd().split("\n")) lines.write("application", line);
    },
  });
}

/** What a server writes down of its requests. */
export async function createServerRequestLog(
  definition: ServiceDefinition,
  facts: { service: string; version: string },
  { settings, lines, log }: { settings: Settings; lines: ServerLines | undefined; log: Log },
): Promise<RequestLog> {
  const plan = toLogPlan(settings);
  const isKept = (stream: "access" | "prediction" | "feedback"): boolean =>
    plan[stream].stdout || plan[stream].file;
  const print = {
    redact: settings["logs.redact"] ?? [],
    headers: (settings["logs.headers"] ?? []).map((name) => name.toLowerCase()),
    maxRecordBytes: settings["logs.maxRecord"],
  };
  // What hooks get is printed here; and a thread pays where there are bodies to be written.
  const hooked = new Set(definition.onRecord.flatMap(({ streams }) => streams));
  const handed = HANDED_STREAMS.filter((stream) => isKept(stream) && !hooked.has(stream));
  const handOver = handed.includes("prediction")
    ? await lines?.handOver?.({ streams: handed, print: { ...facts, ...print }, log })
    : undefined;
  return createRequestLog({
    ...facts,
    ...print,
    handOver,
    sink: lines,
    streams: {
      access: isKept("access"),
      prediction: isKept("prediction"),
      feedback: isKept("feedback"),
    },
    sample: settings["logs.sample"] ?? {},
    hooks: definition.onRecord,
    log,
  });
}
