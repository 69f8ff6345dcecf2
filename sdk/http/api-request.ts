import type { Cancellation } from "../core/cancellation.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Payload, RequestBody } from "../inputs/input.js";
import type { RequestTrace } from "../observability/traces/tracing.js";
import type { Admission } from "../service/admission.js";
import type { CallFacts } from "../service/call-facts.js";
import type { ApiDefinition } from "../service/definition.js";
import type { AnswerWriter } from "../service/runtime.js";
import type { StreamBody } from "./stream-chunks.js";
import type { WatchedCall } from "./watched-call.js";

/**
 * A request to an API, whichever way it came in. A class, as is all that is made for each request: V8
 * makes functions that are the values of an object literal's properties in the old generation, where
 * they keep their request from the collector of young objects.
 */
export abstract class ApiRequest {
  abstract readonly id: string;
  abstract readonly method: string;
  /** When it arrived, in milliseconds of `performance.now()`. */
  abstract readonly began: number;
  abstract readonly headers: HeaderReader;
  /** The parameters of its path and of its query string, as they were sent. */
  abstract readonly params: Readonly<Record<string, unknown>>;
  abstract readonly query: Readonly<Record<string, unknown>>;
  /** Filled in by the runtime when somebody wants to know. */
  facts: CallFacts | undefined = undefined;
  trace: RequestTrace | undefined = undefined;
  /** What the prediction log notes of it, if it does. */
  call: WatchedCall | undefined = undefined;
  /** Bytes of the body that were read whole. */
  received: number | undefined = undefined;
  /** Whether its body was handed on as it came. */
  streamed = false;

  /** Milliseconds since it arrived, which middlewares may have had. */
  abstract elapsedMs(): number;
  /** The path and the query string as they were sent. */
  abstract target(): string;
  /** Starts to watch the client. */
  abstract watch(): Cancellation;
  /** The bytes are held for the admission, and read until its time is over; fails as `readBody` does. */
  abstract read(admission: Admission, reader: BodyReader): void;
  /** The body as it comes, for inputs that read it so. */
  abstract stream(admission: Admission): AsyncIterable<Uint8Array>;
}

/** Whoever reads a body: one of both is called, once, and neither throws. */
export interface BodyReader {
  takeBody(bytes: Uint8Array): void;
  reject(error: unknown): void;
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
  body: string | Uint8Array | StreamBody;
}
