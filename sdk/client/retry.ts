import type { ClientError } from "./client-error.js";

/** What decides whether a request may be sent again. */
export interface Replay {
  /** Whether its body can be sent a second time. */
  replayable: boolean;
  /** Whether the caller says that handling it twice does no harm. */
  idempotent: boolean;
  /** Whether its items fit into one batch; otherwise some may have been handled when others were refused. */
  whole: boolean;
}

const FIRST_WINDOW_MS = 100;
const LONGEST_WINDOW_MS = 5000;

/** Refused before a handler, as a whole. */
const BEFORE: ReadonlySet<string> = new Set([
  "CONNECTION_FAILED",
  "REQUEST_INCOMPLETE",
  "SERVER_STARTING",
  "SERVER_DRAINING",
]);
/** Refused before a handler, item by item. */
const BEFORE_BATCH: ReadonlySet<string> = new Set(["QUEUE_FULL", "DEADLINE_UNREACHABLE"]);
/** The service may have handled the request. */
const PERHAPS_HANDLED: ReadonlySet<number | undefined> = new Set([500, 502, 503, 504]);

/** Whether sending a request again cannot make the service handle it twice, or may. */
export function maySendAgain({ code, status }: ClientError, replay: Replay): boolean {
  if (!replay.replayable) return false;
  if (BEFORE.has(code) || status === 429) return true;
  if (BEFORE_BATCH.has(code) && replay.whole) return true;
  return replay.idempotent && (code === "CONNECTION_LOST" || PERHAPS_HANDLED.has(status));
}

/**
 * Milliseconds until the next try: exponential backoff with full jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), after what the service
 * asks for.
 * @param attempt the number of tries so far
 * @param random from 0 to 1
 */
export function toDelay({ retryAfter = 0 }: ClientError, attempt: number, random: number): number {
  const window = Math.min(LONGEST_WINDOW_MS, FIRST_WINDOW_MS * 2 ** (attempt - 1));
  return retryAfter * 1000 + random * window;
}
