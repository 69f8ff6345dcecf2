/**
 * The catalogue of every error that ekiben raises on purpose. A code is never renamed and never
 * used again for something else; `status` is the HTTP status when the error answers a request.
 */
export const ERROR_CATALOGUE = {
  // What a client sent
  BODY_MALFORMED: { status: 400, title: "The request body cannot be parsed" },
  BODY_TOO_LARGE: { status: 413, title: "The request body is too large" },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: "The content type is not accepted here" },
  INPUT_INVALID: { status: 422, title: "The input does not match the schema" },
  ROUTE_NOT_FOUND: { status: 404, title: "There is no such route" },
  NOT_ACCEPTABLE: { status: 406, title: "The answer is not to be had in this media type" },
  METHOD_NOT_ALLOWED: { status: 405, title: "The route does not accept this method" },
  UNAUTHENTICATED: { status: 401, title: "The request has no credentials that are known here" },
  RATE_LIMITED: { status: 429, title: "The client sends more requests than it may" },
  HOST_NOT_ALLOWED: { status: 421, title: "The server does not answer for this host" },
  ORIGIN_NOT_ALLOWED: { status: 403, title: "Pages of this origin may not ask" },
  REQUEST_REJECTED: { status: 400, title: "The service rejected the request" },
  HTTP_MALFORMED: { status: 400, title: "The request is not valid HTTP" },
  HEADERS_TOO_LARGE: { status: 431, title: "The headers of the request are too large" },
  REQUEST_INCOMPLETE: { status: 408, title: "The request did not arrive in time" },
  CLIENT_CLOSED: { status: 499, title: "The client closed the request" },

  // What the server could not do
  QUEUE_FULL: { status: 503, title: "The queue is full" },
  DEADLINE_UNREACHABLE: { status: 503, title: "The request cannot be answered in time" },
  CONCURRENCY_EXCEEDED: { status: 503, title: "As many requests are in flight as may be" },
  BODY_BUDGET_EXCEEDED: { status: 503, title: "The request bodies under way are too large" },
  SERVER_STARTING: { status: 503, title: "The service is starting" },
  CREDENTIALS_MISSING: { status: 503, title: "The service has no credentials to compare with" },
  SERVER_DRAINING: { status: 503, title: "The server is draining" },
  BODY_NOT_STORED: { status: 507, title: "The request body could not be stored" },
  REQUEST_TIMEOUT: { status: 504, title: "The request took too long" },
  HANDLER_FAILED: { status: 500, title: "The handler failed" },
  OUTPUT_COUNT_MISMATCH: { status: 500, title: "The handler returned the wrong number of outputs" },
  OUTPUT_INVALID: { status: 500, title: "The output does not match its schema" },
  INTERNAL: { status: 500, title: "Internal error" },

  // What the author of a service wrote
  SERVICE_INVALID: { status: 500, title: "The service definition is not valid" },
  SCHEMA_UNSUPPORTED: { status: 500, title: "The schema cannot be used here" },
  SERVICE_SETUP_FAILED: { status: 500, title: "The service could not start" },
  COLUMN_UNKNOWN: { status: 500, title: "There is no such column" },

  // Models
  MODEL_FILE_MISSING: { status: 500, title: "The model file does not exist" },
  MODEL_FILE_INVALID: { status: 500, title: "The file is not a model that can be served" },
  MODEL_MEMORY_EXCEEDED: { status: 500, title: "The model needs more memory than there is" },
  MODEL_INPUT_INVALID: { status: 500, title: "The model cannot take this input" },
  MODEL_RUN_FAILED: { status: 500, title: "The model failed" },
  MODEL_NOT_FOUND: { status: 500, title: "There is no such model" },
  MODEL_EXISTS: { status: 409, title: "The version of the model exists already" },
  MODEL_CORRUPT: { status: 500, title: "The stored model is damaged" },
  MODEL_FLAVOR_UNSUPPORTED: {
    status: 500,
    title: "The registered model cannot be served from here",
  },
  REGISTRY_UNREACHABLE: { status: 500, title: "The model registry does not answer" },
  REGISTRY_REFUSED: { status: 500, title: "The model registry refused a request" },

  // Dev server and notebook
  PORT_IN_USE: { status: 500, title: "The port is in use" },
  DEV_SERVER_STOPPED: { status: 500, title: "The dev server is not running" },
  NOTEBOOK_REQUIRED: { status: 500, title: "This needs the ekiben kernel" },

  // Saving, loading and the store
  CAPTURE_FAILED: { status: 500, title: "The service cannot be saved as it is" },
  BUILD_FAILED: { status: 500, title: "The bundle cannot be built" },
  BUNDLE_NOT_FOUND: { status: 404, title: "There is no such bundle" },
  BUNDLE_EXISTS: { status: 409, title: "The bundle exists already" },
  BUNDLE_CORRUPT: { status: 500, title: "The bundle is damaged" },
  BUNDLE_FORMAT_UNSUPPORTED: { status: 500, title: "The bundle format is not supported" },
  BUNDLE_VERIFY_FAILED: { status: 500, title: "The bundle does not answer as recorded" },
  TAG_INVALID: { status: 400, title: "The tag is not valid" },
  DEPENDENCY_MISSING: { status: 500, title: "A package is not installed" },
  SETTING_INVALID: { status: 400, title: "A setting cannot be used" },
  COMMAND_INVALID: { status: 400, title: "The command cannot be run" },
  KERNEL_FAILED: { status: 500, title: "The kernel failed" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** One thing that is wrong, and where. `row` and `column` are set for tables; rows count from 0. */
export interface Issue {
  message: string;
  path?: string;
  row?: number;
  column?: string;
  expected?: string;
  received?: string;
}

/** The facts of an error; the catalogue supplies its status and title. */
export interface ErrorFacts {
  /** What happened, in one sentence. */
  detail: string;
  /** What to do next, in one sentence. */
  hint?: string;
  expected?: string | number;
  received?: string | number;
  /** The single findings, the first ones when there are many. */
  issues?: readonly Issue[];
  /** How many findings there are when `issues` holds only the first ones. */
  issueCount?: number;
  /** Seconds after which a client may try again. */
  retryAfter?: number;
  /** How to authenticate: what `WWW-Authenticate` says of a refused request. */
  challenge?: string;
  /** Further headers of the answer. */
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** An error of the catalogue: `code` is stable, `detail` and `hint` are for people. */
export class EkibenError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts) {
    const hint = facts.hint === undefined ? "" : ` ${facts.hint}`;
    super(`${facts.detail}${hint}`, facts.cause === undefined ? undefined : { cause: facts.cause });
    // As Node's own errors have it, so that a cell and a log show the code.
    this.name = `EkibenError [${code}]`;
    this.code = code;
    this.status = ERROR_CATALOGUE[code].status;
    this.facts = facts;
  }

  /** What a cell or a terminal prints: the findings in place of the fields that repeat the text. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const stack = this.stack ?? String(this);
    const head = String(this);
    const rest = stack.startsWith(head) ? stack.slice(head.length) : stack.replace(/^[^\n]*/, "");
    return [head, ...listIssues(this.facts)].join("\n") + rest;
  }
}

