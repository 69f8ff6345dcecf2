import type { HeaderReader } from "../core/header-reader.js";
import type { JsonSchema } from "../core/json-schema.js";
import type { Rejection } from "../core/rejection.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import type { TensorDescription } from "../tensor/tensor.js";

/** What is known of the body of a request before it is read. */
export interface BodyHead {
  /** The media type in lower case without parameters, `""` when the request names none. */
  mediaType: string;
  /** The parameters of the media type, names in lower case, such as `charset`. */
  parameters: Readonly<Record<string, string>>;
  /** The headers of the request, where there is one. */
  headers?: HeaderReader;
}

/** The body of one request, before anything was made of it. */
export interface RequestBody extends BodyHead {
  /** The raw bytes, already unpacked when they came compressed. */
  bytes: Uint8Array;
}

/** The body of one request while it arrives. */
export interface StreamedBody extends BodyHead {
  /**
   * The bytes as they come, already unpacked; may be read once.
   * @throws BODY_TOO_LARGE, CLIENT_CLOSED and what unpacking throws, while it is read.
   */
  chunks: AsyncIterable<Uint8Array>;
  /** To be told of bytes that are on disk now and no longer in memory. */
  onDisk?: ((bytes: number) => void) | undefined;
}

/** One parsed and validated request: how many items it carries, and what only its input reads. */
export interface Payload<Data = unknown> {
  /** The items for the handler, without those in `rejected`. */
  readonly items: number;
  readonly data: Data;
  /**
   * What the input answers itself, by place in the request: an answer has `items` outputs of the
   * handler and these bodies, in the order of the request. Only for `many`.
   */
  readonly rejected?: ReadonlyMap<number, Rejection>;
  /** Frees what the request holds outside of memory; called once, when its handler has ended. */
  release?(): Promise<void>;
}

/** One way to write a request: a media type, its schema, and an example as a caller writes it. */
export interface InputContent {
  schema: JsonSchema;
  /** A JSON value for JSON types, otherwise text; shown on the page. */
  example?: unknown;
  /** The media types of the parts of a form (OpenAPI 3.1, encoding object). */
  encoding?: Readonly<Record<string, { contentType: string }>>;
}

/** A request as it is sent. */
export interface EncodedBody {
  bytes: Uint8Array;
  /** With its parameters, such as `multipart/form-data; boundary=x`. */
  mediaType: string;
  /** Further headers that say how to read the bytes. */
  headers?: Readonly<Record<string, string>>;
}

/**
 * What a client has to know to write a request, beside the kind and the media types; plain data,
 * which `/metadata` shows.
 */
export interface InputHints {
  /** For tables that are read in one orient only: that orient, and the columns in their order. */
  readonly orient?: string;
  readonly columns?: readonly string[];
  /** For tensors: the element type, and the sizes of one item, `null` where any will do. */
  readonly dtype?: string;
  readonly shape?: readonly (number | null)[];
  /** For forms: the parts by name. */
  readonly parts?: Readonly<Record<string, InputPart>>;
}

/** A part of a form, which is an input of its own. */
export interface InputPart extends InputHints {
  readonly kind: string;
  readonly mediaTypes: readonly string[];
  /** Whether a caller gives a list, each entry of which is a part. */
  readonly repeated: boolean;
}

/** `one`: a request is one item. `many`: a request is a table or list of items. */
export type Cardinality = "one" | "many";

/**
 * What every input does: it turns the body of a request into a payload on its own, so that an
 * answer never depends on who shared the batch, and joins payloads into a handler's argument.
 *
 * `Sent` is what a caller writes, `One` the argument of a handler without `batch`, and `Many` the
 * argument of a handler with `batch`, which holds the items of several requests.
 */
export interface Input<Sent = any, One = any, Many = any, Items extends Cardinality = Cardinality> {
  /** The name of the input's kind, such as `json` or `dataframe`. */
  readonly kind: string;
  readonly cardinality: Items;
  /** The media types it reads; the first one is the default and what `encode` writes. */
  readonly mediaTypes: readonly string[];
  readonly hints?: InputHints;

  /**
   * Parses and validates one request. It answers at once wherever it can: a promise costs a small
   * request a few percent.
   * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED or INPUT_INVALID; or a `Rejection`, which
   * answers the request.
   */
  parse(body: RequestBody): Payload | Promise<Payload>;
  /** Reads a body while it arrives, in place of `parse`, for bodies that need not fit in memory. */
  parseStream?(body: StreamedBody): Promise<Payload>;
  /**
   * Parses a request that is part of something else, as a JSON value that nobody else holds: a part
   * of a form, or the body of another protocol. @throws what `parse` throws
   */
  parseJson?(value: unknown): Payload | Promise<Payload>;
  /** Parses a request that came as named tensors, as in the Open Inference Protocol. @throws INPUT_INVALID */
  parseTensors?(tensors: readonly NamedTensor[]): Payload | Promise<Payload>;
  /** The tensors that `parseTensors` takes; the first dimension counts the items and is free. */
  describeTensors?(): readonly TensorDescription[];
  /** Writes a value as a caller would send it, for inline calls and examples; the same each time. */
  encode(value: Sent): EncodedBody;
  /** The argument of a handler without `batch`. */
  toArgument(payload: Payload): One;
  /** The argument of a handler with `batch`: the items of all payloads, in order. */
  merge(payloads: readonly Payload[]): Many;
  /** Cuts a payload into payloads of at most `maxItems` items each; only for `many`. */
  split?(payload: Payload, maxItems: number): Payload[];
  /**
   * The contract of the body by media type, for OpenAPI; with a value as a caller writes it also what
   * that looks like, in the media types that are text.
   */
  content(example?: Sent): Readonly<Record<string, InputContent>>;
  /** The JSON Schema of one item, for the manifest. */
  itemSchema(): JsonSchema;
}

export type SentOf<I> = I extends Input<infer Sent, any, any, any> ? Sent : never;
export type OneOf<I> = I extends Input<any, infer One, any, any> ? One : never;
export type ManyOf<I> = I extends Input<any, any, infer Many, any> ? Many : never;
export type CardinalityOf<I> = I extends Input<any, any, any, infer Items> ? Items : never;
