import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { isRejection, type Rejection } from "../core/rejection.js";
import {
  describeItem,
  describeRequest,
  encodeRequest,
  type DescribedRequest,
} from "./describe-request.js";
import { describeValue } from "./findings.js";
import type { Input, Payload, RequestBody } from "./input.js";
import { createInputRequest, type InputRequest } from "./input-request.js";
import { addRejected, toItemList, type ItemList } from "./item-list.js";
import { createItemSource, splitItems, takeItems, toItemPayload } from "./item-source.js";
import { toJsonBytes } from "./json-bytes.js";
import { isJsonType, refuseMediaType } from "./json-text.js";
import { matchesType, readMediaTypes } from "./media-type.js";
import { createValueReader } from "./value-reader.js";

const JSON_TYPE = "application/json";

/** The options of `defineInput` with their types let go. */
export interface DefinedInputOptions extends Omit<DescribedRequest, "mediaTypes"> {
  kind?: string;
  mediaTypes?: readonly string[];
  items?: z.ZodType;
  parse(request: InputRequest): unknown;
  merge?(items: unknown[]): unknown;
  onInvalid?(error: EkibenError, request: InputRequest): Rejection | void;
}

/** The input of an author's own. */
export function createDefinedInput(options: DefinedInputOptions): Input {
  const { kind = "custom", input } = options;
  const many = input === undefined ? options.many === true : input.cardinality === "many";
  const mediaTypes = readMediaTypes(options.mediaTypes ?? [JSON_TYPE], "defineInput");
  const readItem =
    options.items === undefined ? undefined : createValueReader(options.items, "defineInput");
  const described = { ...options, mediaTypes };
  const itemSchema = describeItem(described);

  function parse(body: RequestBody): Payload | Promise<Payload> {
    const request = createInputRequest(body);
    const refuse = (error: unknown): never => {
      throw toAnswer(error, request);
    };
    try {
      checkType(body);
      const parsed = options.parse(request);
      // What it waited for cannot be waited for again when the items are asked for once more.
      if (isPromise(parsed)) return parsed.then((value) => read(value)).catch(refuse);
      const payload = read(parsed, () => options.parse(createInputRequest(body)));
      return payload instanceof Promise ? payload.catch(refuse) : payload;
    } catch (error) {
      return refuse(error);
    }
  }

  function checkType(body: RequestBody): void {
    const { mediaType } = body;
    if (mediaType === "" || mediaTypes.some((pattern) => matchesType(pattern, mediaType))) return;
    if (mediaTypes.includes(JSON_TYPE) && isJsonType(mediaType)) return;
    refuseMediaType(body, mediaTypes);
  }

  /** What a client is to know of an error as it is, or as the author words it, and all else as a fault here. */
  function toAnswer(error: unknown, request: InputRequest): Error {
    if (isRejection(error)) return error;
    if (!(error instanceof EkibenError)) return toFault(error);
    if (error.status >= 500 || options.onInvalid === undefined) return error;
    try {
      return options.onInvalid(error, request) ?? error;
    } catch (thrown) {
      return toFault(thrown);
    }
  }

  function toFault(cause: unknown): Error {
    if (cause instanceof EkibenError || isRejection(cause)) return cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    return new EkibenError("HANDLER_FAILED", {
      detail: `The input ${JSON.stringify(kind)} failed: ${message}`,
      cause,
    });
  }

  function guard<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw toFault(error);
    }
  }

  function read(parsed: unknown, again?: () => unknown): Payload | Promise<Payload> {
    if (isRejection(parsed)) throw parsed;
    if (input !== undefined) return readWith(input, parsed);
    const { items, rejected } = listItems(parsed);
    const source = createItemSource(items, again && (() => listItems(again()).items));
    return toItemPayload(source, { from: 0, to: items.length, rejected });
  }

  function listItems(parsed: unknown): ItemList {
    if (many && Array.isArray(parsed)) return toItemList(parsed, readItem);
    if (!many && parsed !== undefined) return { items: [parsed] };
    const expected = many ? "an array of items" : "an item";
    throw new TypeError(`parse returned ${describeValue(parsed)} where ${expected} is expected`);
  }

  function readWith(inner: Input, parsed: unknown): Payload | Promise<Payload> {
    if (!many || !Array.isArray(parsed)) return readValue(inner, parsed);
    const { items, rejected } = toItemList(parsed);
    const payload = readValue(inner, items);
    if (rejected === undefined) return payload;
    const add = (one: Payload): Payload => addRejected(one, rejected, parsed.length);
    return payload instanceof Promise ? payload.then(add) : add(payload);
  }

  const merge = (items: unknown[]): unknown =>
    options.merge === undefined ? items : options.merge(items);
  const own: Pick<Input, "toArgument" | "merge" | "split"> = {
    toArgument: (payload) =>
      guard((): unknown => (many ? merge(takeItems(payload)) : takeItems(payload)[0])),
    merge: (payloads) => guard(() => merge(payloads.flatMap(takeItems))),
    ...(many ? { split: splitItems } : {}),
  };
  const { toArgument, merge: join, split } = input ?? own;

  return Object.freeze({
    kind,
    cardinality: many ? "many" : "one",
    mediaTypes,
    parse,
    ...(mediaTypes.includes(JSON_TYPE)
      ? { parseJson: (value: unknown) => parse(toJsonBody(value)) }
      : {}),
    encode: (value: unknown) => encodeRequest(described, value),
    toArgument,
    merge: join,
    ...(split === undefined ? {} : { split }),
    content: (example?: unknown) => describeRequest(described, example),
    itemSchema: () => structuredClone(itemSchema),
  } satisfies Input) as Input;
}

function readValue(input: Input, value: unknown): Payload | Promise<Payload> {
  return input.parseJson?.(value) ?? input.parse(toJsonBody(value));
}

function toJsonBody(value: unknown): RequestBody {
  return { bytes: toJsonBytes(value), mediaType: JSON_TYPE, parameters: {} };
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | null | undefined)?.then === "function";
}
