import type { Problem } from "../core/errors.js";
import { ClientError, type ClientErrorFacts } from "./client-error.js";

const MOST_SHOWN = 200;
const MOST_READ = 1024 * 1024;

/** What an answer with a status of an error says. */
export async function readFailure(response: Response, requestId: string): Promise<ClientError> {
  const { status, headers } = response;
  const text = (await response.text()).slice(0, MOST_READ);
  const retryAfter = readRetryAfter(headers.get("retry-after"));
  const facts = {
    status,
    requestId: headers.get("x-request-id") ?? requestId,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
  const body = parse(text);
  if (isProblem(body)) return fromProblem(body, facts);
  if (body === undefined) return refuseAnswer(response, text, facts);
  return new ClientError("REQUEST_REJECTED", {
    ...facts,
    detail: `The service answered ${status}: ${text.slice(0, MOST_SHOWN)}`,
    received: status,
    body,
  });
}

/** Whether a JSON value is a problem document of a service. */
export function isProblem(value: unknown): value is Problem {
  return String((value as Partial<Problem> | null)?.type).startsWith("urn:ekiben:error:");
}

type Known = Pick<ClientErrorFacts, "status" | "requestId" | "retryAfter">;

export function fromProblem(problem: Problem, known: Known): ClientError {
  const {
    code = "INTERNAL",
    title,
    detail,
    hint,
    expected,
    received,
    issues,
    issueCount,
  } = problem;
  return new ClientError(code, {
    status: problem.status,
    ...known,
    requestId: problem.requestId ?? known.requestId,
    detail: detail ?? title ?? code,
    hint,
    expected,
    received,
    issues,
    issueCount,
  });
}

/** An answer that no service of ekiben gives: something on the way has answered in its place. */
export function refuseAnswer(
  { status, statusText, headers }: Response,
  text: string,
  facts: Known,
): ClientError {
  const type = headers.get("content-type") ?? "no content type";
  const shown = text.trim().slice(0, MOST_SHOWN);
  const line = `${status}${statusText === "" ? "" : ` ${statusText}`}`;
  return new ClientError("ANSWER_INVALID", {
    ...facts,
    detail: `The answer is not one of the service: ${line} with ${type}${shown === "" ? " and no body" : `: ${shown}`}`,
    hint: "Look for a proxy or gateway on the way, and check the address of the service.",
    received: shown,
  });
}

/** Seconds, from a number of them or a date (RFC 9110, 10.2.3). */
function readRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - Date.now()) / 1000);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
