import type { ApiShape, CallArguments, Service } from "../service/infer.js";
import type { ServiceContract } from "./contract.js";

// Readable for TypeScript 5.0.4 with Node10 resolution, strict or not, as ../service/infer.ts is.

/** Headers of every request, or what makes them for each one, such as a token that expires. */
export type ClientHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

export interface ClientOptions {
  headers?: ClientHeaders;
  /**
   * Milliseconds from the call to its answer, with all retries; for a stream to its first value, and
   * again to each further one. The service is told, and does not compute what is no longer waited for.
   * @default the time limit of the API and five seconds
   */
  timeoutMs?: number;
  /** How often a request is sent again, where that is safe. @default 2 */
  retries?: number;
  /** What `GET /metadata` answers, to save that request. */
  contract?: ServiceContract;
  /** Sends the requests. @default the `fetch` of the platform */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** What goes with the input of a call. */
export interface ClientCallOptions<Params = any, Query = any> {
  /** The parameters of the path. */
  params?: Params;
  /** The parameters of the query string. */
  query?: Query;
  /** Further headers; `x-request-id` names the request in the log of the service. */
  headers?: Readonly<Record<string, string>>;
  /** Ends the call, and a stream at any time. */
  signal?: AbortSignal;
  /** As in the options of the client. */
  timeoutMs?: number;
  /** As in the options of the client. */
  retries?: number;
  /**
   * Says that handling the request twice does no harm: it is then also sent again when the service
   * may have handled it, as after a lost connection. @default true for GET, otherwise false
   */
  idempotent?: boolean;
  /** Another media type that the API answers in; the answer is then text, bytes or JSON as it came. */
  accept?: undefined;
}

type AcceptOptions<Params, Query> = Omit<ClientCallOptions<Params, Query>, "accept"> & {
  accept: string;
};

/**
 * The values of a stream, one by one as they come. Awaited, it says first whether the service began
 * to answer.
 */
export interface ClientStream<Item>
  extends AsyncIterable<Item>, PromiseLike<AsyncIterableIterator<Item>> {}

/** What a client may give for a file beside what `service.call` takes. */
type SentBytes = ArrayBuffer | Blob | ReadableStream<Uint8Array>;

type IsAny<T> = 0 extends 1 & T ? true : false;

/** Files and images, told by what they have in common; a stream is no part of a form. */
type WithBytes<Sent, Bytes> = [Uint8Array | { b64: string }] extends [Sent] ? Sent | Bytes : Sent;

type WithPart<Part> = Part extends readonly (infer Each)[]
  ? [Uint8Array | { b64: string }] extends [Each]
    ? (Each | ArrayBuffer | Blob)[]
    : Part
  : Part;

/** A form is told by its file: any other object stays as it is, and with it its messages. */
type WithParts<Sent> = Sent extends ArrayLike<any> | ArrayBufferView
  ? Sent
  : Sent extends object
    ? { [K in keyof Sent]: WithBytes<WithPart<Sent[K]>, ArrayBuffer | Blob> }
    : Sent;

type ClientSent<Sent> = [IsAny<Sent>] extends [true]
  ? Sent
  : [unknown] extends [Sent]
    ? Sent
    : [Sent] extends [void]
      ? Sent
      : [Uint8Array | { b64: string }] extends [Sent]
        ? Sent | SentBytes
        : WithParts<Sent>;

type SentShape<Api> =
  Api extends ApiShape<infer Sent, infer Result, infer Params, infer Query, infer Streams>
    ? ApiShape<ClientSent<Sent>, Result, Params, Query, Streams>
    : never;

/** Calls an API; with `accept` the answer is what that media type holds. */
export interface ClientCall<Api, Result, Params, Query> {
  (...sent: CallArguments<Api, ClientCallOptions<Params, Query>>): Promise<Result>;
  (...sent: Required<CallArguments<Api, AcceptOptions<Params, Query>>>): Promise<unknown>;
}

type ApiCall<Api> = [IsAny<Api>] extends [true]
  ? (...sent: any[]) => any
  : Api extends ApiShape<any, infer Result, infer Params, infer Query, infer Streams>
    ? [Streams] extends [true]
      ? (
          ...sent: CallArguments<SentShape<Api>, ClientCallOptions<Params, Query>>
        ) => ClientStream<Result extends readonly (infer Item)[] ? Item : Result>
      : ClientCall<SentShape<Api>, Result, Params, Query>
    : never;

/** Typed calls of the APIs of a service, one function an API. */
export type Client<S> =
  S extends Service<infer Shape>
    ? { readonly [K in keyof Shape["apis"]]: ApiCall<Shape["apis"][K]> }
    : never;
