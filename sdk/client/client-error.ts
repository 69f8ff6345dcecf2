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
  /** The HTTP status of the answer, if there was one. */
  declare readonly status?: number;
  readonly detail: string;
  declare readonly hint?: string;
  declare readonly expected?: string | number;
  declare readonly received?: string | number;
  readonly issues: readonly Issue[];
  readonly issueCount: number;
  /** The id of the request in the log of the service, also when no answer came. */
  declare readonly requestId?: string;
  /** Seconds after which the service wants to be asked again. */
  declare readonly retryAfter?: number;
  /** The JSON of an answer that is no problem document, such as the service's own `reject()`. */
  declare readonly body?: unknown;
  /** How often the request was sent. */
  attempts = 0;

  constructor(code: ClientErrorCode, facts: ClientErrorFacts) {
    const { detail, cause, issues = [], issueCount = issues.length, ...others } = facts;
    const message = facts.hint === undefined ? detail : `${detail} ${facts.hint}`;
    super(message, cause === undefined ? undefined : { cause });
    this.name = `ClientError [${code}]`;
    this.code = code;
    this.detail = detail;
    this.issues = issues;
    this.issueCount = issueCount;
    // What is not known is not there, or a log would show it as undefined.
    for (const [key, value] of Object.entries(others)) {
      if (value !== undefined) Object.assign(this, { [key]: value });
    }
  }
}

export function refuseCall(detail: string, hint?: string): ClientError {
  return new ClientError("CALL_INVALID", { detail, ...(hint === undefined ? {} : { hint }) });
}
