import type { ErrorCode, Issue } from "../core/errors.js";

/** What a client finds itself; every other code is one that the service has answered. */
export const CLIENT_CODES = [
  "CONNECTION_FAILED",
  "CONNECTION_LOST",
  "TIMED_OUT",
  "ABORTED",
  "ANSWER_INVALID",
  "CALL_INVALID",
] as const;

export type ClientCode = (typeof CLIENT_CODES)[number];

/** A newer service may answer codes that this version does not know. */
export type ClientErrorCode = ErrorCode | ClientCode | (string & {});

export interface ClientErrorFacts {
  /** What happened, in one sentence. */
  detail: string;
  hint?: string;
  /** The status of the answer; absent when there was none. */
  status?: number;
  expected?: string | number;
  received?: string | number;
  /** The single findings, the first ones when there are many. */
  issues?: readonly Issue[];
  issueCount?: number;
  requestId?: string;
  /** Seconds after which the service wants to be asked again. */
  retryAfter?: number;
  /** The JSON of an answer that is no problem document, such as the service's own `reject()`. */
  body?: unknown;
  cause?: unknown;
}

/** A call that was not answered as it should be: `code` is stable, `detail` and `hint` are for people. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly status: number | undefined;
  readonly detail: string;
  readonly hint: string | undefined;
  readonly expected: string | number | undefined;
  readonly received: string | number | undefined;
  readonly issues: readonly Issue[];
  readonly issueCount: number;
  /** The id of the request in the log of the service, also when no answer came. */
  readonly requestId: string | undefined;
  readonly retryAfter: number | undefined;
  readonly body: unknown;
  /** How often the request was sent. */
  attempts = 0;

  constructor(code: ClientErrorCode, facts: ClientErrorFacts) {
    const { detail, hint, cause, issues = [] } = facts;
    super(
      hint === undefined ? detail : `${detail} ${hint}`,
      cause === undefined ? undefined : { cause },
    );
    this.name = `ClientError [${code}]`;
    this.code = code;
    this.status = facts.status;
    this.detail = detail;
    this.hint = hint;
    this.expected = facts.expected;
    this.received = facts.received;
    this.issues = issues;
    this.issueCount = facts.issueCount ?? issues.length;
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
    this.body = facts.body;
  }
}

export function refuseCall(detail: string, hint?: string): ClientError {
  return new ClientError("CALL_INVALID", { detail, ...(hint === undefined ? {} : { hint }) });
}
