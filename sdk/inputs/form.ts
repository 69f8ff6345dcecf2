import { EkibenError } from "../core/errors.js";
import { checkOptionNames, invalidOptionOf } from "./check-options.js";
import { describeContent, describeItem, describeParts } from "./describe-form.js";
import { describeValue } from "./findings.js";
import {
  createPartCollector,
  readsJson,
  readsText,
  type PartSpec,
  type ReadParts,
} from "./form-parts.js";
import type {
  EncodedBody,
  Input,
  OneOf,
  Payload,
  RequestBody,
  SentOf,
  StreamedBody,
} from "./input.js";
import { isJsonType, parseJson, readText, refuseMediaType } from "./json-text.js";
import { collectChunks, MULTIPART_TYPE, readParts, toChunks } from "./multipart.js";
import { readFields, URL_ENCODED_TYPE } from "./url-encoded.js";
import { writeForm } from "./write-form.js";

const JSON_TYPE = "application/json";

/** The inputs of a form, by the names of its parts. */
export type FormParts = Readonly<Record<string, Input>>;

export interface FormOptions<Optional extends PropertyKey, Repeated extends PropertyKey> {
  /** The names of parts that need not come. */
  optional?: readonly Optional[];
  /** The names of parts that may come more than once: the handler gets an array of them. */
  repeated?: readonly Repeated[];
  /** The most parts of a request, those that are dropped among them. @default 1000 */
  maxParts?: number;
  /** The most bytes of a part that has to be in memory: any but files. @default 33_554_432 */
  maxPartBytes?: number;
}

type Fields<P, Kind extends "sent" | "one", Repeated> = {
  [K in keyof P]: K extends Repeated ? Field<P[K], Kind>[] : Field<P[K], Kind>;
};
type Field<I, Kind> = Kind extends "sent" ? SentOf<I> : OneOf<I>;
type WithOptional<T, K extends keyof T> = { [Each in keyof Omit<T, K>]: T[Each] } & {
  [Each in K]?: T[Each];
};

/** A form as a caller gives it. */
export type SentForm<
  P,
  Optional extends keyof P = never,
  Repeated extends keyof P = never,
> = WithOptional<Fields<P, "sent", Repeated>, Optional>;

/** A form as a handler gets it. Repeated parts that did not come are an empty array. */
export type ReadForm<
  P,
  Optional extends keyof P = never,
  Repeated extends keyof P = never,
> = WithOptional<Fields<P, "one", Repeated>, Exclude<Optional, Repeated>>;

/**
 * Reads a form, each part by an input of its own: `multipart/form-data`, or a JSON object with a
 * property a part, or a URL-encoded form where all parts can be text. The handler gets an object with
 * what each part's input makes of it. Parts that are not declared are dropped.
 * @throws SERVICE_INVALID when `optional` or `repeated` names no part.
 * @example form({ photo: file(), note: text() }, { optional: ["note"] })
 */
export function form<
  P extends FormParts,
  Optional extends keyof P & string = never,
  Repeated extends keyof P & string = never,
>(
  parts: P,
  options: FormOptions<Optional, Repeated> = {},
): Input<
  SentForm<P, Optional, Repeated>,
  ReadForm<P, Optional, Repeated>,
  ReadForm<P, Optional, Repeated>[],
  "one"
> {
  return createFormInput(toSpecs(parts, options), options) as never;
}

type FieldValues = Record<string, unknown>;
type AnyForm = Input<FieldValues, FieldValues, FieldValues[], "one">;

