import type { z } from "zod";
import type { JsonSchema } from "../core/json-schema.js";
import type { Cardinality } from "../inputs/input.js";
import type { NamedTensor } from "../tensor/named-tensor.js";
import type { TensorDescription } from "../tensor/tensor.js";

/** The outputs of one request, as its handler gave them, in the order of its items. */
export interface OutputSlice {
  readonly count: number;
  /** The single outputs. */
  values(): unknown[];
  /** The JSON text of the outputs, as an array. */
  printJson(): string;
  /** Columns by name where the handler gave columns or a DataFrame, so that no rows need be made. */
  columns?(): Readonly<Record<string, ArrayLike<unknown>>>;
  /** One tensor whose first dimension counts the outputs, where the handler gave one. */
  tensor?(): ShapedElements;
}

/** The elements of a tensor in row-major order. */
export interface ShapedElements {
  readonly data: ArrayLike<unknown>;
  readonly dims: readonly number[];
}

/** How an answer is to be written. */
export interface OutputFormat {
  /** One of the output's media types. */
  mediaType: string;
  /** Whether the request was one item, so that the answer is one output. */
  cardinality: Cardinality;
}

/** The body of an answer. */
export type OutputBody = string | Uint8Array;

/** What an answer looks like in one media type. */
export interface OutputContent {
  schema: JsonSchema;
}

/**
 * What a client has to know to read an answer, beside the kind and the media types; plain data, which
 * `/metadata` shows.
 */
export interface OutputHints {
  /** For tables that are not written as records: their orient, and the columns that are known. */
  readonly orient?: string;
  readonly columns?: readonly string[];
  /** For tensors: the element type. */
  readonly dtype?: string;
}

/**
 * What every output does: it writes the outputs of a request in a media type that its client takes.
 * An output that `streams` writes one item of the handler's generator at a time instead.
 *
 * `Item` is one output as a handler returns it, `Result` what a caller gets for it.
 */
export interface Output<Item = any, Result = any, Streams extends boolean = boolean> {
  /** The name of the output's kind, such as `json` or `tensor`. */
  readonly kind: string;
  /** Describes one output: the contract, and checked in the notebook. */
  readonly schema?: z.ZodType<unknown, Item>;
  /** Whether the handler is a generator, each value of which is sent when it comes. */
  readonly streams: Streams;
  readonly hints?: OutputHints;
  /** The media types it writes for a request of one item or of many; the first one is the default. */
  mediaTypes(cardinality: Cardinality): readonly string[];
  /**
   * Writes the outputs of one request.
   * @throws OUTPUT_INVALID for an output that this kind cannot write.
   */
  write(outputs: OutputSlice, format: OutputFormat): OutputBody | Promise<OutputBody>;
  /** Writes one value of a stream. */
  writeChunk?(value: unknown, mediaType: string): string;
  /** Writes the end of a stream that broke, as a problem document says why. */
  writeBreak?(problem: object, mediaType: string): string;
  /** Writes the end of a stream that did not break, for clients that would ask again. */
  writeEnd?(mediaType: string): string;
  /** What may be written into a stream that is silent, so that nobody on the way closes it. */
  keepAlive?(mediaType: string): string;
  /** Further headers that say how to read the bytes; called after `write`. */
  headers?(outputs: OutputSlice, format: OutputFormat): Readonly<Record<string, string>>;
  /**
   * Reads an answer as a caller gets it: one result, or an array of results for `many` and of a stream;
   * or a promise of that.
   * @throws what broke the answer: the problem of a stream, OUTPUT_INVALID and others.
   */
  read(body: Uint8Array, answer: ReadAnswer): unknown;
  /**
   * The outputs as named tensors, for the Open Inference Protocol.
   * @param cardinality of the request. @default "many"
   * @throws OUTPUT_INVALID
   */
  toTensors?(outputs: OutputSlice, cardinality?: Cardinality): NamedTensor[];
  describeTensors?(): readonly TensorDescription[];
  /** The contract of the answer by media type, for OpenAPI. */
  content(cardinality: Cardinality): Readonly<Record<string, OutputContent>>;
  /** Never there: these carry `Item` and `Result` for the types. */
  readonly item?: Item;
  readonly result?: Result;
}

/**
 * An output whose answer to a request of one item is more than one output, such as a table: `Single`
 * is what the handler returns for it, and `SingleResult` what a caller gets.
 */
export interface SingleOutput<Single, SingleResult> {
  readonly single?: Single;
  readonly singleResult?: SingleResult;
  /** The outputs that `schema` describes in what the handler returned for one item. @throws OUTPUT_INVALID */
  readSingle(returned: unknown): OutputSlice;
}

/** One output as a handler returns it; for `"one"` all that it returns for a request of one item. */
export type ItemOf<O, Items extends Cardinality = "many"> = O extends z.ZodType
  ? z.input<O>
  : [Items] extends ["one"]
    ? O extends SingleOutput<infer Single, any>
      ? Single
      : EachOf<O>
    : EachOf<O>;

type EachOf<O> = O extends Output<infer Item, any, any> ? Item : any;

/** What a caller gets for a request of one item or of many. */
export type ResultOf<O, Items extends Cardinality> = [StreamsOf<O>] extends [true]
  ? EachResultOf<O>[]
  : [Items] extends ["one"]
    ? O extends SingleOutput<any, infer SingleResult>
      ? SingleResult
      : EachResultOf<O>
    : EachResultOf<O>[];

type EachResultOf<O> = O extends z.ZodType
  ? z.input<O>
  : O extends Output<any, infer Result, any>
    ? Result
    : any;

/** Whether the handler is a generator. */
export type StreamsOf<O> = O extends Output<any, any, infer Streams> ? Streams : false;

/** What is known of an answer that is read. */
export interface ReadAnswer extends OutputFormat {
  /** A header of the answer. */
  header(name: string): string | null;
}
