import type { MiddlewareHandler } from "hono";
import { findGuards } from "./guards/guard-facts.js";
import { findGuarded, type Document } from "./openapi-guarded.js";
import { PROBLEM_CONTENT } from "./openapi-problems.js";

/**
 * Says in a document which credentials the APIs ask for, so that the page has a field for them: all
 * guards have to let a request pass.
 */
export function addSecurity<Made extends object>(
  made: Made,
  middleware: readonly MiddlewareHandler[],
): Made {
  const guards = findGuards(middleware);
  if (guards.length === 0) return made;
  const document = made as Document;
  const schemes: Record<string, object> = {};
  for (const { scheme } of guards) {
    let name = scheme.name;
    for (let count = 2; name in schemes; count++) name = `${scheme.name}${count}`;
    schemes[name] = scheme.object;
  }
  document.components = { ...document.components, securitySchemes: schemes };
  const needed = Object.fromEntries(Object.keys(schemes).map((name) => [name, []]));
  for (const { operation, ownForm } of findGuarded(document)) {
    Object.assign(operation, { security: [needed] });
    operation.responses = {
      ...operation.responses,
      401: {
        description: "The request has no credentials that are known here.",
        headers: { "WWW-Authenticate": { schema: { type: "string" } } },
        content: ownForm ?? PROBLEM_CONTENT,
      },
    };
  }
  return made;
}
