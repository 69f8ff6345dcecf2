import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import type * as Zlib from "node:zlib";
import type { Context } from "hono";
import { unlessAborted, type Cancellation } from "../core/cancellation.js";
import { EkibenError } from "../core/errors.js";
import type { HeaderReader } from "../core/header-reader.js";
import type { Admission } from "../service/admission.js";
import { clientClosed, tooLarge } from "./body-faults.js";
import { collect } from "./socket-body.js";

const UNPACKERS = {
  gzip: "createGunzip",
  "x-gzip": "createGunzip",
  deflate: "createInflate",
  br: "createBrotliDecompress",
} as const;

type Coding = keyof typeof UNPACKERS;

/** The content codings that a request body may have. */
const CONTENT_CODINGS = "gzip, deflate, br";

/** What a body may take, and when it has to be there. */
export interface BodyAllowance {
  /** The most bytes of the body, both as it travels and unpacked. */
  maxBytes: number;
  /** Bytes that come are held for it; what comes too late is not read to its end. */
  admission: Pick<Admission, "hold" | "free" | "cancellation">;
}

export interface BodyLimits extends BodyAllowance {
  /**
   * Nothing has been in front that may have read or replaced the body, so that it may be taken from
   * the socket without a web stream in between.
   */
  untouched: boolean;
}

/**
 * Reads the body of a request and unpacks it.
 * @throws BODY_TOO_LARGE as soon as that is known, MEDIA_TYPE_UNSUPPORTED for an unknown content
 * coding, BODY_MALFORMED when it does not unpack, BODY_BUDGET_EXCEEDED when there is no room for it,
 * CLIENT_CLOSED when the client left meanwhile, and REQUEST_INCOMPLETE when it took too long.
 */
export async function readBody(
  c: Context,
  headers: HeaderReader,
  limits: BodyLimits,
): Promise<Uint8Array> {
  const { maxBytes } = limits;
  checkAnnounced(headers, maxBytes);
  const incoming = limits.untouched ? findIncoming(c) : undefined;
  const packed =
    incoming === undefined ? await readWeb(c, limits) : await readIncoming(incoming, limits);
  return headers.get("content-encoding") === null ? packed : await unpack(packed, headers, limits);
}

function readIncoming(incoming: IncomingMessage, allowance: BodyAllowance): Promise<Uint8Array> {
  return new Promise((takeBody, reject) => collect(incoming, allowance, { takeBody, reject }));
}

function checkAnnounced(headers: HeaderReader, maxBytes: number): void {
  const announced = headers.get("content-length");
  if (announced !== null && Number(announced) > maxBytes) {
    throw tooLarge(maxBytes, Number(announced));
  }
}

/**
 * The body of a request as it comes, unpacked.
 * @throws what `readBody` throws, while it is read
 */
export async function* streamBody(
  c: Context,
  headers: HeaderReader,
  limits: BodyLimits,
): AsyncGenerator<Uint8Array> {
  const incoming = limits.untouched ? findIncoming(c) : undefined;
  if (incoming !== undefined) yield* streamIncoming(incoming, headers, limits);
  else yield* streamChunks(readWebChunks(c), headers, limits);
}

/** The body of a request from its socket, as it comes, unpacked. */
export async function* streamIncoming(
  incoming: IncomingMessage,
  headers: HeaderReader,
  allowance: BodyAllowance,
): AsyncGenerator<Uint8Array> {
  yield* streamChunks(readIncomingChunks(incoming), headers, allowance);
}

async function* streamChunks(
  chunks: AsyncIterable<Uint8Array>,
  headers: HeaderReader,
  { maxBytes, admission }: BodyAllowance,
): AsyncGenerator<Uint8Array> {
  checkAnnounced(headers, maxBytes);
  const inTime = untilAborted(chunks, admission.cancellation);
  yield* holdChunks(unpackChunks(limitChunks(inTime, maxBytes), headers, maxBytes), admission);
}

/** Stops to wait for a chunk when the time of the request is over, or its client has gone. */
async function* untilAborted(
  chunks: AsyncIterable<Uint8Array>,
  cancellation: Cancellation,
): AsyncGenerator<Uint8Array> {
  const source = chunks[Symbol.asyncIterator]();
  let stop!: () => void;
  const aborted = new Promise<"aborted">((resolve) => {
    stop = () => resolve("aborted");
    cancellation.addEventListener("abort", stop);
  });
  if (cancellation.aborted) stop();
  try {
    for (;;) {
      const next = source.next();
      const first = await Promise.race([next, aborted]);
      if (first === "aborted") {
        next.catch(() => {});
        throw cancellation.reason;
      }
      if (first.done === true) return;
      yield first.value;
    }
  } finally {
    cancellation.removeEventListener("abort", stop);
    // Not awaited: it waits for the chunk that did not come.
    source.return?.().catch(() => {});
  }
}

async function* holdChunks(
  chunks: AsyncIterable<Uint8Array>,
  admission: BodyAllowance["admission"],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    admission.hold(chunk.byteLength);
    yield chunk;
  }
}

async function* readIncomingChunks(incoming: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    // Who stops to read early still owes the client an answer on the same socket.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      yield chunk as Uint8Array;
    }
  } catch (error) {
    throw clientClosed(error);
  } finally {
    // What nobody reads is let go by, or the next request of the connection would never be met.
    incoming.resume();
  }
}

