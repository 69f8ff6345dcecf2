import { ERROR_CATALOGUE, EkibenError, toProblem, type ErrorCode } from "../core/errors.js";
import type { ErrorFacts } from "../core/errors.js";
import type { ApiDefinition } from "../service/definition.js";
import type { Registry } from "./openapi.js";
import { PROBLEM_TYPE } from "./problem-response.js";

interface DocumentedProblem {
  description: string;
  code: ErrorCode;
  /** Those of the example. */
  facts: ErrorFacts;
}

/** With the name of the response among the components. */
interface NamedProblem extends DocumentedProblem {
  name: string;
}

/** Each status that an API answers with when it does not answer with outputs. */
const PROBLEMS: Readonly<Record<number, NamedProblem>> = {
  400: {
    name: "BodyMalformed",
    description: "The body cannot be parsed, or the service rejected the request.",
    code: "BODY_MALFORMED",
    facts: {
      detail: "The body is not JSON: it ends after 17 bytes.",
      hint: "Check that the body is complete.",
    },
  },
  406: {
    name: "NotAcceptable",
    description: "The answer is not to be had in a media type that the Accept header names.",
    code: "NOT_ACCEPTABLE",
    facts: {
      detail: "The answer is not to be had as application/xml.",
      expected: "application/json",
      received: "application/xml",
    },
  },
  413: {
    name: "BodyTooLarge",
    description: "The body is too large, as it is sent or unpacked.",
    code: "BODY_TOO_LARGE",
    facts: {
      detail: "The body has more than the 33554432 bytes that are accepted here.",
      expected: 33_554_432,
      received: 209_715_200,
    },
  },
  415: {
    name: "MediaTypeUnsupported",
    description: "The Content-Type or the Content-Encoding is not accepted here.",
    code: "MEDIA_TYPE_UNSUPPORTED",
    facts: {
      detail: "The content type application/xml is not accepted here.",
      expected: "application/json",
      received: "application/xml",
    },
  },
  422: {
    name: "InputInvalid",
    description: "The request was parsed, but does not match the schema.",
    code: "INPUT_INVALID",
    facts: {
      detail:
        '1 of 3 rows are not valid; first: row 0, column "age": expected number, received string "old".',
      issues: [
        {
          message: 'expected number, received string "old"',
          row: 0,
          column: "age",
          expected: "number",
          received: 'string "old"',
        },
      ],
      issueCount: 1,
    },
  },
  500: {
    name: "Failed",
    description: "The service failed; the log has the reason under the id of the request.",
    code: "HANDLER_FAILED",
    facts: { detail: "The handler failed." },
  },
  503: {
    name: "Unavailable",
    description: "The service is overloaded, starting or draining; try again later.",
    code: "QUEUE_FULL",
    facts: { detail: "10000 items are waiting already.", retryAfter: 1 },
  },
  504: {
    name: "Timeout",
    description: "The request took longer than its time limit.",
    code: "REQUEST_TIMEOUT",
    facts: { detail: "The API did not answer within 60000 ms." },
  },
  507: {
    name: "NotStored",
    description: "The body is a large file, and there is no room for it.",
    code: "BODY_NOT_STORED",
    facts: { detail: "The file could not be written to the disk." },
  },
};

/** The references to what `addProblems` has registered, by status: those that an API can answer with. */
export function problemResponses(api: ApiDefinition): Record<number, { $ref: string }> {
  const { method, input, params, query } = api;
  const hasBody = method === "POST";
  const isValidated = input.kind !== "none" || params !== undefined || query !== undefined;
  const statuses: Readonly<Record<number, boolean>> = {
    400: hasBody,
    406: true,
    413: hasBody,
    415: hasBody,
    422: isValidated,
    500: true,
    503: true,
    504: true,
    507: input.parseStream !== undefined,
  };
  return referToProblems((status) => statuses[status] === true);
}

/** The references to those of the problems that `addProblems` has registered. */
export function referToProblems(
  isWanted: (status: number) => boolean,
): Record<number, { $ref: string }> {
  return Object.fromEntries(
    Object.entries(PROBLEMS)
      .filter(([status]) => isWanted(Number(status)))
      .map(([status, { name }]) => [status, { $ref: `#/components/responses/${name}` }]),
  );
}

export function addProblems(registry: Registry): void {
  registry.registerComponent("schemas", "Problem", PROBLEM_SCHEMA);
  registry.registerComponent("schemas", "Issue", ISSUE_SCHEMA);
  for (const { name, ...problem } of Object.values(PROBLEMS)) {
    registry.registerComponent("responses", name, toProblemComponent(problem));
  }
}

/** A response that is a problem document, with an example. */
export function toProblemComponent({ description, code, facts }: DocumentedProblem) {
  const example = toProblem(new EkibenError(code, facts), "f3f5c1de-7f0c-4b3e-9f43-2a86a4ad2a1b");
  const content = PROBLEM_CONTENT[PROBLEM_TYPE];
  return {
    description,
    headers: {
      "X-Request-Id": { $ref: "#/components/headers/RequestId" },
      ...(facts.retryAfter === undefined ? {} : { "Retry-After": RETRY_AFTER }),
    },
    content: { [PROBLEM_TYPE]: { ...content, example } },
  };
}

/** The content of a refusal that has no example of its own. */
export const PROBLEM_CONTENT = {
  [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } },
};

const RETRY_AFTER = {
  description: "Seconds after which to try again",
  schema: { type: "integer" as const, minimum: 1 },
};

const ISSUE_SCHEMA = {
  type: "object" as const,
  description: "One thing that is wrong, and where",
  required: ["message"],
  properties: {
    message: { type: "string" as const },
    path: { type: "string" as const },
    row: { type: "integer" as const, minimum: 0, description: "Counts from 0" },
    column: { type: "string" as const },
    expected: { type: "string" as const },
    received: { type: "string" as const },
  },
};

const TEXT_OR_NUMBER = { type: ["string" as const, "number" as const] };

const PROBLEM_SCHEMA = {
  type: "object" as const,
  description: "A problem document (RFC 9457)",
  required: ["type", "title", "status", "code", "detail"],
  properties: {
    type: { type: "string" as const, format: "uri" },
    title: { type: "string" as const },
    status: { type: "integer" as const, minimum: 400, maximum: 599 },
    code: { type: "string" as const, enum: Object.keys(ERROR_CATALOGUE) },
    detail: { type: "string" as const },
    hint: { type: "string" as const, description: "What to do next" },
    expected: TEXT_OR_NUMBER,
    received: TEXT_OR_NUMBER,
    issues: { type: "array" as const, items: { $ref: "#/components/schemas/Issue" } },
    issueCount: { type: "integer" as const, description: "All findings; `issues` has the first" },
    requestId: { type: "string" as const },
  },
};
