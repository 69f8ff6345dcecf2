import type { MiddlewareHandler } from "hono";
import { findGuards } from "./guards/guard-facts.js";

interface Operation {
  tags?: string[];
  responses: Record<string, object>;
}

interface Document {
  paths?: Record<string, Record<string, Operation>>;
  components?: Record<string, object>;
}

/** The tags of the routes that stand behind middlewares and answer with problem documents. */
const APIS = ["APIs", "Feedback"];

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
  for (const operations of Object.values(document.paths ?? {})) {
    for (const [method, operation] of Object.entries(operations)) {
      const isApi = operation.tags?.some((tag) => APIS.includes(tag)) === true;
      // Of other protocols only what asks an API stands behind middlewares; probes never do.
      if (!isApi && method !== "post") continue;
      const { content } = (operation.responses["400"] ?? {}) as { content?: object };
      Object.assign(operation, { security: [needed] });
      operation.responses = {
        ...operation.responses,
        401: {
          description: "The request has no credentials that are known here.",
          headers: { "WWW-Authenticate": { schema: { type: "string" } } },
          content: isApi ? { "application/problem+json": { schema: PROBLEM } } : content,
        },
      };
    }
  }
  return made;
}

const PROBLEM = { $ref: "#/components/schemas/Problem" };
