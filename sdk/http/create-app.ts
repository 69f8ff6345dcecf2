import { Hono, type Context } from "hono";
import { createBurstLog } from "../observability/burst-log.js";
import { EkibenError } from "../core/errors.js";
import type { QueueFacts } from "../observability/batch-metrics.js";
import type { ServiceDefinition } from "../service/definition.js";
import type { Runtime } from "../service/runtime.js";
import type { AppOptions } from "./app-options.js";
import { mountDocs } from "./docs.js";
import { createEndpoint } from "./endpoint.js";
import { mountFeedback } from "./feedback.js";
import { logAccess, record, REFUSE, type Refuse } from "./entry.js";
import { findGuards } from "./guards/guard-facts.js";
import { mountApis } from "./mount-apis.js";
import { createNodeHandler, NODE_HANDLER } from "./node-handler.js";
import { findProblemForm, mountProtocols } from "./protocols/mount-protocols.js";
import { toDressed } from "./protocols/protocol-route.js";
import { toHealth, toMetadata, toReadiness } from "./probes.js";
import { toProblemResponse } from "./problem-response.js";
import { toRequestId } from "./request-id.js";
import { beginTrace, type Traced } from "./request-trace.js";

/**
 * Makes the Hono app of a service: its APIs, the page, the OpenAPI document, probes and metrics.
 * The author's middlewares stand in front of the APIs only.
 */
export function createApp(runtime: Runtime, given: AppOptions): Hono {
  const options = { ...given, bursts: given.bursts ?? createBurstLog(given.log) };
  const app = new Hono();
  const { definition } = runtime;

  const endpoints = Object.keys(definition.apis).map((name) =>
    createEndpoint(runtime, name, options),
  );
  // Told now: at the first request whoever started the service looks elsewhere.
  for (const guard of findGuards(definition.middleware)) {
    const fault = guard.findFault();
    if (fault !== undefined) options.log.error(`every request will be refused: ${fault}`);
  }
  mountApis(app, endpoints, definition.middleware, options);

  Object.defineProperty(app, NODE_HANDLER, {
    value: createNodeHandler(endpoints, options),
  });

  const probe = (path: string, answer: (c: Context) => Response | Promise<Response>): void => {
    app.get(path, options.logProbes === true ? withAccess(path, answer, options) : answer);
  };
  probe("/livez", (c) => toJson(c, 200, { status: "live" }));
  probe("/readyz", (c) => {
    const { status, body } = toReadiness(runtime);
    const workers = options.workers?.();
    return toJson(c, status, workers === undefined ? body : { ...body, workers });
  });
  probe("/healthz", (c) => {
    const { status, body } = toHealth(runtime);
    return toJson(c, status, body);
  });
  probe("/metadata", (c) => toJson(c, 200, toMetadata(runtime, options)));
  const { serviceMetrics } = options;
  if (serviceMetrics !== undefined) {
    serviceMetrics.watchQueues(() => listQueues(runtime));
    serviceMetrics.watchBodies(runtime.inFlight);
    probe("/metrics", async (c) =>
      toText(c, serviceMetrics.contentType, await serviceMetrics.text()),
    );
  }
  mountFeedback(app, definition, options);
  mountProtocols(app, runtime, endpoints, options);
  mountDocs(app, runtime, options);

  app.notFound((c) => {
    const response = answerUnmatched(app, c, definition, options);
    const form = findProblemForm(c.req.path, definition.protocols);
    return form === undefined || response.body === null ? response : toDressed(response, form);
  });
  app.onError(async (error, c: Context) => {
    const refuse = c.get(REFUSE) as Refuse | undefined;
    if (refuse === undefined && (error as { code?: unknown }).code === "RATE_LIMITED") {
      options.serviceMetrics?.observer.shed("protocols", "rate-limit");
    }
    return (await refuse?.(error, c)) ?? toProblemResponse(error, requestIdOf(c), options);
  });
  return app;
}

/** The queues of all APIs that batch, as they are now. */
function* listQueues(runtime: Runtime): Generator<QueueFacts> {
  for (const [api, one] of runtime.apis) {
    const stats = one.stats();
    if (stats !== undefined) yield { api, ...stats };
  }
}

