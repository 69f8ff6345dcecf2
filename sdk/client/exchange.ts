import { ClientError, type ClientErrorFacts } from "./client-error.js";
import type { Deadline, WaitingClock } from "./deadline.js";
import type { BodyContent } from "./encoded-body.js";
import { readFailure } from "./read-problem.js";
import { isStream } from "./encoded-body.js";
import { maySendAgain, toDelay, type Replay } from "./retry.js";

/** What a client does to the world. */
export interface Effects {
  clock: WaitingClock;
  /** From 0 to 1. */
  random(): number;
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** One request and how its answer is read; it may be sent several times. */
export interface Exchange<T> extends Replay {
  url: string;
  method: string;
  headers: Readonly<Record<string, string>>;
  content?: BodyContent;
  requestId: string;
  retries: number;
  deadline: Deadline;
  /** Whether the service is told how long the caller waits. */
  announce: boolean;
  /** @throws ClientError; what else it throws is a broken connection */
  read(response: Response, attempt: number): Promise<T>;
}

/** Sends a request until it is answered, or may not be sent again. @throws ClientError */
export async function exchange<T>(request: Exchange<T>, effects: Effects): Promise<T> {
  const { deadline } = request;
  for (let attempt = 1; ; attempt++) {
    if (deadline.ended !== undefined) {
      throw Object.assign(toEnd(request), { attempts: attempt - 1 });
    }
    const failed = await tryOnce(request, attempt, effects);
    if ("answer" in failed) return failed.answer;
    const { error } = failed;
    error.attempts = attempt;
    if (attempt > request.retries || !maySendAgain(error, request)) throw error;
    const delay = toDelay(error, attempt, effects.random());
    if (delay >= deadline.remainingMs) throw error;
    await deadline.sleep(delay);
  }
}

async function tryOnce<T>(
  request: Exchange<T>,
  attempt: number,
  { fetch }: Effects,
): Promise<{ answer: T } | { error: ClientError }> {
  const { url, requestId } = request;
  let status: number | undefined;
  try {
    const response = await fetch(url, toInit(request));
    status = response.status;
    if (!response.ok) return { error: await readFailure(response, requestId) };
    return { answer: await request.read(response, attempt) };
  } catch (error) {
    if (error instanceof ClientError) return { error };
    return { error: toNetworkError(error, request, status) };
  }
}

function toInit({
  method,
  headers,
  content,
  requestId,
  deadline,
  announce,
}: Exchange<unknown>): RequestInit {
  const init: RequestInit = {
    method,
    headers: {
      ...headers,
      "x-request-id": requestId,
      ...(announce
        ? { "x-request-timeout-ms": String(Math.max(1, Math.floor(deadline.remainingMs))) }
        : {}),
    },
    signal: deadline.signal,
  };
  if (content === undefined) return init;
  const body = content as NonNullable<RequestInit["body"]>;
  // What streams its body has to say that it does not read the answer meanwhile (Fetch standard).
  return isStream(content) ? ({ ...init, body, duplex: "half" } as RequestInit) : { ...init, body };
}

/** Why nobody waits any more. */
export function toEnd({
  deadline,
  requestId,
}: Pick<Exchange<unknown>, "deadline" | "requestId">): ClientError {
  return deadline.ended === "timed out"
    ? new ClientError("TIMED_OUT", {
        requestId,
        detail: "The call was not answered in time.",
        hint: "Raise `timeoutMs`, or send fewer items.",
      })
    : new ClientError("ABORTED", {
        requestId,
        detail: "The call was aborted by its signal.",
        cause: deadline.reason,
      });
}

/** Codes of Node and of its fetch for connections that were never made. */
const NOT_CONNECTED: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/**
 * What a failed `fetch` means. Browsers do not tell why: there the request may have been handled.
 */
export function toNetworkError(
  cause: unknown,
  request: Pick<Exchange<unknown>, "url" | "deadline" | "requestId">,
  status?: number,
): ClientError {
  const { url, deadline, requestId } = request;
  if (deadline.ended !== undefined) return toEnd(request);
  const inner = (cause as { cause?: { code?: unknown; message?: unknown } } | null)?.cause;
  const facts: Pick<ClientErrorFacts, "requestId" | "cause" | "status"> = {
    requestId,
    cause,
    ...(status === undefined ? {} : { status }),
  };
  const reason = String(inner?.code ?? inner?.message ?? (cause as Error | null)?.message ?? cause);
  const address = toAddress(url);
  if (NOT_CONNECTED.has(inner?.code)) {
    return new ClientError("CONNECTION_FAILED", {
      ...facts,
      detail: `No connection to ${address} (${reason}).`,
      hint: "Check that the service runs and that its address is right.",
    });
  }
  return new ClientError("CONNECTION_LOST", {
    ...facts,
    detail: `No complete answer came from ${address} (${reason}).`,
    hint: "The service may have handled the request.",
  });
}

/** Addresses in messages have no query, which may hold what is not for logs. */
function toAddress(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
