import type { Context, Handler, MiddlewareHandler } from "hono";
import { parseMediaType } from "../inputs/media-type.js";
import type { Cancellation } from "../core/cancellation.js";
import type { Runtime } from "../service/runtime.js";
import type { AnswerRecord, AppOptions } from "./app-options.js";
import { toProblemAnswer, toProblemResponse } from "./problem-response.js";
import { readBody } from "./request-body.js";
import { watchClient } from "./client-watch.js";
import { readHeaders } from "./request-headers.js";
import type { HeaderReader } from "../core/header-reader.js";
import { toRequestId } from "./request-id.js";

/** How one API answers over HTTP. */
export interface Endpoint {
  /** The template of the route, for metrics and messages. */
  readonly path: string;
  /** Stands in front of the author's middlewares; absent when there are none. */
  readonly entry?: MiddlewareHandler;
  readonly handler: Handler;
  /** Answers one request from wherever it came. */
  answer(request: ApiRequest): Promise<Answered>;
}

/** A request to an API, whichever way it came in. */
export interface ApiRequest {
  id: string;
  headers: HeaderReader;
  /** Starts to watch the client. */
  watch(): Cancellation;
  /** @throws what `readBody` throws */
  read(): Promise<Uint8Array>;
}

// `new Response` throws for a body with these (Fetch standard, null body status).
const WITHOUT_BODY = new Set([204, 205, 304]);

/**
 * Makes the endpoint of an API. Without middlewares all happens in one handler, which Hono then
 * calls directly: each further one would cost a few percent of a small request.
 */
export function createEndpoint(runtime: Runtime, name: string, options: AppOptions): Endpoint {
  const api = runtime.definition.apis[name]!;
  const path = `/${api.route}`;
  const limits = {
    maxBytes: api.maxBodyBytes,
    untouched: runtime.definition.middleware.length === 0,
  };

  async function answer({ id, headers, ...request }: ApiRequest): Promise<Answered> {
    let body: Uint8Array | undefined;
    let mediaType = "";
    let answered: Answered;
    try {
      const cancellation = request.watch();
      body = await request.read();
      const type = parseMediaType(headers.get("content-type") ?? undefined);
      mediaType = type.mediaType;
      const parsed = api.input.parse({ bytes: body, ...type, headers });
      const payload = parsed instanceof Promise ? await parsed : parsed;
      const result = await runtime.apis.get(name)!.invoke(payload, { id, headers, cancellation });
      answered = {
        status: result.kind === "outputs" ? 200 : result.status,
        headers: { "content-type": "application/json", "x-request-id": id },
        body: result.json,
      };
    } catch (error) {
      answered = toProblemAnswer(error, id, options);
    }
    if (options.onAnswer !== undefined && body !== undefined) {
      const { status, body: text } = answered;
      notify(options, { api: name, requestId: id, body, mediaType, status, answer: text });
    }
    return answered;
  }

  const toRequest = (c: Context, id: string, headers: HeaderReader): ApiRequest => ({
    id,
    headers,
    watch: () => watchClient(c),
    read: () => readBody(c, headers, limits),
  });

  if (limits.untouched) {
    return {
      path,
      answer,
      async handler(c) {
        const began = performance.now();
        const sent = readHeaders(c);
        const id = toRequestId(sent.get("x-request-id") ?? undefined);
        options.serviceMetrics?.begin(path);
        const { status, headers, body } = await answer(toRequest(c, id, sent));
        record(options, { path, id, method: "POST", status, began });
        return new Response(WITHOUT_BODY.has(status) ? null : body, { status, headers });
      },
    };
  }
  return {
    path,
    answer,
    entry: createEntry(path, options),
    async handler(c) {
      const request = toRequest(c, c.get("requestId"), c.req.raw.headers);
      const { status, headers, body } = await answer(request);
      // `c.newResponse` adds the headers that middlewares have set so far.
      return c.newResponse(WITHOUT_BODY.has(status) ? null : body, status as 200, headers);
    },
  };
}

/** What a request is answered with. */
export interface Answered {
  status: number;
  headers: Record<string, string>;
  body: string;
}

function createEntry(path: string, options: AppOptions): MiddlewareHandler {
  return async function entry(c, next) {
    const began = performance.now();
    const id = toRequestId(c.req.header("x-request-id"));
    c.set("requestId", id);
    options.serviceMetrics?.begin(path);
    try {
      await next();
    } catch (error) {
      // Hono catches what is an Error; anything else that a middleware throws arrives here.
      c.res = toProblemResponse(error, id, options);
    }
    setHeader(c, "x-request-id", id);
    record(options, { path, id, method: c.req.method, status: c.res.status, began });
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

interface RequestRecord {
  path: string;
  id: string;
  method: string;
  status: number;
  /** From `performance.now()`. */
  began: number;
}

/** Counts an answered request and, if asked for, writes it to the log. */
export function record(options: AppOptions, request: RequestRecord): void {
  const { path, id, method, status, began } = request;
  const ms = performance.now() - began;
  options.serviceMetrics?.request(path, method, status, ms / 1000);
  if (options.accessLog === true) {
    options.log.info("request answered", {
      requestId: id,
      method,
      path,
      status,
      durationMs: Math.round(ms * 1000) / 1000,
    });
  }
}

function notify(options: AppOptions, answered: AnswerRecord): void {
  try {
    options.onAnswer!(answered);
  } catch (error) {
    options.log.error("an answer could not be recorded", { requestId: answered.requestId, error });
  }
}
