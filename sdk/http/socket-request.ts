import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cancellation } from "../core/cancellation.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Admission } from "../service/admission.js";
import { watchResponse } from "./client-watch.js";
import type { ApiRequest, Endpoint } from "./endpoint.js";
import type { RequestRecord } from "./entry.js";
import { collect, streamIncoming } from "./request-body.js";
import { readIncomingHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import { NO_PARAMETERS } from "./request-parameters.js";
import type { Traced } from "./request-trace.js";
import type { WatchedCall } from "./watched-call.js";

/**
 * A request on the socket it came by, and what is recorded of it. A class, as is all that is made for
 * each request: V8 makes functions that are the values of an object literal's properties in the old
 * generation, where they keep their request from the collector of young objects.
 */
export class SocketRequest implements ApiRequest, RequestRecord {
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
  facts: ApiRequest["facts"] = undefined;
  trace: ApiRequest["trace"] = undefined;
  call: WatchedCall | undefined = undefined;
  received: number | undefined = undefined;
  streamed = false;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #maxBytes: number;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { endpoint, maxBytes }: { endpoint: Endpoint; maxBytes: number },
  ) {
    this.headers = readIncomingHeaders(incoming);
    this.id = toRequestId(this.headers.get("x-request-id") ?? undefined);
    this.api = endpoint.api.name;
    this.path = endpoint.path;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#maxBytes = maxBytes;
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

  target(): string {
    return this.#incoming.url!;
  }

  watch(): Cancellation {
    return watchResponse(this.#outgoing);
  }

  read(admission: Admission): Promise<Uint8Array> {
    return collect(this.#incoming, { maxBytes: this.#maxBytes, admission });
  }

  stream(admission: Admission): AsyncIterable<Uint8Array> {
    return streamIncoming(this.#incoming, this.headers, { maxBytes: this.#maxBytes, admission });
  }
}
