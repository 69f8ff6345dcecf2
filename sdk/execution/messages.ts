import { EkibenError, ERROR_CATALOGUE, type ErrorCode, type ErrorFacts } from "../core/errors.js";
import { isRejection, Rejection } from "../core/rejection.js";

/** What a thread gets when it is made. */
export interface ThreadData {
  /** Two words of shared memory, see `flags.ts`. */
  flags: Int32Array;
  /** The folder of the bundle that is served. */
  bundle: string | undefined;
}

/** To a thread. First one `open`, then one job at a time, at last `close`. */
export type ToThread =
  | { kind: "open"; engine: string; source: unknown }
  | { kind: "run"; job: unknown }
  | { kind: "close" };

/** From a thread: one answer to each of what it got; it ends after `close` without one. */
export type FromThread =
  | { kind: "opened"; facts: unknown; source: unknown }
  | { kind: "answered"; answer: unknown }
  | { kind: "failed"; error: SentError };

/** An error as plain data: a class does not survive the way between threads. */
export type SentError =
  | { is: "ekiben"; code: ErrorCode; facts: ErrorFacts; cause?: SentError; stack?: string }
  | { is: "rejection"; status: number; body: unknown }
  | { is: "error"; name: string; message: string; code?: string; cause?: SentError; stack?: string }
  | { is: "value"; text: string };

/** Deeper than errors are caused; a chain may lead back to itself. */
const MOST_CAUSES = 8;

export function toSentError(error: unknown, depth = 0): SentError {
  if (isRejection(error)) return { is: "rejection", status: error.status, body: error.body };
  if (!(error instanceof Error)) return { is: "value", text: String(error) };
  const cause =
    error.cause === undefined || depth === MOST_CAUSES
      ? {}
      : { cause: toSentError(error.cause, depth + 1) };
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && code in ERROR_CATALOGUE && "facts" in error) {
    const { cause: _, ...facts } = error.facts as ErrorFacts;
    return { is: "ekiben", code: code as ErrorCode, facts, ...cause, ...stack };
  }
  return {
    is: "error",
    name: error.name,
    message: error.message,
    ...(typeof code === "string" && { code }),
    ...cause,
    ...stack,
  };
}

/** The error as whoever called gets it, with the stack of the thread that threw it. */
export function fromSentError(sent: SentError): unknown {
  if (sent.is === "value") return sent.text;
  if (sent.is === "rejection") return new Rejection(sent.status, sent.body);
  const cause = sent.cause === undefined ? undefined : fromSentError(sent.cause);
  let error: Error;
  if (sent.is === "ekiben") {
    error = new EkibenError(sent.code, { ...sent.facts, ...(cause !== undefined && { cause }) });
  } else {
    error = new Error(sent.message, cause === undefined ? undefined : { cause });
    Object.defineProperty(error, "name", { value: sent.name, configurable: true, writable: true });
    if (sent.code !== undefined) Object.assign(error, { code: sent.code });
  }
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}
