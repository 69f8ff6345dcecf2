import { EkibenError } from "../../core/errors.js";
import { LOG_STREAMS, type LogStream } from "../../observability/lines/line-sink.js";
import type { Settings } from "../settings/table.js";

/** Where the lines of a stream go. */
export interface Places {
  readonly stdout: boolean;
  readonly file: boolean;
}

/** Where the lines of each stream go. */
export type LogPlan = Readonly<Record<LogStream, Places>>;

/** @throws SETTING_INVALID when lines are to go to files and there is no folder. */
export function toLogPlan(settings: Settings): LogPlan {
  const hasFolder = settings["logs.directory"] !== undefined;
  const defaults: Record<LogStream, string> = {
    application: "stdout",
    access: hasFolder ? "file" : "off",
    prediction: hasFolder ? "file" : "off",
    feedback: hasFolder ? "file" : "stdout",
  };
  return Object.fromEntries(
    LOG_STREAMS.map((stream): [LogStream, Places] => {
      const place = settings[`logs.${stream}`] ?? defaults[stream];
      const file = place === "file" || place === "both";
      if (file && !hasFolder) {
        throw new EkibenError("SETTING_INVALID", {
          detail: `logs.${stream} is ${place}, and there is no folder for files.`,
          hint: "Name one with --log-dir or logs.directory.",
        });
      }
      return [stream, { stdout: place === "stdout" || place === "both", file }];
    }),
  ) as unknown as LogPlan;
}

/**
 * Whether lines of the application have to go the way of the others: into a file, or to a standard
 * output on which others are written in the background, where they could end up inside of a line.
 */
export function goesThroughSink({ application, access, prediction, feedback }: LogPlan): boolean {
  return application.file || [access, prediction, feedback].some(({ stdout }) => stdout);
}
