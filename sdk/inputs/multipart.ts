import type { Dicer } from "@fastify/busboy";
import { EkibenError } from "../core/errors.js";
import type { HeaderReader } from "../core/header-reader.js";
import { parseDisposition } from "./disposition.js";
import type { RequestBody, StreamedBody } from "./input.js";
import { parseMediaType } from "./media-type.js";

export const MULTIPART_TYPE = "multipart/form-data";

/** The most characters of the headers of a part. */
const MOST_HEADER = 16 * 1024;
const MOST_HEADER_PAIRS = 64;
/** The most characters of the name of a part. */
const LONGEST_NAME = 256;
/** RFC 2046, section 5.1.1. */
const LONGEST_BOUNDARY = 70;
/** The parser works through a piece at once, so a piece bounds how much it may hold of further parts. */
const PIECE = 64 * 1024;

/** One part of a form while it arrives. Its `headers` are those of the part. */
export interface Part extends StreamedBody {
  name: string;
  headers: HeaderReader;
}

export interface PartsOptions {
  /** @default 1000 */
  maxParts?: number;
}

type PartStream = Dicer.PartStream;

/**
 * Reads a `multipart/form-data` body while it arrives. `take` gets the parts one after the other, the
 * next when its promise has resolved; what it leaves of a part is skipped.
 * @throws BODY_MALFORMED, and what `take` and the body throw; by then no `take` is running.
 */
export async function readParts(
  body: StreamedBody,
  take: (part: Part) => Promise<void>,
  { maxParts = 1000 }: PartsOptions = {},
): Promise<void> {
  const boundary = findBoundary(body);
  const { Dicer } = await import("@fastify/busboy");
  // One more than is allowed: the parser cuts what is longer and does not say so.
  const limits = { maxHeaderSize: MOST_HEADER + 1, maxHeaderPairs: MOST_HEADER_PAIRS + 1 };
  const dicer = new Dicer({ boundary, ...limits });
  const open = new Set<PartStream>();
  let count = 0;
  let withoutHeader = false;
  let finished = false;
  let taken: Promise<void> = Promise.resolve();
  let failure: { error: unknown } | undefined;
  let wake = (): void => {};

  function fail(error: unknown): void {
    failure ??= { error };
    wake();
  }

  function onPart(stream: PartStream): void {
    stream.on("error", () => {});
    if (withoutHeader) return fail(malformed(`Part ${count} has no end of its headers.`));
    count += 1;
    if (count > maxParts) return fail(malformed(`The form has more than ${maxParts} parts.`));
    open.add(stream);
    stream.on("close", () => open.delete(stream));
    const place = count;
    withoutHeader = true;
    stream.on("header", (header: object) => {
      withoutHeader = false;
      taken = taken.then(async () => {
        if (failure !== undefined) return;
        await take({ ...toPart(header as PartHeader, stream, place), onDisk: body.onDisk });
        stream.resume();
      });
      taken.catch(fail);
    });
  }

  /** Resolves when `done` was called or something has failed. */
  async function until(start: (done: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (failure === undefined) start(resolve);
      else resolve();
    });
    if (failure !== undefined) throw failure.error;
  }

  dicer.on("part", onPart);
  dicer.on("error", (cause) => fail(malformed("The form is cut short.", cause)));
  dicer.on("finish", () => {
    finished = true;
    wake();
  });
  try {
    for await (const piece of inPieces(body.chunks)) {
      // What follows the last boundary is no part of the form.
      if (finished) continue;
      await until((done) => void dicer.write(piece, () => done()));
    }
    if (!finished) await until(() => void dicer.end());
    await until((done) => void taken.then(done, () => {}));
    if (withoutHeader) throw malformed(`Part ${count} has no end of its headers.`);
  } catch (error) {
    fail(error);
    for (const stream of open) stream.destroy();
    await taken.catch(() => {});
    throw failure!.error;
  }
}

/**
 * Reads a form that holds one file and nothing else, as an HTML form with one file field sends it:
 * the file as a body of its own. `take` gets it while it arrives.
 * @throws BODY_MALFORMED when the form has no part or several, and what `readParts` throws.
 */
