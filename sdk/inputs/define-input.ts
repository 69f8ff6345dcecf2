import type { z } from "zod";
import type { EkibenError } from "../core/errors.js";
import type { JsonSchema } from "../core/json-schema.js";
import type { Rejection } from "../core/rejection.js";
import { checkOptionNames, invalidOptionOf } from "./check-options.js";
import { createDefinedInput, type DefinedInputOptions } from "./defined-input.js";
import type { CardinalityOf, Input, InputContent, ManyOf, OneOf } from "./input.js";
import type { InputRequest } from "./input-request.js";

/**
 * A zod schema of what a caller sends, told by the one part that the types need: some compilers infer
 * nothing through the whole of `z.ZodType`.
 */
export interface SchemaOf<Sent> {
  readonly _zod: { readonly input: Sent };
}

/** What every input of an author's own may say. */
export interface DefineInputOptions<Sent> {
  /** A name for messages and the manifest. @default "custom" */
  kind?: string;
  /** The media types that it reads; the first one is the default. @default ["application/json"] */
  mediaTypes?: readonly string[];
  /** Describes a request, in zod or JSON Schema. It is shown, and checked only by `parse`. */
  schema?: SchemaOf<Sent> | JsonSchema;
  /** A request as a caller writes it, shown where the API has no `example` of its own. */
  example?: Sent;
  /** The description of requests by media type, in place of `schema` and `example`. */
  content?: Readonly<Record<string, InputContent>>;
  /** Writes what a caller gives. @default bytes and text as they are, anything else as JSON */
  encode?(value: Sent): Uint8Array | string;
  /**
   * Answers a request that is malformed or not valid with `reject(status, body)`, in place of the
   * standard answer, which stays when nothing is returned.
   */
  onInvalid?(error: EkibenError, request: InputRequest): Rejection | void;
}

/** An input whose requests are one item each. */
export interface OneInputOptions<Item, Many, Sent> extends DefineInputOptions<Sent> {
  many?: false;
  input?: undefined;
  /** Makes the item of a request. It may throw `reject(status, body)`. */
  parse(request: InputRequest): Item | Rejection | Promise<Item | Rejection>;
  /** Makes the argument of a handler with `batch`. @default the array of items */
  merge?(items: Item[]): Many;
}

/** An input whose requests are lists of items. */
export interface ManyInputOptions<Item, Many, Sent> extends DefineInputOptions<Sent> {
  many: true;
  input?: undefined;
  /**
   * Makes the items of a request, with `reject(status, body)` in the place of an item that has its
   * answer already. It may throw `reject(status, body)` for the whole request.
   */
  parse(
    request: InputRequest,
  ): readonly (Item | Rejection)[] | Promise<readonly (Item | Rejection)[]>;
  /** Makes the argument of a handler. @default the array of items */
  merge?(items: Item[]): Many;
}

/** An input whose items are checked by a schema. */
export interface CheckedInputOptions<
  Schema extends z.ZodType,
  Many,
  Sent,
> extends DefineInputOptions<Sent> {
  many: true;
  input?: undefined;
  /** Checks each item that `parse` has made; handlers get what it answers. */
  items: Schema;
  /** As without `items`, with items that are yet to be checked. */
  parse(request: InputRequest): readonly unknown[] | Promise<readonly unknown[]>;
  merge?(items: z.output<Schema>[]): Many;
}

/** An input that finds in a request what another input reads. */
export interface WrappedInputOptions<I extends Input, Sent> extends DefineInputOptions<Sent> {
  many?: undefined;
  /** The input that reads the value. */
  input: I;
  /**
   * Finds the JSON value for `input`. In an array for an input of many items `reject(status, body)`
   * stands for an item that has its answer already.
   */
  parse(request: InputRequest): unknown;
}

/**
 * Makes an input of your own: `parse` turns a request into an item, with `many` into a list of items,
 * with `input` into the JSON value that another input reads.
 *
 * `parse` may wait. It may throw `reject(status, body)`, which answers the request, and errors of
 * `request.text()` and `request.json()` pass to the client; whatever else it throws is
 * HANDLER_FAILED. It runs on the thread that answers, so one that computes long holds up all others.
 * When a batch is tried again it is asked anew, so that a handler finds its items unchanged.
 * @throws SERVICE_INVALID, SCHEMA_UNSUPPORTED
 * @example defineInput({ input: dataframe(Row), parse: (request) => request.json().df_data })
 */
export function defineInput<I extends Input, Sent = any>(
  options: WrappedInputOptions<I, Sent>,
): Input<Sent, OneOf<I>, ManyOf<I>, CardinalityOf<I>>;
export function defineInput<Schema extends z.ZodType, Many = z.output<Schema>[], Sent = any>(
  options: CheckedInputOptions<Schema, Many, Sent>,
): Input<Sent, Many, Many, "many">;
export function defineInput<Item, Many = Item[], Sent = any>(
  options: ManyInputOptions<Item, Many, Sent>,
): Input<Sent, Many, Many, "many">;
export function defineInput<Item, Many = Item[], Sent = any>(
  options: OneInputOptions<Item, Many, Sent>,
): Input<Sent, Item, Many, "one">;
export function defineInput(options: AnyInputOptions): Input {
  return createDefinedInput(checkOptions(options as DefinedInputOptions));
}

type AnyInputOptions = Omit<DefinedInputOptions, "schema"> & { schema?: unknown };

const NAMES: readonly string[] = [
  "kind",
  "mediaTypes",
  "many",
  "input",
  "items",
  "parse",
  "merge",
  "encode",
  "schema",
  "example",
  "content",
  "onInvalid",
] satisfies (keyof DefinedInputOptions)[];

function checkOptions(options: DefinedInputOptions): DefinedInputOptions {
  const invalid = invalidOptionOf("defineInput");
  checkOptionNames(options, NAMES, invalid);
  const functions = ["parse", "merge", "encode", "onInvalid"] as const;
  const wrong = functions.find(
    (name) =>
      typeof options[name] !== "function" && (name === "parse" || options[name] !== undefined),
  );
  if (wrong !== undefined) throw invalid(`\`${wrong}\` is not a function.`, HINT);
  if (options.input === undefined) {
    if (options.items === undefined || options.many === true) return options;
    throw invalid("`items` needs `many`.", "For one item write `input: json(schema)`.");
  }
  if (typeof options.input?.toArgument !== "function") {
    throw invalid(
      "`input` is not an input.",
      "Make it with an input function, such as json(schema).",
    );
  }
  const other = (["merge", "many", "items"] as const).find((name) => options[name] !== undefined);
  if (other === undefined) return options;
  throw invalid(`\`${other}\` is decided by \`input\`.`, "Leave it out.");
}

const HINT = "Write defineInput({ parse: (request) => request.json() }).";
