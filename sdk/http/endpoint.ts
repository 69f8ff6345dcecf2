import type { Context, Handler } from "hono";
import { EkibenError, type Problem } from "../core/errors.js";
import type { Payload, RequestBody } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";
import { chooseMediaType } from "../outputs/accept.js";
import type { ApiDefinition } from "../service/definition.js";
import type { Answer, AnswerWriter, Runtime } from "../service/runtime.js";
import { createWriter, toContentType } from "../service/writer.js";
import type { Answered, ApiRequest, ProtocolFace } from "./api-request.js";
import type { AppOptions } from "./app-options.js";
import { BEGAN, BYTES, record, STREAM, type StreamUnderWay } from "./entry.js";
import { answerError, toRejectedAnswer } from "./error-answer.js";
import { toProblemAnswer } from "./problem-response.js";
import { HonoRequest } from "./hono-request.js";
import { toReader } from "./request-parameters.js";
import { readHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import { readRequestTimeout } from "./request-timeout.js";
import {
  beginTrace,
  tracedOf,
  traceCall,
  withTrace,
  withTraceFields,
  type Traced,
} from "./request-trace.js";
import { toStreamChunks } from "./stream-chunks.js";
import { endCall, watchCall } from "./watched-call.js";
import { toWebStream } from "./web-stream.js";

/** How one API answers over HTTP. */
export interface Endpoint {
  readonly api: ApiDefinition;
  /** The template of the route, for metrics and messages. */
  readonly path: string;
  /** Whether middlewares of the author stand in front of it. */
  readonly guarded: boolean;
  readonly handler: Handler;
  /** Answers one request from wherever it came. */
  answer(request: ApiRequest): Promise<Answered>;
  /** Answers what was thrown before the request reached its API. */
  refuse(error: unknown, request: Pick<ApiRequest, "id" | "headers"> & Traced): Promise<Answered>;
  /** Answers a request of another protocol, which reads its body and writes its outputs. */
  answerAs(request: ApiRequest, face: ProtocolFace): Promise<Answered>;
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
  const { input } = api;
  const path = `/${api.route}`;
  const plan = {
    maxBytes: api.maxBodyBytes,
    untouched: runtime.definition.middleware.length === 0,
    hasParams: api.route.includes(":"),
  };
  const chooseWriter = createWriterChoice(api);
  const readParams = toReader(api, "params", "path");
  const readQuery = toReader(api, "query", "query");

  function answer(request: ApiRequest): Promise<Answered> {
    const { requestLog } = options;
    if (requestLog === undefined) return respond(request);
    watchCall(requestLog, { api, request });
    return respond(request).then((answered) =>
      endCall(requestLog, { api, route: path, request }, answered),
    );
  }

  /** Answers all that is thrown, but for a request of another protocol, which has its own words. */
  async function respond(request: ApiRequest, face?: ProtocolFace): Promise<Answered> {
    const { id, headers, facts } = request;
    try {
      const writer = face === undefined ? chooseWriter(headers.get("accept")) : face.writer;
      const params = readParams(request.params);
      const query = readQuery(request.query);
      const cancellation = request.watch();
      const timeoutMs = readRequestTimeout(headers);
      const { admit, invoke } = runtime.apis.get(name)!;
      const elapsedMs = performance.now() - request.began;
      const admission = admit({ id, cancellation, timeoutMs, elapsedMs });
      let result: Answer;
      try {
        const { mediaType, parameters } = parseMediaType(headers.get("content-type"));
        let read = request.began;
        let parsed: Payload | Promise<Payload>;
        if (face === undefined && input.parseStream !== undefined) {
          request.streamed = true;
          const chunks = request.stream(admission);
          const onDisk = (bytes: number): void => admission.free(bytes);
          parsed = input.parseStream({ mediaType, parameters, headers, chunks, onDisk });
        } else {
          const bytes = api.method === "GET" ? NOTHING : await request.read(admission);
          // Spelled out, since to spread what they share would cost more than all else here.
          const body: RequestBody = { mediaType, parameters, headers, bytes };
          request.received = bytes.byteLength;
          if (request.call !== undefined) request.call.body = body;
          if (facts !== undefined) read = performance.now();
          parsed = face === undefined ? input.parse(body) : face.parse(body, api);
        }
        const payload = parsed instanceof Promise ? await parsed : parsed;
        if (facts !== undefined) facts.parsed = { began: read, ended: performance.now() };
        if (request.call !== undefined) request.call.items = payload.items;
        result = await invoke(payload, {
          id,
          headers,
          params,
          query,
          writer,
          timeoutMs,
          cancellation,
          admission,
          facts,
        });
      } finally {
        admission.leave();
      }
      return toAnswered(result, request, writer);
    } catch (error) {
      if (face !== undefined) throw error;
      return refuse(error, request);
    }
  }

  function toAnswered(result: Answer, { id, trace }: ApiRequest, writer: AnswerWriter): Answered {
    switch (result.kind) {
      case "outputs":
        return {
          status: 200,
          headers: { ...result.headers, "x-request-id": id },
          body: result.body,
        };
      case "rejected":
        return toRejectedAnswer(result.status, result.json, id);
      case "stream":
        return {
          status: 200,
          headers: {
            "content-type": toContentType(writer.mediaType),
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "x-request-id": id,
          },
          body: toStreamChunks(result.values, {
            output: api.output,
            mediaType: writer.mediaType,
            keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
            toProblem(error) {
              const { status, body } = toProblemAnswer(error, id, withTraceFields(trace, options));
              const problem = JSON.parse(body) as Problem;
              // That a client has gone is no failure.
              if (status >= 500) trace?.fail(problem.code);
              return problem;
            },
          }),
        };
    }
  }

  const refuse: Endpoint["refuse"] = (error, { id, headers, trace }) => {
    // A middleware has no way to the metrics.
    if (error instanceof EkibenError && error.code === "RATE_LIMITED") {
      options.serviceMetrics?.observer.shed(name, "rate-limit");
    }
    const told = withTraceFields(trace, options);
    return answerError(error, runtime.definition.onError, {
      failed: { api: name, id, headers, log: told.log },
      options: told,
    });
  };

  const common = {
    api,
    path,
    answer,
    refuse,
    toRequest: (c: Context, id: string, began: number) =>
      new HonoRequest(c, { id, began, headers: c.req.raw.headers }, plan),
    answerAs: (request: ApiRequest, face: ProtocolFace) => {
      watchCall(options.requestLog, { api, request });
      return respond(request, face);
    },
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
        const end = (bytesOut: number): void => {
          const bytesIn = request.received;
          record(options, {
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
          });
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
      const body = toResponseBody(answered, (bytesOut) => {
        c.set(BYTES, { bytesIn: request.received, bytesOut });
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

const NOTHING = new Uint8Array();
const KEEP_ALIVE_MS = 15_000;

/** The body for a `Response`; `end` gets its bytes when all of it is there. */
export function toResponseBody(
  { status, body }: Answered,
  end: (bytes: number) => void,
): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return toWebStream(body, end);
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
