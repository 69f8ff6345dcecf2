import { performance } from "node:perf_hooks";
import type { Context, Handler } from "hono";
import { EkibenError } from "../core/errors.js";
import { promiseOf, type Waiter } from "../core/waiter.js";
import { chooseMediaType } from "../outputs/accept.js";
import type { ApiDefinition } from "../service/definition.js";
import type { AnswerWriter, Runtime } from "../service/runtime.js";
import { createWriter } from "../service/writer.js";
import type { Answered, ApiRequest, ProtocolFace } from "./api-request.js";
import type { AppOptions } from "./app-options.js";
import { BEGAN, BYTES, record, STREAM, type StreamUnderWay } from "./entry.js";
import { answerError } from "./error-answer.js";
import { Exchange, type ExchangePlan } from "./exchange.js";
import { HonoRequest } from "./hono-request.js";
import { toReader } from "./request-parameters.js";
import { readHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import {
  beginTrace,
  tracedOf,
  traceCall,
  withTrace,
  withTraceFields,
  type Traced,
} from "./request-trace.js";
import { toWebStream } from "./web-stream.js";

/** How one API answers over HTTP. */
export interface Endpoint {
  readonly api: ApiDefinition;
  /** The template of the route, for metrics and messages. */
  readonly path: string;
  /** Whether middlewares of the author stand in front of it. */
  readonly guarded: boolean;
  readonly handler: Handler;
  /**
   * Answers one request from wherever it came. One of another protocol has its face, which reads its
   * body and writes its outputs: its errors are not answered here.
   */
  serve(request: ApiRequest, client: Waiter<Answered>, face?: ProtocolFace): void;
  /** Answers what was thrown before the request reached its API. */
  refuse(error: unknown, request: Pick<ApiRequest, "id" | "headers"> & Traced): Promise<Answered>;
  /** The request of a handler of Hono's, with the body limits of the API. */
  toRequest(c: Context, id: string, began: number): ApiRequest;
}

// `new Response` throws for a body with these (Fetch standard, null body status).
export const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * Makes the endpoint of an API. Without middlewares all happens in one handler, which Hono then
 * calls directly: each further one would cost a few percent of a small request.
 */
export function createEndpoint(runtime: Runtime, name: string, options: AppOptions): Endpoint {
  const api = runtime.definition.apis[name]!;
  const path = `/${api.route}`;
  const plan = {
    maxBytes: api.maxBodyBytes,
    untouched: runtime.definition.middleware.length === 0,
    hasParams: api.route.includes(":"),
  };
  const refuse: Endpoint["refuse"] = async (error, { id, headers, trace }) => {
    // A middleware has no way to the metrics.
    if (error instanceof EkibenError && error.code === "RATE_LIMITED") {
      options.serviceMetrics?.observer.shed(name, "rate-limit");
    }
    const told = withTraceFields(trace, options);
    return await answerError(error, runtime.definition.onError, {
      failed: { api: name, id, headers, log: told.log },
      options: told,
    });
  };

  const exchange: ExchangePlan = {
    api,
    path,
    runtime: runtime.apis.get(name)!,
    options,
    chooseWriter: createWriterChoice(api),
    readParams: toReader(api, "params", "path"),
    readQuery: toReader(api, "query", "query"),
    refuse,
  };
  const serve: Endpoint["serve"] = (request, client, face) =>
    new Exchange(exchange, request, client, face).begin();
  const answer = (request: ApiRequest): Promise<Answered> =>
    promiseOf((client) => serve(request, client));

  const common = {
    api,
    path,
    serve,
    refuse,
    toRequest: (c: Context, id: string, began: number) =>
      new HonoRequest(c, { id, began, headers: c.req.raw.headers }, plan),
  };
  if (plan.untouched) {
    return {
      ...common,
      guarded: false,
      async handler(c) {
        const began = performance.now();
        const sent = readHeaders(c);
        const id = toRequestId(sent.get("x-request-id") ?? undefined);
        const { method } = c.req;
        options.serviceMetrics?.begin(path, method);
        const request = new HonoRequest(c, { id, began, headers: sent }, plan);
        traceCall(request, beginTrace(options, { id, method, route: path, headers: sent, began }));
        const answered = withTrace(withoutBody(c, await answer(request)), request.trace);
        const { status, headers } = answered;
        const end = (bytesOut: number, broke?: string): void => {
          const bytesIn = request.received;
          record(
            options,
            {
              path,
              api: name,
              id,
              method,
              status,
              began,
              from: c,
              bytesIn,
              bytesOut,
              traced: request,
            },
            broke,
          );
        };
        return new Response(toResponseBody(answered, end), { status, headers });
      },
    };
  }
  return {
    ...common,
    guarded: true,
    async handler(c) {
      const id = c.get("requestId") as string;
      const request = common.toRequest(c, id, c.get(BEGAN) as number);
      const traced = tracedOf(c);
      if (traced !== undefined) {
        traceCall(request, traced.trace);
        traced.facts = request.facts;
      }
      const answered = withoutBody(c, await answer(request));
      const body = toResponseBody(answered, (bytesOut, broke) => {
        c.set(BYTES, { bytesIn: request.received, bytesOut, broke });
        const stream = c.get(STREAM) as StreamUnderWay | undefined;
        if (stream === undefined) return;
        stream.isOver = true;
        stream.onEnd?.();
      });
      if (body instanceof ReadableStream) {
        c.set(STREAM, { body, isOver: false } satisfies StreamUnderWay);
      }
      // `c.newResponse` adds the headers that middlewares have set so far.
      const headers = api.method === "GET" ? withOwnCaching(c, answered) : answered.headers;
      return c.newResponse(body as string, answered.status as 200, headers);
    },
  };
}

/** The body for a `Response`; `end` gets its bytes when all of it is there, and what broke a stream. */
export function toResponseBody(
  { status, body }: Answered,
  end: (bytes: number, broke?: string) => void,
): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    return toWebStream(body, (bytes) => end(bytes, body.broke));
  }
  const isBare = WITHOUT_BODY.has(status);
  end(isBare ? 0 : lengthOf(body));
  return isBare ? null : (body as string | Uint8Array<ArrayBuffer>);
}

