import { performance } from "node:perf_hooks";
import type { Context, MiddlewareHandler } from "hono";
import type { AppOptions } from "./app-options.js";
import { toProblemResponse } from "./problem-response.js";
import { toRequestId } from "./request-id.js";
import { beginTrace, TRACED, type Traced } from "./request-trace.js";
import { readSender, readTarget, type SentBy } from "./sender.js";

/** The body of a stream on its way through middlewares, and what counts it when it has ended. */
export interface StreamUnderWay {
  body: ReadableStream;
  isOver: boolean;
  onEnd?: () => void;
}

/** Answers what a middleware has thrown. */
export type Refuse = (error: unknown, c: Context) => Promise<Response>;

// Names of variables of Hono's context.
export const STREAM = "ekiben.stream";
/** When a request came that passes middlewares, from `performance.now()`. */
export const BEGAN = "ekiben.began";
export const REFUSE = "ekiben.refuse";
export const BYTES = "ekiben.bytes";

/** Counts, and gives an id to, each request that passes middlewares of the author. */
export function createEntry(path: string, options: AppOptions, refuse?: Refuse): MiddlewareHandler {
  return async function entry(c, next) {
    c.set(REFUSE, refuse);
    const began = performance.now();
    c.set(BEGAN, began);
    const id = toRequestId(c.req.header("x-request-id"));
    c.set("requestId", id);
    const { method } = c.req;
    options.serviceMetrics?.begin(path, method);
    const trace = beginTrace(options, {
      id,
      method,
      route: path,
      headers: c.req.raw.headers,
      began,
    });
    const traced: Traced | undefined = trace && { trace };
    if (traced !== undefined) c.set(TRACED, traced);
    try {
      await next();
    } catch (error) {
      // Hono catches what is an Error; anything else that a middleware throws arrives here.
      c.res = refuse === undefined ? toProblemResponse(error, id, options) : await refuse(error, c);
    }
    setHeader(c, "x-request-id", id);
    if (trace?.response !== undefined) setHeader(c, "traceresponse", trace.response);
    const { status } = c.res;
    const count = (): void => {
      const { broke, ...bytes } = (c.get(BYTES) ?? {}) as SentBytes;
      record(options, { path, id, method, status, began, from: c, traced, ...bytes }, broke);
    };
    const stream = c.get(STREAM) as StreamUnderWay | undefined;
    if (stream === undefined || stream.isOver) return count();
    stream.onEnd = count;
    // A middleware has answered something else in its place.
    if (c.res.body !== stream.body && !stream.body.locked) await stream.body.cancel();
  };
}

/** Sets a header on the answer that stands; `c.header` would copy its body through a stream. */
function setHeader(c: Context, name: string, value: string): void {
  try {
    c.res.headers.set(name, value);
  } catch {
    // The headers of an answer that a middleware has fetched from elsewhere are read-only.
    c.res = new Response(c.res.body, c.res);
    c.res.headers.set(name, value);
  }
}

/** A request that was answered. */
export interface RequestRecord {
  path: string;
  /** The name of its API, where it has one. */
  api?: string;
  id: string;
  method: string;
  status: number;
  /** From `performance.now()`. */
  began: number;
  from: SentBy;
  /** Bytes of its body, if they were counted. */
  bytesIn?: number | undefined;
  bytesOut?: number | undefined;
  traced?: Traced | undefined;
}

/** What a handler behind middlewares tells its entry. */
interface SentBytes extends Pick<RequestRecord, "bytesIn" | "bytesOut"> {
  broke?: string | undefined;
}

/**
 * Counts an answered request, ends its trace and, if asked for, writes it to the access log. `broke` is
 * the code of the error that ended its stream: no field, since hardly any request has one.
 */
export function record(options: AppOptions, request: RequestRecord, broke?: string): void {
  const { path, method, status, began, traced, bytesIn, bytesOut } = request;
  const ms = performance.now() - began;
  options.serviceMetrics?.request(path, method, status, ms / 1000);
  options.serviceMetrics?.bytes(path, method, bytesIn, bytesOut);
  if (broke !== undefined) options.serviceMetrics?.streamBroke(path, method, broke);
  traced?.trace?.end(status, traced.facts);
  logAccess(options, request, ms, broke);
}

/** Writes a request to the access log, if asked for. */
export function logAccess(
  { requestLog }: AppOptions,
  { path, api, id, method, status, from, bytesIn, bytesOut, traced }: RequestRecord,
  durationMs: number,
  broke?: string,
): void {
  if (requestLog?.wants("access", id, api) !== true) return;
  const { address, userAgent, announced } = readSender(from);
  requestLog.access({
    requestId: id,
    api,
    method,
    route: path,
    target: readTarget(from),
    status,
    durationMs,
    bytesIn: announced ?? bytesIn,
    bytesOut,
    address,
    userAgent,
    trace: traced?.trace?.fields,
    broke,
  });
}
