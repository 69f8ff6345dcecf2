import { pino } from "pino";
import { createOutputWriter } from "./lines/write-output.js";
import type { Log, LogFields } from "./log.js";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LogOptions {
  /** The name of the service, on every line. */
  service: string;
  version?: string;
  /** The least level that is written. @default "info" */
  level?: LogLevel;
  /** `json`: one object a line. `plain`: for people. @default "plain" on a terminal, else "json" */
  format?: "json" | "plain";
  /** Takes one line with its line feed. @default standard output */
  write?: (line: string) => void;
}

/**
 * Creates a log whose JSON lines carry the field names of the Elastic Common Schema
 * (https://www.elastic.co/docs/reference/ecs), written flat: `log.level`, `http.request.id`.
 */
export function createLog(options: LogOptions): Log {
  const format = options.format ?? (process.stdout.isTTY ? "plain" : "json");
  return format === "json" ? createJsonLog(options) : createPlainLog(options);
}

// What the rooms of ekiben call a thing, and what a search index calls it.
const ECS_NAMES: Readonly<Record<string, string>> = {
  requestId: "http.request.id",
  method: "http.request.method",
  path: "url.path",
  status: "http.response.status_code",
  service: "service.name",
  batchRequests: "ekiben.batch.requests",
};

function toEcs(fields: LogFields): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) {
      named["error.type"] = value.name;
      named["error.message"] = value.message;
      named["error.stack_trace"] = printError(value);
    } else {
      named[ECS_NAMES[key] ?? key] = value;
    }
  }
  return named;
}

/** The stack of an error with those of its causes: the cause is what an author looks for. */
function printError(error: Error): string {
  const parts: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 5 && current !== undefined && current !== null; depth++) {
    const text = current instanceof Error ? (current.stack ?? String(current)) : String(current);
    parts.push(depth === 0 ? text : `caused by: ${text}`);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join("\n");
}

const LEVELS: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  silent: 4,
};

function createJsonLog({ service, version, level = "info", write }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: {
        "service.name": service,
        ...(version === undefined ? {} : { "service.version": version }),
        "process.pid": process.pid,
      },
      messageKey: "message",
      timestamp: () => `,"@timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ "log.level": label }) },
    },
    { write: write ?? createOutputWriter() },
  );
  const wrap = (target: pino.Logger): Log => {
    const at =
      (name: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
        if (fields === undefined) target[name](message);
        else if (target.isLevelEnabled(name)) target[name](toEcs(fields), message);
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => wrap(target.child(toEcs(fields))),
    };
  };
  return wrap(logger);
}

function createPlainLog(options: LogOptions): Log {
  const least = LEVELS[options.level ?? "info"];
  // Looked up at each line: a notebook replaces `process.stdout.write` to show lines in their cell.
  const write = options.write ?? ((line: string) => void process.stdout.write(line));
  const wrap = (own: LogFields): Log => {
    const at = (name: LogLevel) => (message: string, fields?: LogFields) => {
      if (LEVELS[name] >= least) write(printLine(name, message, { ...own, ...fields }));
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => wrap({ ...own, ...fields }),
    };
  };
  return wrap({});
}

function printLine(level: LogLevel, message: string, fields: LogFields): string {
  let line = `${printTime(new Date())} ${level.padEnd(5)} ${quiet(message).replaceAll("\n", " ")}`;
  let stack = "";
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) stack += `\n${printError(value)}`;
    // Programs want an address by itself; a person has read it in the sentence.
    else if (typeof value === "string" && value.length > 7 && message.includes(value)) continue;
    else line += ` ${key}=${printValue(value)}`;
  }
  return `${line}${quiet(stack).replaceAll("\n", "\n    ")}\n`;
}

function printTime(now: Date): string {
  const pad = (value: number, width: number) => String(value).padStart(width, "0");
  const clock = [now.getHours(), now.getMinutes(), now.getSeconds()].map((part) => pad(part, 2));
  return `${clock.join(":")}.${pad(now.getMilliseconds(), 3)}`;
}

/** Characters of an object in a plain line; JSON lines have all of it. */
const MOST_SHOWN = 120;

function printValue(value: unknown): string {
  if (typeof value === "string") return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== "object" || value === null) return String(value);
  try {
    const text = quiet(JSON.stringify(value));
    return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  } catch {
    return quiet(String(value));
  }
}

// A client chooses parts of what is logged: without this it could steer the terminal.
function quiet(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "?");
}