export function lengthOf(body: string | Uint8Array): number {
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

/** The writer for an `Accept` header. @throws NOT_ACCEPTABLE */
function createWriterChoice(api: ApiDefinition): (accept: string | null) => AnswerWriter {
  const offered = api.output.mediaTypes(api.input.cardinality);
  const writers = new Map(offered.map((type) => [type, createWriter(api, type)]));
  const first = writers.get(offered[0]!)!;
  return (accept) => {
    if (accept === null || accept === "*/*") return first;
    const chosen = chooseMediaType(accept, offered);
    if (chosen !== undefined) return writers.get(chosen)!;
    throw new EkibenError("NOT_ACCEPTABLE", {
      detail: `The answer is not to be had as ${accept.slice(0, 200)}.`,
      hint: "Ask for one of the expected media types in `Accept`, or leave it out.",
      expected: offered.join(", "),
      received: accept.slice(0, 200),
    });
  };
}

/** What a middleware has said of caching before its API was asked stands, but for refusals. */
function withOwnCaching(c: Context, { status, headers }: Answered): Record<string, string> {
  const own = status === 200 ? c.res.headers.get("cache-control") : null;
  return own === null ? headers : { ...headers, "cache-control": own };
}

/** HEAD asks for what GET would answer, without the body: a stream has nobody to read it. */
function withoutBody(c: Context, answered: Answered): Answered {
  const { body } = answered;
  if (c.req.method !== "HEAD" || typeof body === "string" || body instanceof Uint8Array) {
    return answered;
  }
  void body.return!();
  return { ...answered, body: "" };
}
