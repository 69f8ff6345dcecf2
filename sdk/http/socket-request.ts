import { performance } from "node:perf_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cancellation } from "../core/cancellation.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Waiter } from "../core/waiter.js";
import type { Admission } from "../service/admission.js";
import { watchResponse } from "./client-watch.js";
import { ApiRequest, type Answered, type BodyReader } from "./api-request.js";
import type { AppOptions } from "./app-options.js";
import { lengthOf, WITHOUT_BODY, type Endpoint } from "./endpoint.js";
import { record, type RequestRecord } from "./entry.js";
import { streamIncoming } from "./request-body.js";
import { readIncomingHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import { NO_PARAMETERS } from "./request-parameters.js";
import { withTrace, type Traced } from "./request-trace.js";
import { collect } from "./socket-body.js";

/** A request on the socket it came by and is answered on, and what is recorded of it. */
export class SocketRequest extends ApiRequest implements RequestRecord, Waiter<Answered> {
  readonly id: string;
  readonly api: string;
  readonly path: string;
  readonly method = "POST";
  readonly began = performance.now();
  readonly headers: HeaderReader;
  readonly params = NO_PARAMETERS;
  readonly query = NO_PARAMETERS;
  status = 0;
  bytesOut: number | undefined = undefined;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #maxBytes: number;
  readonly #options: AppOptions;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { api, path }: Endpoint,
    options: AppOptions,
  ) {
    super();
    this.headers = readIncomingHeaders(incoming);
    this.id = toRequestId(this.headers.get("x-request-id") ?? undefined);
    this.api = api.name;
    this.path = path;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#maxBytes = api.maxBodyBytes;
    this.#options = options;
  }

  get from(): IncomingMessage {
    return this.#incoming;
  }

  get bytesIn(): number | undefined {
    return this.received;
  }

  get traced(): Traced {
    return this;
  }

  /** Nothing has been in front of it. */
  elapsedMs(): number {
    return 0;
  }

  target(): string {
    return this.#incoming.url!;
  }

  watch(): Cancellation {
    return watchResponse(this.#outgoing);
  }

  read(admission: Admission, reader: BodyReader): void {
    collect(this.#incoming, { maxBytes: this.#maxBytes, admission }, reader);
  }

  stream(admission: Admission): AsyncIterable<Uint8Array> {
    return streamIncoming(this.#incoming, this.headers, { maxBytes: this.#maxBytes, admission });
  }

  resolve(answered: Answered): void {
    // What is left is a broken socket.
    try {
      this.#send(withTrace(answered, this.trace));
    } catch (error) {
      this.reject(error);
    }
  }

  reject(_error: unknown): void {
    this.#outgoing.destroy();
  }

  #send({ status, headers, body }: Answered): void {
    const outgoing = this.#outgoing;
    this.status = status;
    if (typeof body !== "string" && !(body instanceof Uint8Array)) {
      outgoing.writeHead(status, headers);
      sendChunks(outgoing, body)
        .then((bytes) => {
          this.bytesOut = bytes;
          record(this.#options, this, body.broke);
        })
        .catch((error: unknown) => this.reject(error));
      return;
    }
    const isBare = WITHOUT_BODY.has(status);
    this.bytesOut = isBare ? 0 : lengthOf(body);
    record(this.#options, this);
    if (outgoing.destroyed) return;
    // A list is written as it is, where Node walks an object with checks of its own.
    const head: string[] = [];
    for (const name in headers) head.push(name, headers[name]!);
    if (isBare) {
      outgoing.writeHead(status, head).end();
      return;
    }
    head.push("content-length", String(this.bytesOut));
    outgoing.writeHead(status, head).end(body);
  }
}

/** Sends no faster than the client reads; ends the source when the client has gone. */
async function sendChunks(
  outgoing: ServerResponse,
  chunks: AsyncIterable<string>,
): Promise<number> {
  let bytes = 0;
  outgoing.flushHeaders();
  for await (const chunk of chunks) {
    if (outgoing.destroyed) break;
    bytes += Buffer.byteLength(chunk);
    if (outgoing.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        outgoing.off("drain", go).off("close", go);
        resolve();
      };
      outgoing.on("drain", go).on("close", go);
    });
  }
  outgoing.end();
  return bytes;
}