const MOST_PRINTED = 8;

function listIssues({ issues = [], issueCount = issues.length }: ErrorFacts): string[] {
  if (issues.length < 2) return [];
  const lines = issues.slice(0, MOST_PRINTED).map(({ row, column, path, message }) => {
    const place = [row === undefined ? "" : `row ${row}`, column ?? path ?? ""].filter(Boolean);
    return `  ${place.length === 0 ? "" : `${place.join(", ")}: `}${message}`;
  });
  const more = issueCount - lines.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

/** A problem document as RFC 9457 describes it, as plain data. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  hint?: string;
  expected?: string | number;
  received?: string | number;
  issues?: readonly Issue[];
  issueCount?: number;
  requestId?: string;
}

const HIDDEN: ReadonlySet<ErrorCode> = new Set([
  "INTERNAL",
  "CREDENTIALS_MISSING",
  "HANDLER_FAILED",
  "MODEL_RUN_FAILED",
  "MODEL_INPUT_INVALID",
  "MODEL_FILE_INVALID",
  "MODEL_FILE_MISSING",
  "MODEL_MEMORY_EXCEEDED",
  "MODEL_NOT_FOUND",
  "MODEL_EXISTS",
  "MODEL_CORRUPT",
  "MODEL_FLAVOR_UNSUPPORTED",
  "REGISTRY_UNREACHABLE",
  "REGISTRY_REFUSED",
  "SERVICE_SETUP_FAILED",
  "COLUMN_UNKNOWN",
  "OUTPUT_INVALID",
]);

/**
 * The problem document that answers a request. What is not of the catalogue, and what tells of the
 * inside of a service, becomes a bare code unless `reveal` is set, as it is in the notebook.
 */
export function toProblem(error: unknown, requestId?: string, reveal = false): Problem {
  const known = error instanceof EkibenError ? error : undefined;
  const code = known?.code ?? "INTERNAL";
  const { status, title } = ERROR_CATALOGUE[code];
  const problem: Problem = {
    type: `urn:ekiben:error:${code}`,
    title,
    status,
    code,
    detail: title,
  };
  if (known !== undefined && (reveal || !HIDDEN.has(code))) {
    const { detail, hint, expected, received, issues, issueCount } = known.facts;
    problem.detail = detail;
    if (hint !== undefined) problem.hint = hint;
    if (expected !== undefined) problem.expected = expected;
    if (received !== undefined) problem.received = received;
    if (issues !== undefined) problem.issues = issues;
    if (issueCount !== undefined) problem.issueCount = issueCount;
  } else if (reveal && error instanceof Error) {
    problem.detail = error.message;
  } else {
    problem.detail = `${title}. The log of the server has the reason under this request id.`;
  }
  if (requestId !== undefined) problem.requestId = requestId;
  return problem;
}
