import { EkibenError, type Issue } from "../core/errors.js";
import { isRejection } from "../core/rejection.js";
import type { BodyHead, Input, Payload, StreamedBody } from "./input.js";
import { toJsonBytes } from "./json-bytes.js";
import { matchesType } from "./media-type.js";
import { collectChunks, toChunks, type Part } from "./multipart.js";

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";
/** Types that clients give to what they do not know. */
const UNKNOWN_TYPES: readonly string[] = ["", TEXT_TYPE, "application/octet-stream"];

/** One part of a form, as its author declared it. */
export interface PartSpec {
  readonly name: string;
  readonly input: Input;
  readonly optional: boolean;
  readonly repeated: boolean;
}

/** The parts of one request, by name, each in the order in which it came. */
export type ReadParts = ReadonlyMap<string, readonly Payload[]>;

export interface PartCollector {
  /** Reads a part while it arrives; one that is not declared is left. */
  addPart(part: Part): Promise<void>;
  /** Reads a part that is a JSON value. */
  addValue(name: string, value: unknown): Promise<void>;
  /** Reads a part that is a text of a URL-encoded form. */
  addText(name: string, text: string): Promise<void>;
  /** @throws INPUT_INVALID naming what is missing. */
  finish(): ReadParts;
  /** Frees what the parts so far hold. */
  release(): Promise<void>;
}

/** Reads the parts of one request, each with its own input. */
export function createPartCollector(
  specs: ReadonlyMap<string, PartSpec>,
  maxPartBytes: number,
): PartCollector {
  const read = new Map<string, Payload[]>();

  async function add(
    name: string,
    parse: (input: Input) => Payload | Promise<Payload>,
  ): Promise<void> {
    const spec = specs.get(name);
    if (spec === undefined) return;
    const others = read.get(name) ?? [];
    if (others.length > 0 && !spec.repeated) {
      throw refuseParts([{ path: name, message: "came more than once, expected one" }]);
    }
    read.set(name, others);
    const payload = await parsePart(spec, parse);
    others.push(payload);
    // A form is one item, so an answer to a part of it is an answer to the whole.
    if (payload.rejected !== undefined)
      for (const rejection of payload.rejected.values()) throw rejection;
  }

  return {
    async addPart(part) {
      if (!specs.has(part.name)) return;
      const chunks = await openPart(part);
      if (chunks === undefined) return;
      const { onDisk } = part;
      await add(part.name, (input) => readBody(input, { ...toHead(input, part), chunks, onDisk }));
    },
    addValue: (name, value) => add(name, (input) => readValue(input, value)),
    addText: (name, text) =>
      add(name, (input) => {
        const head = { mediaType: TEXT_TYPE, parameters: {} };
        return readBody(input, { ...toHead(input, head), chunks: toChunks(Buffer.from(text)) });
      }),
    finish() {
      const missing = [...specs.values()].filter((spec) => !spec.optional && !read.has(spec.name));
      if (missing.length > 0) {
        throw refuseParts(missing.map(({ name }) => ({ path: name, message: "is missing" })));
      }
      return read;
    },
    async release() {
      const payloads = [...read.values()].flat();
      await Promise.allSettled(payloads.map(async (payload) => payload.release?.()));
    },
  };

  function readBody(input: Input, body: StreamedBody): Payload | Promise<Payload> {
    if (input.parseStream !== undefined) return input.parseStream(body);
    return readWhole(input, body);
  }

  async function readWhole(input: Input, { chunks, ...head }: StreamedBody): Promise<Payload> {
    const bytes = await collectChunks(chunks, maxPartBytes, () => refuseSize(maxPartBytes));
    return await input.parse({ ...head, bytes });
  }
}

/** Whether the parts of a form can be values of a JSON object. */
export function readsJson(input: Input): boolean {
  return input.parseJson !== undefined || input.mediaTypes.includes(JSON_TYPE);
}

/** Whether the parts of a form can be the fields of a URL-encoded one. */
export function readsText(input: Input): boolean {
  return input.mediaTypes.includes(TEXT_TYPE) || input.mediaTypes.includes(JSON_TYPE);
}

function readValue(input: Input, value: unknown): Payload | Promise<Payload> {
  if (input.parseJson !== undefined) return input.parseJson(value);
  return input.parse({ bytes: toJsonBytes(value), mediaType: JSON_TYPE, parameters: {} });
}

/**
 * What an input is told of its part. A part without a content type is text by RFC 7578; for an input
 * that reads no text, and where the client did not know the type, it is what the input expects.
 */
function toHead(input: Input, { mediaType, parameters, headers }: BodyHead): BodyHead {
  const known = input.mediaTypes.some((pattern) => matchesType(pattern, mediaType));
  const type = !known && UNKNOWN_TYPES.includes(mediaType) ? "" : mediaType;
  return { mediaType: type, parameters, ...(headers === undefined ? {} : { headers }) };
}

/** The content of a part; `undefined` for the empty file that a browser sends when none was chosen. */
async function openPart({ headers, chunks }: Part): Promise<AsyncIterable<Uint8Array> | undefined> {
  const disposition = headers.get("content-disposition") ?? "";
  if (!/;\s*filename=""/i.test(disposition)) return chunks;
  const rest = chunks[Symbol.asyncIterator]();
  const first = await rest.next();
  return first.done === true ? undefined : withFirst(first.value, rest);
}

async function* withFirst(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

async function parsePart(
  { name, input }: PartSpec,
  parse: (input: Input) => Payload | Promise<Payload>,
): Promise<Payload> {
  try {
    return await parse(input);
  } catch (error) {
    throw isRejection(error) ? error : nameError(name, error);
  }
}

/** An error of a part, with the part in its words and its paths. */
function nameError(name: string, error: unknown): unknown {
  if (!(error instanceof EkibenError)) return error;
  const { detail, issues, ...facts } = error.facts;
  const issue = { path: name, message: detail };
  return new EkibenError(error.code, {
    ...facts,
    detail: `Part ${JSON.stringify(name)}: ${detail}`,
    ...(issues === undefined && error.code !== "INPUT_INVALID"
      ? {}
      : {
          issues: issues?.map((each) => ({ ...each, path: joinPath(name, each.path) })) ?? [issue],
        }),
  });
}

function joinPath(name: string, path: string | undefined): string {
  if (path === undefined || path === "") return name;
  return path.startsWith("[") ? `${name}${path}` : `${name}.${path}`;
}

function refuseParts(issues: readonly Issue[]): EkibenError {
  const said = issues.map(({ path, message }) => `part ${JSON.stringify(path)} ${message}`);
  return new EkibenError("INPUT_INVALID", {
    detail: `The form is not valid: ${said.join(", ")}.`,
    issues,
  });
}

function refuseSize(maxPartBytes: number): EkibenError {
  return new EkibenError("BODY_TOO_LARGE", {
    detail: `It has more than the ${maxPartBytes} bytes that a part in memory may have.`,
    hint: "Send a smaller part, or raise `maxPartBytes` of form().",
    expected: maxPartBytes,
  });
}
