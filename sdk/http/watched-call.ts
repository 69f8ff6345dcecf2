import { performance } from "node:perf_hooks";
import type { RequestLog } from "../observability/records/request-log.js";
import type { RequestBody } from "../inputs/input.js";
import { createCallFacts, type CallFacts } from "../service/call-facts.js";
import type { ApiDefinition } from "../service/definition.js";
import type { Answered, ApiRequest } from "./api-request.js";
import type { StreamBody } from "./stream-chunks.js";

/** What is noted of one request for the prediction log, while it is answered. */
export interface WatchedCall {
  readonly facts: CallFacts;
  /** The body when all of it was read. */
  body: RequestBody | undefined;
  items: number | undefined;
}

/** Begins to watch a request, if its prediction is to be logged. */
export function watchCall(
  log: RequestLog | undefined,
  { api, request }: { api: ApiDefinition; request: ApiRequest },
): void {
  if (log?.wants("prediction", request.id, api.name) !== true) return;
  const facts = (request.facts ??= createCallFacts(undefined, false));
  request.call = { facts, body: undefined, items: undefined };
}

/** The most characters that are kept of a stream; a line may hold fewer. */
const MOST_OF_STREAM = 1024 * 1024;

/** Logs the prediction with its answer; that of a stream when it has ended. */
export function endCall(
  log: RequestLog,
  { api, route, request }: { api: ApiDefinition; route: string; request: ApiRequest },
  answered: Answered,
): Answered {
  const { call } = request;
  if (call === undefined) return answered;
  const mediaType = toMediaType(answered.headers["content-type"]);
  const write = (output: { bytes: string | Uint8Array; total?: number }): void => {
    const { facts, body, items } = call;
    const now = performance.now();
    const input = body ?? (request.streamed === true ? describeStreamed(request) : undefined);
    log.prediction({
      requestId: request.id,
      api: api.name,
      method: request.method,
      route,
      target: request.target(),
      status: answered.status,
      durationMs: now - request.began,
      trace: request.trace?.fields,
      headers: request.headers,
      params: request.params,
      input: api.method === "GET" ? undefined : input,
      output: { bytes: output.bytes, mediaType, total: output.total },
      rows: api.input.kind === "dataframe",
      items,
      queueWaitMs: findQueueWait(facts, now),
      runs: facts.runs,
    });
  };
  const { body } = answered;
  if (typeof body === "string" || body instanceof Uint8Array) {
    write({ bytes: body });
    return answered;
  }
  return { ...answered, body: keepText(body, write) };
}

/** A body that was handed on as it came is told by its kind and announced length. */
function describeStreamed({ headers }: ApiRequest): { mediaType: string; total: number } {
  const total = Number(headers.get("content-length") ?? 0);
  return { mediaType: toMediaType(headers.get("content-type")), total };
}

/** Until the first run began, or until it was over for a request that no run has had. */
function findQueueWait({ queued, runs }: CallFacts, now: number): number | undefined {
  return queued === undefined ? undefined : Math.max(0, (runs[0]?.began ?? now) - queued);
}

/** The same chunks; `end` gets their text when the last one was taken, or nobody wants more. */
function keepText(
  chunks: StreamBody,
  end: (kept: { bytes: string; total: number }) => void,
): StreamBody {
  let text = "";
  let total = 0;
  let isOver = false;
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    end({ bytes: text, total });
  };
  const kept: StreamBody = {
    get broke() {
      return chunks.broke;
    },
    async next() {
      const result = await chunks.next();
      if (result.done === true) {
        finish();
      } else {
        total += Buffer.byteLength(result.value);
        if (text.length < MOST_OF_STREAM) text += result.value;
      }
      return result;
    },
    async return() {
      finish();
      await chunks.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => kept,
  };
  return kept;
}

let lastType: { sent: string; mediaType: string } | undefined;

function toMediaType(sent: string | null | undefined): string {
  if (sent === null || sent === undefined) return "";
  if (lastType?.sent !== sent) {
    lastType = { sent, mediaType: sent.split(";")[0]!.trim().toLowerCase() };
  }
  return lastType.mediaType;
}
