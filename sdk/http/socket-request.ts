import type { IncomingMessage, ServerResponse } from "node:http";
import type { Cancellation } from "../core/cancellation.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Admission } from "../service/admission.js";
import { watchResponse } from "./client-watch.js";
import { ApiRequest } from "./api-request.js";
import type { Endpoint } from "./endpoint.js";
import type { RequestRecord } from "./entry.js";
import { streamIncoming } from "./request-body.js";
import { readIncomingHeaders } from "./request-headers.js";
import { toRequestId } from "./request-id.js";
import { NO_PARAMETERS } from "./request-parameters.js";
import type { Traced } from "./request-trace.js";
import { collect } from "./socket-body.js";

/** A request on the socket it came by, and what is recorded of it. */
export class SocketRequest extends ApiRequest implements RequestRecord {
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

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, { api, path }: Endpoint) {
    super();
    this.headers = readIncomingHeaders(incoming);
    this.id = toRequestId(this.headers.get("x-request-id") ?? undefined);
    this.api = api.name;
    this.path = path;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#maxBytes = api.maxBodyBytes;
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
