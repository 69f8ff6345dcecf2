import { EkibenError, toProblem, type Problem } from "../core/errors.js";
import type { BurstLog } from "../observability/burst-log.js";
import type { Log } from "../observability/log.js";

export const PROBLEM_TYPE = "application/problem+json";

/** What decides how much an error tells, and where it is written down. */
export interface ProblemOptions {
  mode: "development" | "production";
  log: Log;
  /** Takes refusals under load. @default each is a line of `log` */
  bursts?: BurstLog;
}

/** Statuses that may come by the thousand when there is too much to do. */
const UNDER_LOAD: ReadonlySet<number> = new Set([429, 503, 504]);

/**
 * What answers a failed request: a problem document (RFC 9457) as status, headers and body. What
 * failed inside of the service goes to the log under the id of the request.
 */
export function toProblemAnswer(
  error: unknown,
  requestId: string,
  options: ProblemOptions,
): { status: number; headers: Record<string, string>; body: string } {
  const thrown = toHttpException(error);
  const problem =
    thrown === undefined
      ? toProblem(error, requestId, options.mode === "development")
      : fromHttpException(thrown, requestId);
  const headers = thrown === undefined ? {} : headersOf(thrown);
  headers["content-type"] = PROBLEM_TYPE;
  // It may repeat what was sent, and is of this moment.
  headers["x-content-type-options"] = "nosniff";
  headers["cache-control"] = "no-store";
  headers["x-request-id"] = requestId;
  const retryAfter = error instanceof EkibenError ? error.facts.retryAfter : undefined;
  // The header counts whole seconds (RFC 9110, 10.2.3); 0 would ask for an immediate second try.
  if (retryAfter !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfter)));
  const challenge = error instanceof EkibenError ? error.facts.challenge : undefined;
  if (challenge !== undefined) headers["www-authenticate"] = challenge;
  if (error instanceof EkibenError) Object.assign(headers, error.facts.headers);
  // The rest of the request may come at any time, or never.
  if (problem.code === "REQUEST_INCOMPLETE") headers["connection"] = "close";
  writeDown(error, problem, requestId, options);
  return { status: problem.status, headers, body: JSON.stringify(problem) };
}

export function toProblemResponse(
  error: unknown,
  requestId: string,
  options: ProblemOptions,
): Response {
  const { status, headers, body } = toProblemAnswer(error, requestId, options);
  return new Response(body, { status, headers });
}

function writeDown(
  error: unknown,
  problem: Problem,
  requestId: string,
  { log, bursts }: ProblemOptions,
): void {
  const { status, code } = problem;
  const fields = { requestId, status, code };
  if (UNDER_LOAD.has(status)) {
    // 504 comes from a request that was taken; the others are refused before any work is done.
    const message = status === 504 ? "request timed out" : "request refused";
    const own = { requestId, detail: problem.detail };
    if (bursts === undefined) log.warn(message, { status, code, ...own });
    else bursts.warn(message, { status, code }, own);
  } else if (status < 500) log.debug("request refused", { ...fields, detail: problem.detail });
  else {
    const cause = error instanceof Error ? error : new Error(String(error), { cause: error });
    log.error("request failed", { ...fields, error: cause });
  }
}

/** Hono's way of throwing an answer; known by its shape, as a notebook may hold a Hono of its own. */
interface HttpException extends Error {
  status: number;
  getResponse(): Response;
}

function toHttpException(error: unknown): HttpException | undefined {
  return error instanceof Error && "getResponse" in error && "status" in error
    ? (error as HttpException)
    : undefined;
}

function fromHttpException({ status, message }: HttpException, requestId: string): Problem {
  const code = "REQUEST_REJECTED";
  const title = "The service rejected the request";
  const detail = message === "" ? `${title}.` : message;
  return { type: `urn:ekiben:error:${code}`, title, status, code, detail, requestId };
}

// Such as WWW-Authenticate, without which a client cannot know how to authenticate.
function headersOf(exception: HttpException): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of exception.getResponse().headers) {
    if (name !== "content-type" && name !== "content-length") headers[name] = value;
  }
  return headers;
}
