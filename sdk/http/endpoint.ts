import type { Context, Handler, MiddlewareHandler } from "hono";
import type { Cancellation } from "../core/cancellation.js";
import { EkibenError } from "../core/errors.js";
import type { HeaderReader } from "../core/header-reader.js";
import { isRejection, type Rejection } from "../core/rejection.js";
import type { Payload, RequestBody } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";
import { createParameterReader } from "../inputs/parameters.js";
import { chooseMediaType } from "../outputs/accept.js";
import { printJson } from "../outputs/print-json.js";
import type { ApiDefinition, ErrorHook, FailedRequest } from "../service/definition.js";
import type { AnswerWriter, Runtime } from "../service/runtime.js";
import { createWriter, toContentType } from "../service/writer.js";
import type { AnswerRecord, AppOptions } from "./app-options.js";
import { watchClient } from "./client-watch.js";
import { toProblemAnswer, toProblemResponse } from "./problem-response.js";
import { readBody, streamBody } from "./request-body.js";
import { readHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import { readRequestTimeout } from "./request-timeout.js";
import { toWebStream } from "./web-stream.js";

/** How one API answers over HTTP. */
export interface Endpoint {
  readonly api: ApiDefinition;
  /** The template of the route, for metrics and messages. */
  readonly path: string;
  /** Stands in front of the author's middlewares; absent when there are none. */
  readonly entry?: MiddlewareHandler;
  readonly handler: Handler;
  /** Answers one request from wherever it came. */
  answer(request: ApiRequest): Promise<Answered>;
  /** Answers a request of another protocol, which reads its body and writes its outputs. */
  answerAs(request: ApiRequest, face: ProtocolFace): Promise<Answered>;
  /** The request of a handler of Hono's, with the body limits of the API. */
  toRequest(c: Context, id: string): ApiRequest;
}

/** A request to an API, whichever way it came in. */
export interface ApiRequest {
  id: string;
  headers: HeaderReader;
  /** The parameters of its path and of its query string, as they were sent. */
  params: Readonly<Record<string, unknown>>;
  query: Readonly<Record<string, unknown>>;
  /** Starts to watch the client. */
  watch(): Cancellation;
  /** @throws what `readBody` throws */
  read(): Promise<Uint8Array>;
  /** The body as it comes, for inputs that read it so. */
  stream(): AsyncIterable<Uint8Array>;
}

/** How another protocol carries the requests and answers of an API. */
export interface ProtocolFace {
  /** @throws what `Input.parse` throws */
  parse(body: RequestBody, api: ApiDefinition): Payload | Promise<Payload>;
  /** Makes a writer for the request that `parse` has read. */
  writer: AnswerWriter;
}

/** What a request is answered with. The chunks of a stream end by themselves when the client goes. */
export interface Answered {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array | AsyncIterable<string>;
}

const NO_PARAMETERS: Readonly<Record<string, unknown>> = Object.freeze({});
// `new Response` throws for a body with these (Fetch standard, null body status).
export const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
const JSON_TYPE = "application/json";

/**
 * Makes the endpoint of an API. Without middlewares all happens in one handler, which Hono then
 * calls directly: each further one would cost a few percent of a small request.
 */
export function createEndpoint(runtime: Runtime, name: string, options: AppOptions): Endpoint {
  const api = runtime.definition.apis[name]!;
  const { input } = api;
  const path = `/${api.route}`;
  const limits = {
    maxBytes: api.maxBodyBytes,
    untouched: runtime.definition.middleware.length === 0,
  };
  const chooseWriter = createWriterChoice(api);
  const readParams = toReader(api, "params", "path");
  const readQuery = toReader(api, "query", "query");

  async function answer(request: ApiRequest): Promise<Answered> {
    let seen: { body: Uint8Array; mediaType: string } | undefined;
    let answered: Answered;
    try {
      const writer = chooseWriter(request.headers.get("accept"));
      answered = await run(request, writer, (body) => {
        seen = { body: body.bytes, mediaType: body.mediaType };
        return input.parse(body);
      });
    } catch (error) {
      answered = await refuse(error, request);
    }
    if (options.onAnswer !== undefined && seen !== undefined) {
      const { status, body } = answered;
      if (typeof body === "string" || body instanceof Uint8Array) {
        notify(options, { api: name, requestId: request.id, ...seen, status, answer: body });
      }
    }
    return answered;
  }

  async function run(
    request: ApiRequest,
    writer: AnswerWriter,
    parse: (body: RequestBody) => Payload | Promise<Payload>,
    mayStream = true,
  ): Promise<Answered> {
    const { id, headers } = request;
    const params = readParams(request.params);
    const query = readQuery(request.query);
    const cancellation = request.watch();
    const type = parseMediaType(headers.get("content-type"));
    const parsed =
      mayStream && input.parseStream !== undefined
        ? input.parseStream({ ...type, headers, chunks: request.stream() })
        : api.method === "GET"
          ? input.parse({ bytes: NOTHING, ...type })
          : parse({ bytes: await request.read(), ...type, headers });
    const payload = parsed instanceof Promise ? await parsed : parsed;
    const timeoutMs = readRequestTimeout(headers);
    const invocation = { id, headers, params, query, writer, timeoutMs, cancellation };
    const result = await runtime.apis.get(name)!.invoke(payload, invocation);
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
            "cache-control": "no-store",
            "x-request-id": id,
          },
          body: toChunks(result.values, writer.mediaType, id),
        };
    }
  }

  /** The chunks of a stream; what broke it is its last one, since its status has been sent. */
  async function* toChunks(
    values: AsyncIterableIterator<unknown>,
    mediaType: string,
    id: string,
  ): AsyncGenerator<string> {
    try {
      for await (const value of values) yield api.output.writeChunk!(value, mediaType);
    } catch (error) {
      const { body } = toProblemAnswer(error, id, options);
      yield api.output.writeBreak!(JSON.parse(body) as object, mediaType);
    } finally {
      await values.return!();
    }
  }

  async function refuse(error: unknown, { id, headers }: ApiRequest): Promise<Answered> {
    const failed = { api: name, id, headers, log: options.log };
    const own = isRejection(error)
      ? error
      : await askHooks(runtime.definition.onError, error, failed, options);
    return own === undefined
      ? toProblemAnswer(error, id, options)
      : toRejectedAnswer(own.status, printJson(own.body ?? null), id);
  }

  const toRequest = (c: Context, id: string, headers: HeaderReader): ApiRequest => ({
    id,
    headers,
    params: api.route.includes(":") ? c.req.param() : NO_PARAMETERS,
    query: c.req.url.includes("?") ? flatten(c.req.queries()) : NO_PARAMETERS,
    watch: () => watchClient(c),
    read: () => readBody(c, headers, limits),
    stream: () => streamBody(c, headers, limits),
  });

  const common = {
    api,
    path,
    answer,
    toRequest: (c: Context, id: string) => toRequest(c, id, c.req.raw.headers),
    answerAs: (request: ApiRequest, face: ProtocolFace) =>
      run(request, face.writer, (body) => face.parse(body, api), false),
  };
  if (limits.untouched) {
    return {
      ...common,
      async handler(c) {
        const began = performance.now();
        const sent = readHeaders(c);
        const id = toRequestId(sent.get("x-request-id") ?? undefined);
        options.serviceMetrics?.begin(path);
        const answered = await answer(toRequest(c, id, sent));
        const { status, headers } = answered;
        const end = (): void => record(options, { path, id, method: api.method, status, began });
        return new Response(toResponseBody(answered, end), { status, headers });
      },
    };
  }
  return {
    ...common,
    entry: createEntry(path, options),
    async handler(c) {
      const answered = await answer(toRequest(c, c.get("requestId"), c.req.raw.headers));
      // `c.newResponse` adds the headers that middlewares have set so far.
      return c.newResponse(
        toResponseBody(answered, () => {}) as string,
        answered.status as 200,
        answered.headers,
      );
    },
  };
}