async function* readWebChunks(c: Context): AsyncGenerator<Uint8Array> {
  if (Object.keys(c.req.bodyCache).length > 0) {
    yield new Uint8Array(await c.req.arrayBuffer());
    return;
  }
  const body = c.req.raw.body as AsyncIterable<Uint8Array> | null;
  if (body === null) return;
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw clientClosed(error);
  }
}

async function* limitChunks(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

async function* unpackChunks(
  chunks: AsyncIterable<Uint8Array>,
  headers: HeaderReader,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let unpacked = chunks;
  // They are listed in the order in which they were applied (RFC 9110, 8.4).
  for (const coding of readCodings(headers).toReversed()) {
    unpacked = limitChunks(unpackWith(unpacked, coding), maxBytes);
  }
  yield* unpacked;
}

async function* unpackWith(
  chunks: AsyncIterable<Uint8Array>,
  coding: Coding,
): AsyncGenerator<Uint8Array> {
  // Most bodies come as they are, and a start need not load what unpacks the others.
  const zlib = createRequire(import.meta.url)("node:zlib") as typeof Zlib;
  const unpacker = zlib[UNPACKERS[coding]]();
  let failed: unknown;
  // What fails while the packed bytes are read is not the fault of the packing.
  const source = Readable.from(
    (async function* () {
      try {
        yield* chunks;
      } catch (error) {
        failed = error;
        throw error;
      }
    })(),
    { objectMode: false },
  );
  source.on("error", (error) => unpacker.destroy(error));
  try {
    for await (const chunk of source.pipe(unpacker)) yield chunk as Uint8Array;
  } catch (error) {
    throw failed ?? notPacked(coding, error);
  } finally {
    source.destroy();
  }
}

function findIncoming(c: Context): IncomingMessage | undefined {
  const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  if (incoming === undefined || incoming.readableDidRead) return undefined;
  // The server makes requests of a type derived from Request. A plain one was made from it on the
  // way here, such as by `app.mount`, and its own stream takes the body from the socket.
  return Object.getPrototypeOf(c.req.raw) === Request.prototype ? undefined : incoming;
}

/** For a request that is not from a socket, or whose body a middleware may have looked at. */
async function readWeb(c: Context, { maxBytes, admission }: BodyAllowance): Promise<Uint8Array> {
  try {
    const isRead = Object.keys(c.req.bodyCache).length > 0;
    const announced = Number(c.req.header("content-length") ?? 0);
    if (!isRead) admission.hold(announced);
    const body = isRead || announced > 0 ? undefined : c.req.raw.body;
    if (body === null) return new Uint8Array();
    if (body !== undefined) return await collectWeb(body, { maxBytes, admission });
    const whole = unlessAborted(c.req.arrayBuffer(), admission.cancellation);
    const bytes = new Uint8Array(await whole);
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes, bytes.byteLength);
    if (isRead) admission.hold(bytes.byteLength);
    return bytes;
  } catch (error) {
    // A TypeError means that the body was read before in a way that leaves nothing of it.
    if (error instanceof EkibenError || error instanceof TypeError) throw error;
    throw clientClosed(error);
  }
}

async function collectWeb(
  body: ReadableStream<Uint8Array>,
  { maxBytes, admission }: BodyAllowance,
): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await unlessAborted(reader.read(), admission.cancellation);
      if (done) return Buffer.concat(chunks, size);
      size += value.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      admission.hold(value.byteLength);
      chunks.push(value);
    }
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error;
  }
}

/** By chunks: what a small body unpacks to is held as it grows, and not known before. */
async function unpack(
  packed: Uint8Array,
  headers: HeaderReader,
  { maxBytes, admission }: BodyAllowance,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const unpacked = unpackChunks(once(packed), headers, maxBytes);
  for await (const chunk of holdChunks(unpacked, admission)) chunks.push(chunk);
  admission.free(packed.byteLength);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

/** The codings of a body in the order in which they were applied. @throws MEDIA_TYPE_UNSUPPORTED */
function readCodings(headers: HeaderReader): Coding[] {
  const header = headers.get("content-encoding");
  if (header === null) return [];
  const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
  const packed = codings.filter((coding) => coding !== "identity" && coding !== "");
  if (packed.length > MOST_CODINGS) throw refuseCoding(header);
  for (const coding of packed) if (!Object.hasOwn(UNPACKERS, coding)) throw refuseCoding(coding);
  return packed as Coding[];
}

/** Each further coding multiplies what a small body can unpack to on its way. */
const MOST_CODINGS = 3;

function refuseCoding(received: string): EkibenError {
  return new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
    detail: `The content coding ${JSON.stringify(received.slice(0, 40))} is not accepted.`,
    hint: "Send the body as it is, or packed with one of the accepted codings.",
    expected: CONTENT_CODINGS,
    received: received.slice(0, 40),
  });
}

function notPacked(coding: string, cause: unknown): EkibenError {
  return new EkibenError("BODY_MALFORMED", {
    detail: `The body does not unpack with ${coding}.`,
    hint: "Check that it is packed as Content-Encoding says, and complete.",
    cause,
  });
}