function createFormInput(
  specs: ReadonlyMap<string, PartSpec>,
  options: FormOptions<string, string>,
): AnyForm {
  const { maxParts = 1000, maxPartBytes = 32 * 1024 * 1024 } = options;
  const all = [...specs.values()];
  const hasJson = all.every(({ input }) => readsJson(input));
  const hasText = all.every(({ input }) => readsText(input));
  const mediaTypes = Object.freeze([
    MULTIPART_TYPE,
    ...(hasText ? [URL_ENCODED_TYPE] : []),
    ...(hasJson ? [JSON_TYPE] : []),
  ]);

  type Collector = ReturnType<typeof createPartCollector>;

  async function collect(read: (collector: Collector) => Promise<void>): Promise<Payload> {
    const collector = createPartCollector(specs, maxPartBytes);
    try {
      await read(collector);
      return toPayload(collector.finish(), collector.release);
    } catch (error) {
      await collector.release();
      throw error;
    }
  }

  function readWhole(body: RequestBody): Promise<Payload> {
    if (hasJson && body.mediaType !== "" && isJsonType(body.mediaType)) {
      return fromValue(parseJson(readText(body)));
    }
    if (!hasText || body.mediaType !== URL_ENCODED_TYPE) return refuseMediaType(body, mediaTypes);
    return collect(async (collector) => {
      for (const [name, text] of readFields(body.bytes, maxParts))
        await collector.addText(name, text);
    });
  }

  function fromValue(value: unknown): Promise<Payload> {
    return collect(async (collector) => {
      for (const [name, part] of listFields(value, specs)) await collector.addValue(name, part);
    });
  }

  async function parseStream(body: StreamedBody): Promise<Payload> {
    if (body.mediaType === MULTIPART_TYPE) {
      return await collect((collector) => readParts(body, collector.addPart, { maxParts }));
    }
    const { chunks, ...head } = body;
    if (!mediaTypes.includes(head.mediaType) && !isJsonType(head.mediaType)) {
      refuseMediaType(head, mediaTypes);
    }
    return await readWhole({ ...head, bytes: await collectChunks(chunks) });
  }

  return Object.freeze({
    kind: "form",
    cardinality: "one",
    mediaTypes,
    hints: Object.freeze({ parts: describeParts(all) }),
    parse: ({ bytes, ...head }) => parseStream({ ...head, chunks: toChunks(bytes) }),
    parseStream,
    ...(hasJson ? { parseJson: fromValue } : {}),
    encode: (sent) => encodeForm(specs, sent),
    toArgument: (payload) => toFields(specs, payload),
    merge: (payloads) => payloads.map((payload) => toFields(specs, payload)),
    content: (example) => describeContent(all, mediaTypes, example),
    itemSchema: () => describeItem(all),
  } satisfies AnyForm);
}

interface FormPayload {
  readonly parts: ReadParts;
}

function toPayload(parts: ReadParts, release: () => Promise<void>): Payload<FormPayload> {
  const holds = [...parts.values()].flat().some((payload) => payload.release !== undefined);
  const data = Object.freeze({ parts });
  return Object.freeze({ items: 1, data, ...(holds ? { release } : {}) });
}

function toFields(specs: ReadonlyMap<string, PartSpec>, payload: Payload): FieldValues {
  const { parts } = (payload as Payload<FormPayload>).data;
  const fields: [string, unknown][] = [];
  for (const { name, input, repeated } of specs.values()) {
    const values = (parts.get(name) ?? []).map((part): unknown => input.toArgument(part));
    if (repeated || values.length > 0) fields.push([name, repeated ? values : values[0]]);
  }
  return Object.fromEntries(fields);
}

/** The declared properties of a JSON object, those of repeated parts one by one. */
function listFields(value: unknown, specs: ReadonlyMap<string, PartSpec>): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("an object with a property a part", describeValue(value));
  }
  const fields: [string, unknown][] = [];
  for (const { name, repeated } of specs.values()) {
    if (!Object.hasOwn(value, name)) continue;
    const part = (value as FieldValues)[name];
    if (!repeated) fields.push([name, part]);
    else if (Array.isArray(part)) for (const each of part) fields.push([name, each]);
    else throw refuse("an array", describeValue(part), name);
  }
  return fields;
}

function encodeForm(specs: ReadonlyMap<string, PartSpec>, sent: FieldValues): EncodedBody {
  const given = (sent ?? {}) as FieldValues;
  const parts = [...specs.values()].flatMap(({ name, input, optional, repeated }) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (optional) return [];
      throw refuse("a value", "nothing", name);
    }
    const values = repeated ? (value as readonly unknown[]) : [value];
    return values.map((each) => ({ name, body: input.encode(each) }));
  });
  return writeForm(parts);
}

function refuse(expected: string, received: string, path?: string): EkibenError {
  const message = `expected ${expected}, received ${received}`;
  return new EkibenError("INPUT_INVALID", {
    detail: `The form is not valid: ${path === undefined ? "" : `part ${JSON.stringify(path)}: `}${message}.`,
    issues: [{ message, expected, received, ...(path === undefined ? {} : { path }) }],
  });
}

const OPTIONS = ["optional", "repeated", "maxParts", "maxPartBytes"];

function toSpecs(parts: FormParts, options: FormOptions<string, string>): Map<string, PartSpec> {
  const { optional = [], repeated = [] } = options;
  checkOptionNames(options, OPTIONS, invalid);
  const specs = Object.entries(parts).map(([name, input]) => {
    if (typeof input?.toArgument !== "function") {
      throw invalid(`the part ${JSON.stringify(name)} is not an input.`, HINT);
    }
    return [
      name,
      { name, input, optional: optional.includes(name), repeated: repeated.includes(name) },
    ] as const;
  });
  const unknown = [...optional, ...repeated].find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) throw invalid(`there is no part ${JSON.stringify(unknown)}.`, HINT);
  if (specs.length === 0) throw invalid("there has to be at least one part.", HINT);
  return new Map(specs);
}

const invalid = invalidOptionOf("form");
const HINT = 'Write form({ photo: file(), note: text() }, { optional: ["note"] }).';