const NOTHING = new Uint8Array();

/** The body for a `Response`; `end` is called when all of it is there. */
export function toResponseBody(
  { status, body }: Answered,
  end: () => void,
): string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return toWebStream(body, end);
  end();
  return WITHOUT_BODY.has(status) ? null : (body as string | Uint8Array<ArrayBuffer>);
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

type Parameters = Readonly<Record<string, unknown>>;

function toReader(
  api: ApiDefinition,
  key: "params" | "query",
  where: "path" | "query",
): (sent: Parameters) => unknown {
  const schema = api[key];
  return schema === undefined ? (sent) => sent : createParameterReader(schema, where);
}

/** A name that came once has a text, one that came several times a list of texts. */
function flatten(queries: Record<string, string[]>): Parameters {
  const flat: Record<string, unknown> = Object.create(null);
  for (const [name, values] of Object.entries(queries)) {
    flat[name] = values.length === 1 ? values[0] : values;
  }
  return flat;
}

/** The service's own answer to an error, if one of its hooks has one. */
async function askHooks(
  hooks: readonly ErrorHook[],
  error: unknown,
  failed: FailedRequest,
  options: AppOptions,
): Promise<Rejection | undefined> {
  for (const hook of hooks.toReversed()) {
    try {
      const own = await hook(error, failed);
      if (isRejection(own)) {
        // The answer is the author's; the log keeps what was behind it.
        toProblemAnswer(error, failed.id, options);
        return own;
      }
    } catch (thrown) {
      options.log.error("an onError hook failed", { requestId: failed.id, error: thrown });
    }
  }
  return undefined;
}

function toRejectedAnswer(status: number, json: string, id: string): Answered {
  return { status, headers: { "content-type": JSON_TYPE, "x-request-id": id }, body: json };
}

/** Counts, and gives an id to, each request that passes middlewares of the author. */
export function createEntry(path: string, options: AppOptions): MiddlewareHandler {
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
