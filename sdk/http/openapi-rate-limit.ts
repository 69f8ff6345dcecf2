import type { MiddlewareHandler } from "hono";
import { limitsClients } from "./guards/rate-limit.js";
import { findGuarded, type Document } from "./openapi-guarded.js";
import { toProblemComponent } from "./openapi-problems.js";

const NAME = "TooManyRequests";

/** draft-ietf-httpapi-ratelimit-headers-10 */
const HEADERS = {
  RateLimit: {
    description: "How many requests are left (`r`), and the seconds until all are (`t`)",
    schema: { type: "string" },
    example: '"default";r=99;t=1',
  },
  "RateLimit-Policy": {
    description: "How many requests a client has (`q`) in so many seconds (`w`)",
    schema: { type: "string" },
    example: '"default";q=100;w=60',
  },
};

/** Says in a document that `rateLimit()` stands in front of the APIs: its headers and its 429. */
export function addRateLimit<Made extends object>(
  made: Made,
  middleware: readonly MiddlewareHandler[],
): Made {
  if (!limitsClients(middleware)) return made;
  const document = made as Document;
  const refusal = toProblemComponent({
    description: "The client has sent too many requests; try again later.",
    code: "RATE_LIMITED",
    facts: {
      detail: "More than 100 requests in 60 s came from this client.",
      hint: "Send the next one in 0.6 s, as `Retry-After` says.",
      expected: 100,
      retryAfter: 0.6,
    },
  });
  const limited = { ...refusal, headers: { ...refusal.headers, ...HEADERS } };
  const responses = { ...document.components?.responses, [NAME]: limited };
  document.components = { ...document.components, responses };
  for (const { operation, ownForm } of findGuarded(document)) {
    operation.responses = {
      ...Object.fromEntries(
        Object.entries(operation.responses).map(([status, response]) => [
          status,
          status.startsWith("2")
            ? { ...response, headers: { ...response.headers, ...HEADERS } }
            : response,
        ]),
      ),
      429: (ownForm === undefined
        ? { $ref: `#/components/responses/${NAME}` }
        : { ...limited, content: ownForm }) as object,
    };
  }
  return made;
}