/** An answer that the access log has, and no metric counts. */
function withAccess(
  path: string,
  answer: (c: Context) => Response | Promise<Response>,
  options: AppOptions,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const began = performance.now();
    const response = await answer(c);
    const id = response.headers.get("x-request-id") ?? requestIdOf(c);
    const { method } = c.req;
    const facts = { path, id, method, status: response.status, began, from: c };
    logAccess(options, facts, performance.now() - began);
    return response;
  };
}

/** What nobody handles: a route that is not there, or one that is there for another method. */
function answerUnmatched(
  app: Hono,
  c: Context,
  definition: ServiceDefinition,
  options: AppOptions,
): Response {
  const began = performance.now();
  const id = requestIdOf(c);
  const routes = listRoutes(app);
  const templates = findTemplates(c.req.path, routes);
  const [template] = templates;
  const found =
    template === undefined ? undefined : new Set(templates.flatMap((one) => [...routes.get(one)!]));
  // A route with a parameter says itself that it knows nothing of this name.
  const methods = found?.has(c.req.method) === true ? undefined : found;
  let response: Response;
  if (methods === undefined) {
    response = toProblemResponse(routeNotFound(c, definition), id, options);
  } else {
    const allow = [...methods, ...(methods.has("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
    if (c.req.method === "OPTIONS") {
      response = new Response(null, { status: 204, headers: { allow, "x-request-id": id } });
    } else {
      response = toProblemResponse(methodNotAllowed(c, methods), id, options);
      response.headers.set("allow", allow);
    }
  }
  // Behind middlewares the entry of the API does the counting.
  if (c.get("requestId") === undefined) {
    // One label for all that is not a route: a client must not be able to make up new ones.
    const path = template ?? "unmatched";
    const { method } = c.req;
    options.serviceMetrics?.begin(path, method);
    const about = { id, method, route: path, headers: c.req.raw.headers, began };
    const traced: Traced = { trace: beginTrace(options, about) };
    const told = traced.trace?.response;
    if (told !== undefined) response.headers.set("traceresponse", told);
    record(options, { path, id, method, status: response.status, began, from: c, traced });
  }
  return response;
}

/** Also knows what was added to the app from outside. */
function listRoutes(app: Hono): Map<string, Set<string>> {
  const routes = new Map<string, Set<string>>();
  for (const { path, method } of app.routes) {
    if (method === "ALL" || path.includes("*")) continue;
    const methods = routes.get(path) ?? new Set();
    routes.set(path, methods.add(method));
  }
  return routes;
}

/** The routes that a path belongs to; parameters match any one segment. */
function findTemplates(path: string, routes: Map<string, Set<string>>): string[] {
  const segments = path.split("/");
  return Array.from(routes.keys()).filter((template) => {
    if (template === path) return true;
    const parts = template.split("/");
    return (
      template.includes(":") &&
      parts.length === segments.length &&
      parts.every((part, at) =>
        part.startsWith(":") ? segments[at] !== "" : part === segments[at],
      )
    );
  });
}

function routeNotFound(c: Context, definition: ServiceDefinition): EkibenError {
  const apis = Object.values(definition.apis).map(({ method, route }) => `${method} /${route}`);
  return new EkibenError("ROUTE_NOT_FOUND", {
    detail: `There is no route ${c.req.path.slice(0, 200)}.`,
    hint: "GET / shows the page of the service with all that it answers.",
    expected: apis.join(", "),
    received: `${c.req.method} ${c.req.path.slice(0, 200)}`,
  });
}

function methodNotAllowed(c: Context, methods: Set<string>): EkibenError {
  const expected = [...methods].join(" or ");
  return new EkibenError("METHOD_NOT_ALLOWED", {
    detail: `${c.req.path} takes ${expected}, not ${c.req.method}.`,
    hint: `Send the request with ${expected}.`,
    expected,
    received: c.req.method,
  });
}

function requestIdOf(c: Context): string {
  return c.get("requestId") ?? toRequestId(c.req.header("x-request-id"));
}

function toJson(c: Context, status: number, body: object): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "x-request-id": requestIdOf(c),
    },
  });
}

function toText(c: Context, contentType: string, body: string): Response {
  return new Response(body, {
    headers: {
      "content-type": contentType,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      "x-request-id": requestIdOf(c),
    },
  });
}
