import type { Log, LogFields } from "../../sdk/observability/log.js";

export interface LogLine {
  level: string;
  message: string;
  fields: LogFields;
}

/** A log that keeps its lines. */
export function createLogLines(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const write =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  const log: Log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: () => log,
  };
  return { log, lines };
}
