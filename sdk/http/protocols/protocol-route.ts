import type { Context, Hono, MiddlewareHandler } from "hono";
import type { Problem } from "../../core/errors.js";
import { promiseOf } from "../../core/waiter.js";
import type { Answered, ApiRequest, ProtocolFace } from "../api-request.js";
import type { AppOptions } from "../app-options.js";
import { toResponseBody, type Endpoint } from "../endpoint.js";
import { BEGAN, BYTES, createEntry, record } from "../entry.js";
import { PROBLEM_TYPE, toProblemAnswer } from "../problem-response.js";
import {
  beginTrace,
  TRACED,
  tracedOf,
  traceCall,
  withTrace,
  type Traced,
} from "../request-trace.js";
import { toRequestId } from "../request-id.js";
import { endCall } from "../watched-call.js";

/** Why a request has no outputs. */
export type Refusal = Pick<Problem, "status" | "detail" | "hint">;

/** The body of an error, as JSON text, in the words of a protocol. */
export type ProblemForm = (refusal: Refusal) => string;

/** A route of a protocol that leads to an API. */
export interface ProtocolRoute {
  /** The paths in Hono's notation; the first one stands for the route in the metrics. */
  readonly paths: readonly string[];
  readonly form: ProblemForm;
  /** @throws ROUTE_NOT_FOUND */
  find(c: Context): { endpoint: Endpoint; face: ProtocolFace };
}

/**
 * Mounts a route behind the author's middlewares, as the routes of the APIs are. They are registered
 * together with the handler, so that no path can lead to the one without the others.
 */
export function mountProtocolRoute(
  app: Hono,
  route: ProtocolRoute,
  middleware: readonly MiddlewareHandler[],
  options: AppOptions,
): void {
  const label = route.paths[0]!;
  for (const path of route.paths) {
    if (middleware.length === 0) {
      app.post(path, async (c) => {
        const began = performance.now();
        const id = toRequestId(c.req.header("x-request-id"));
        options.serviceMetrics?.begin(label, "POST");
        const { headers: sent } = c.req.raw;
        const about = { id, method: "POST", route: label, headers: sent, began };
        const traced: Traced = { trace: beginTrace(options, about) };
        (c as Context).set(TRACED, traced);
        const answered = withTrace(await answer(route, c, { id, began }, options), traced.trace);
        const { status, headers } = answered;
        const end = (bytesOut: number): void => {
          const method = "POST";
          record(options, { path: label, id, method, status, began, from: c, bytesOut, traced });
        };
        return new Response(toResponseBody(answered, end), { status, headers });
      });
      continue;
    }
    const handler = async (c: Context): Promise<Response> => {
      const known = { id: c.get("requestId") as string, began: c.get(BEGAN) as number };
      const answered = await answer(route, c, known, options);
      const { status, headers } = answered;
      const body = toResponseBody(answered, (bytesOut) => c.set(BYTES, { bytesOut }));
      return c.newResponse(body as string, status as 200, headers);
    };
    const stack = [createDress(route.form), createEntry(label, options), ...middleware, handler];
    app.on("POST", [path], ...(stack as [MiddlewareHandler]));
  }
}

async function answer(
  { find, form, paths }: ProtocolRoute,
  c: Context,
  { id, began }: Pick<ApiRequest, "id" | "began">,
  options: AppOptions,
): Promise<Answered> {
  let answered: Answered;
  let asked: { endpoint: Endpoint; request: ApiRequest } | undefined;
  try {
    const { endpoint, face } = find(c);
    asked = { endpoint, request: endpoint.toRequest(c, id, began) };
    const traced = tracedOf(c);
    if (traced !== undefined) {
      traceCall(asked.request, traced.trace);
      traced.facts = asked.request.facts;
    }
    const { request } = asked;
    answered = await promiseOf((client) => endpoint.serve(request, client, face));
  } catch (error) {
    answered = toProblemAnswer(error, id, options);
  }
  const refusal = findRefusal(answered);
  if (refusal !== undefined) {
    // KServe's client reads the error only behind exactly this type.
    const headers = { ...answered.headers, "content-type": "application/json" };
    answered = { ...answered, headers, body: form(refusal) };
  }
  if (asked === undefined || options.requestLog === undefined) return answered;
  const { endpoint, request } = asked;
  return endCall(options.requestLog, { api: endpoint.api, route: paths[0]!, request }, answered);
}

/** What an answer that is no outputs says: a problem document, or what the service rejected with. */
function findRefusal({ status, headers, body }: Answered): Refusal | undefined {
  if (typeof body !== "string" || status < 400) return undefined;
  if (headers["content-type"] === PROBLEM_TYPE) return JSON.parse(body) as Problem;
  return { status, detail: findText(JSON.parse(body) as unknown) ?? body };
}

/** The text of a body that is one text, or an object of one. */
function findText(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  const [text, ...others] = Object.values(body ?? {}) as unknown[];
  return typeof text === "string" && others.length === 0 ? text : undefined;
}

/** What a middleware refuses speaks the protocol too. */
function createDress(form: ProblemForm): MiddlewareHandler {
  return async function dress(c, next) {
    await next();
    await dressResponse(c, form);
  };
}

/** Gives the problem that a context is about to answer the form of a protocol. */
async function dressResponse(c: Context, form: ProblemForm): Promise<void> {
  if (c.res.headers.get("content-type") !== PROBLEM_TYPE) return;
  c.res = await toDressed(c.res, form);
}

/** A problem document in the form of a protocol; its other headers stay. */
export async function toDressed(response: Response, form: ProblemForm): Promise<Response> {
  const headers = new Headers(response.headers);
  headers.set("content-type", "application/json");
  const problem = (await response.json()) as Problem;
  return new Response(form(problem), { status: response.status, headers });
}

/** What happened and what to do next, for protocols whose errors are one text. */
export function printProblem({ detail, hint }: Refusal): string {
  return hint === undefined ? detail : `${detail} ${hint}`;
}
