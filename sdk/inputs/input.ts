import type { JsonSchema } from "../core/json-schema.js";

/** The body of one request, before anything was made of it. */
export interface RequestBody {
  /** The raw bytes, already unpacked when they came compressed. */
  bytes: Uint8Array;
  /** The media type in lower case without parameters, `""` when the request names none. */
  mediaType: string;
  /** The parameters of the media type, names in lower case, such as `charset`. */
  parameters: Readonly<Record<string, string>>;
}

/** One parsed and validated request: how many items it carries, and what only its input reads. */
export interface Payload<Data = unknown> {
  readonly items: number;
  readonly data: Data;
}

/** One way to write a request: a media type, its schema, and examples by name. */
export interface InputContent {
  schema: JsonSchema;
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

  /**
   * Parses and validates one request.
   * @throws BODY_MALFORMED, MEDIA_TYPE_UNSUPPORTED or INPUT_INVALID.
   */
  parse(body: RequestBody): Payload;
  /** Writes a value as a caller would send it, for inline calls and examples. */
  encode(value: Sent): { bytes: Uint8Array; mediaType: string };
  /** The argument of a handler without `batch`. */
  toArgument(payload: Payload): One;
  /** The argument of a handler with `batch`: the items of all payloads, in order. */
  merge(payloads: readonly Payload[]): Many;
  /** Cuts a payload into payloads of at most `maxItems` items each; only for `many`. */
  split?(payload: Payload, maxItems: number): Payload[];
  /** The contract of the body by media type, for OpenAPI. */
  content(): Readonly<Record<string, InputContent>>;
  /** The JSON Schema of one item, for the manifest. */
  itemSchema(): JsonSchema;
}

export type SentOf<I> = I extends Input<infer Sent, any, any, any> ? Sent : never;
export type OneOf<I> = I extends Input<any, infer One, any, any> ? One : never;
export type ManyOf<I> = I extends Input<any, any, infer Many, any> ? Many : never;
export type CardinalityOf<I> = I extends Input<any, any, any, infer Items> ? Items : never;
