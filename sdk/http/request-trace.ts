import type { Context } from "hono";
import type { RequestTrace, TracedRequest } from "../observability/traces/tracing.js";
import { createCallFacts } from "../service/call-facts.js";
import type { AppOptions } from "./app-options.js";
import type { Answered, ApiRequest } from "./api-request.js";

/** A variable of Hono's context: what is traced of the request, from its entry to its end. */
export const TRACED = "ekiben.traced";

/** A trace and the facts that its spans will be made of. */
export type Traced = Partial<Pick<ApiRequest, "trace" | "facts">>;

/** Begins the trace of a request, if anything is traced. */
export function beginTrace(options: AppOptions, request: TracedRequest): RequestTrace | undefined {
  return options.tracing?.begin(request);
}

/** Lets the runtime note what becomes of a request that somebody will see the spans of. */
export function traceCall(request: ApiRequest, trace: RequestTrace | undefined): void {
  request.trace = trace;
  if (trace?.isRecorded === true) request.facts = createCallFacts(trace);
}

/** Tells the client where to find its request. */
export function withTrace(answered: Answered, trace: RequestTrace | undefined): Answered {
  if (trace?.response === undefined) return answered;
  return { ...answered, headers: { ...answered.headers, traceresponse: trace.response } };
}

/** The same with a log whose lines lead to the trace. */
export function withTraceFields(trace: RequestTrace | undefined, options: AppOptions): AppOptions {
  return trace === undefined ? options : { ...options, log: options.log.child(trace.fields) };
}

/** What the entry of a request behind middlewares has begun. */
export function tracedOf(c: Context): Traced | undefined {
  return c.get(TRACED) as Traced | undefined;
}
