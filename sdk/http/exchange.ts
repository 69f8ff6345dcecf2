import { performance } from "node:perf_hooks";
import type { Problem } from "../core/errors.js";
import type { Waiter } from "../core/waiter.js";
import type { Payload, RequestBody } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";
import type { Admission } from "../service/admission.js";
import type { ApiDefinition } from "../service/definition.js";
import type { Answer, AnswerWriter, ApiRuntime } from "../service/runtime.js";
import { toContentType } from "../service/writer.js";
import type { Answered, ApiRequest, BodyReader, ProtocolFace } from "./api-request.js";
import type { AppOptions } from "./app-options.js";
import { toRejectedAnswer } from "./error-answer.js";
import { toProblemAnswer } from "./problem-response.js";
import type { Parameters } from "./request-parameters.js";
import { readRequestTimeout } from "./request-timeout.js";
import { withTraceFields } from "./request-trace.js";
import { toStreamChunks } from "./stream-chunks.js";
import { endCall, watchCall } from "./watched-call.js";

/** What an endpoint has ready before a request comes. */
export interface ExchangePlan {
  readonly api: ApiDefinition;
  /** The template of the route. */
  readonly path: string;
  readonly runtime: ApiRuntime;
  readonly options: AppOptions;
  /** The writer for an `Accept` header. @throws NOT_ACCEPTABLE */
  chooseWriter(accept: string | null): AnswerWriter;
  readParams(sent: Parameters): unknown;
  readQuery(sent: Parameters): unknown;
  refuse(error: unknown, request: ApiRequest): Promise<Answered>;
}

const NOTHING = new Uint8Array();
const KEEP_ALIVE_MS = 15_000;

/**
 * One request and its answer: it is let in, its body read and parsed, the runtime asked, and the client
 * answered. Each step calls the next, since every promise between them would show in the time of a
 * small request. With the face of another protocol errors are the client's, which has its own words.
 */
export class Exchange implements Waiter<Answer>, BodyReader {
  readonly #plan: ExchangePlan;
  readonly #request: ApiRequest;
  readonly #client: Waiter<Answered>;
  readonly #face: ProtocolFace | undefined;
  #writer!: AnswerWriter;
  #params: unknown = undefined;
  #query: unknown = undefined;
  #timeoutMs: number | undefined = undefined;
  /** From being let in until the runtime has answered. */
  #admission: Admission | undefined = undefined;

  constructor(
    plan: ExchangePlan,
    request: ApiRequest,
    client: Waiter<Answered>,
    face?: ProtocolFace,
  ) {
    this.#plan = plan;
    this.#request = request;
    this.#client = client;
    this.#face = face;
  }

  begin(): void {
    const { api, options } = this.#plan;
    const request = this.#request;
    try {
      if (options.requestLog !== undefined) watchCall(options.requestLog, { api, request });
      const admission = this.#enter();
      if (this.#face === undefined && api.input.parseStream !== undefined) this.#parseStream();
      else if (api.method === "GET") this.takeBody(NOTHING);
      else request.read(admission, this);
    } catch (error) {
      this.reject(error);
    }
  }

  /** Reads what stands before the body, and asks whether there is room for the request. */
  #enter(): Admission {
    const { chooseWriter, readParams, readQuery, runtime } = this.#plan;
    const request = this.#request;
    const { id, headers } = request;
    this.#writer = this.#face?.writer ?? chooseWriter(headers.get("accept"));
    this.#params = readParams(request.params);
    this.#query = readQuery(request.query);
    const cancellation = request.watch();
    const timeoutMs = readRequestTimeout(headers);
    this.#timeoutMs = timeoutMs;
    const elapsedMs = request.elapsedMs();
    return (this.#admission = runtime.admit({ id, cancellation, timeoutMs, elapsedMs }));
  }

  #parseStream(): void {
    const { input } = this.#plan.api;
    const request = this.#request;
    const { headers } = request;
    const admission = this.#admission!;
    const { mediaType, parameters } = parseMediaType(headers.get("content-type"));
    request.streamed = true;
    const chunks = request.stream(admission);
    const onDisk = (bytes: number): void => admission.free(bytes);
    this.#takeParsed(
      input.parseStream!({ mediaType, parameters, headers, chunks, onDisk }),
      request.began,
    );
  }

  takeBody(bytes: Uint8Array): void {
    const { api } = this.#plan;
    const request = this.#request;
    const { headers } = request;
    try {
      const { mediaType, parameters } = parseMediaType(headers.get("content-type"));
      // Spelled out, since to spread what they share would cost more than all else here.
      const body: RequestBody = { mediaType, parameters, headers, bytes };
      request.received = bytes.byteLength;
      if (request.call !== undefined) request.call.body = body;
      const read = request.facts?.hasSteps === true ? performance.now() : 0;
      const parsed = this.#face === undefined ? api.input.parse(body) : this.#face.parse(body, api);
      this.#takeParsed(parsed, read);
    } catch (error) {
      this.reject(error);
    }
  }

  /** `read`: when its parsing began. */
  #takeParsed(parsed: Payload | Promise<Payload>, read: number): void {
    if (!(parsed instanceof Promise)) return this.#invoke(parsed, read);
    parsed
      .then((payload) => this.#invoke(payload, read))
      .catch((error: unknown) => this.reject(error));
  }

  #invoke(payload: Payload, read: number): void {
    const request = this.#request;
    const { id, headers, facts } = request;
    if (facts?.hasSteps === true) facts.parsed = { began: read, ended: performance.now() };
    if (request.call !== undefined) request.call.items = payload.items;
    const admission = this.#admission!;
    const invocation = {
      id,
      headers,
      params: this.#params,
      query: this.#query,
      writer: this.#writer,
      timeoutMs: this.#timeoutMs,
      cancellation: admission.cancellation,
      admission,
      facts,
    };
    this.#plan.runtime.invoke(payload, invocation, this);
  }

  resolve(result: Answer): void {
    this.#leave();
    let answered: Answered;
    try {
      answered = this.#toAnswered(result);
    } catch (error) {
      return this.reject(error);
    }
    this.#answer(answered);
  }

  reject(error: unknown): void {
    this.#leave();
    if (this.#face !== undefined) return this.#client.reject(error);
    this.#plan
      .refuse(error, this.#request)
      .then((answered) => this.#answer(answered))
      .catch((broken: unknown) => this.#client.reject(broken));
  }

  /** The request has its answer. */
  #leave(): void {
    const admission = this.#admission;
    this.#admission = undefined;
    admission?.leave();
  }

  #answer(answered: Answered): void {
    const { api, path, options } = this.#plan;
    const { requestLog } = options;
    if (requestLog === undefined || this.#face !== undefined) return this.#client.resolve(answered);
    const request = this.#request;
    let logged: Answered;
    try {
      logged = endCall(requestLog, { api, route: path, request }, answered);
    } catch (error) {
      return this.#client.reject(error);
    }
    this.#client.resolve(logged);
  }

  #toAnswered(result: Answer): Answered {
    const { id } = this.#request;
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
        return this.#toStream(result);
    }
  }

  #toStream({ values }: Extract<Answer, { kind: "stream" }>): Answered {
    const { api, options } = this.#plan;
    const { id, trace } = this.#request;
    const { mediaType } = this.#writer;
    return {
      status: 200,
      headers: {
        "content-type": toContentType(mediaType),
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "x-request-id": id,
      },
      body: toStreamChunks(values, {
        output: api.output,
        mediaType,
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