export async function readSinglePartStream<T>(
  body: StreamedBody,
  take: (part: Part) => Promise<T>,
): Promise<T> {
  let result: { value: T } | undefined;
  await readParts(body, async (part) => {
    if (result !== undefined) throw refuseCount();
    result = { value: await take(part) };
  });
  if (result === undefined) throw refuseCount();
  return result.value;
}

/** The same for a form that is in memory. @throws BODY_MALFORMED */
export function readSinglePart(body: RequestBody): Promise<RequestBody> {
  const { bytes, ...head } = body;
  return readSinglePartStream({ ...head, chunks: toChunks(bytes) }, async (part) => {
    const { chunks, mediaType, parameters, headers } = part;
    return { bytes: await collectChunks(chunks), mediaType, parameters, headers };
  });
}

/** Bytes in memory as a body that arrives. */
export async function* toChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** @throws what `tooLarge` makes, as soon as there are more than `maxBytes`. */
export async function collectChunks(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = Infinity,
  tooLarge?: () => EkibenError,
): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge!();
    list.push(chunk);
  }
  return list.length === 1 ? list[0]! : Buffer.concat(list, size);
}

function refuseCount(): EkibenError {
  return malformed("The form has to hold one file and nothing else.");
}

function findBoundary({ mediaType, parameters }: StreamedBody): string {
  const boundary = parameters["boundary"];
  if (mediaType === MULTIPART_TYPE && boundary !== undefined && boundary !== "") {
    if (boundary.length <= LONGEST_BOUNDARY) return boundary;
    throw malformed(`The boundary of the form has more than ${LONGEST_BOUNDARY} characters.`);
  }
  throw new EkibenError("BODY_MALFORMED", {
    detail: "The content type of the form names no boundary.",
    hint: "Let the client make the header: most set it themselves when they are given a form.",
    expected: `${MULTIPART_TYPE}; boundary=…`,
    received: mediaType,
  });
}

/** The headers of a part, each with the bytes of its values as characters. */
type PartHeader = Readonly<Record<string, readonly string[]>>;

function toPart(header: PartHeader, stream: PartStream, place: number): Part {
  const headers = readHeaders(header, place);
  const { type, name } = parseDisposition(headers.get("content-disposition") ?? "");
  if (type !== "form-data" || name === undefined) {
    throw malformed(
      `Part ${place} of the form has no name.`,
      undefined,
      'Each part needs a header such as Content-Disposition: form-data; name="note".',
    );
  }
  if (name.length > LONGEST_NAME) {
    throw malformed(`The name of part ${place} has more than ${LONGEST_NAME} characters.`);
  }
  const coding = headers.get("content-transfer-encoding")?.trim().toLowerCase() ?? "binary";
  if (!["binary", "7bit", "8bit"].includes(coding)) {
    throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
      detail: `Part ${JSON.stringify(name)} has the transfer encoding ${JSON.stringify(coding.slice(0, 40))}, which is not read here.`,
      hint: "Send its bytes as they are.",
      expected: "binary",
      received: coding.slice(0, 40),
    });
  }
  return {
    name,
    ...parseMediaType(headers.get("content-type")),
    headers,
    // A stream that is destroyed would hold up the parts behind it.
    chunks: stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
  };
}

function readHeaders(header: PartHeader, place: number): HeaderReader {
  const lines = Object.entries(header).flatMap(([key, values]) =>
    values.map((value) => `${key}: ${value}\r\n`),
  );
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  if (size > MOST_HEADER || lines.length > MOST_HEADER_PAIRS) {
    throw malformed(
      `The headers of part ${place} have more than ${MOST_HEADER} bytes or ${MOST_HEADER_PAIRS} lines.`,
    );
  }
  return {
    get(name) {
      const value = header[name.toLowerCase()]?.[0];
      return value === undefined ? null : Buffer.from(value, "latin1").toString("utf8");
    },
  };
}

async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { buffer, byteOffset, byteLength } of chunks) {
    for (let at = 0; at < byteLength; at += PIECE) {
      yield Buffer.from(buffer, byteOffset + at, Math.min(PIECE, byteLength - at));
    }
  }
}

function malformed(detail: string, cause?: unknown, hint?: string): EkibenError {
  return new EkibenError("BODY_MALFORMED", {
    detail,
    ...(hint === undefined ? {} : { hint }),
    expected: MULTIPART_TYPE,
    ...(cause === undefined ? {} : { cause }),
  });
}
