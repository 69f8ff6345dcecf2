import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzip,
  inflate,
} from "node:zlib";
import type { Context } from "hono";
import { EkibenError } from "../core/errors.js";
import type { HeaderReader } from "../core/header-reader.js";

const UNPACK = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

const UNPACKERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

type Coding = keyof typeof UNPACK;

/** The content codings that a request body may have. */
const CONTENT_CODINGS = "gzip, deflate, br";

export interface BodyLimits {
  /** The most bytes of the body, both as it travels and unpacked. */
  maxBytes: number;
  /**
   * Nothing has been in front that may have read or replaced the body, so that it may be taken from
   * the socket without a web stream in between.
   */
  untouched: boolean;
}

/**
 * Reads the body of a request and unpacks it.
 * @throws BODY_TOO_LARGE as soon as that is known, MEDIA_TYPE_UNSUPPORTED for an unknown content
 * coding, BODY_MALFORMED when it does not unpack, and CLIENT_CLOSED when the client left meanwhile.
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
    incoming === undefined ? await readWeb(c, maxBytes) : await collect(incoming, maxBytes);
  return headers.get("content-encoding") === null
    ? packed
    : await unpack(packed, headers, maxBytes);
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
  const { maxBytes } = limits;
  checkAnnounced(headers, maxBytes);
  const incoming = limits.untouched ? findIncoming(c) : undefined;
  if (incoming !== undefined) yield* streamIncoming(incoming, headers, maxBytes);
  else yield* unpackChunks(limitChunks(readWebChunks(c), maxBytes), headers, maxBytes);
}

/** The body of a request from its socket, as it comes, unpacked. */
export async function* streamIncoming(
  incoming: IncomingMessage,
  headers: HeaderReader,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  checkAnnounced(headers, maxBytes);
  const chunks = readIncomingChunks(incoming);
  yield* unpackChunks(limitChunks(chunks, maxBytes), headers, maxBytes);
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
  const unpacker = UNPACKERS[coding]();
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

/** The body of a request from its socket. */
export function collect(incoming: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stop = (): void => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      stop();
      // Without a reader the socket backs up; the server cuts it after the answer.
      incoming.pause();
      reject(tooLarge(maxBytes));
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    };
    const onClose = (): void => {
      stop();
      reject(clientClosed());
    };
    if (incoming.destroyed) return onClose();
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

/** For a request that is not from a socket, or whose body a middleware may have looked at. */
async function readWeb(c: Context, maxBytes: number): Promise<Uint8Array> {
  try {
    const isRead = Object.keys(c.req.bodyCache).length > 0;
    const body =
      isRead || c.req.header("content-length") !== undefined ? undefined : c.req.raw.body;
    if (body === null) return new Uint8Array();
    if (body !== undefined) return await collectWeb(body, maxBytes);
    const bytes = new Uint8Array(await c.req.arrayBuffer());
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes, bytes.byteLength);
    return bytes;
  } catch (error) {
    // A TypeError means that the body was read before in a way that leaves nothing of it.
    if (error instanceof EkibenError || error instanceof TypeError) throw error;
    throw clientClosed(error);
  }
}

async function collectWeb(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    if (size > maxBytes) {
      void reader.cancel().catch(() => {});
      throw tooLarge(maxBytes);
    }
    chunks.push(value);
  }
}

async function unpack(
  packed: Uint8Array,
  headers: HeaderReader,
  maxBytes: number,
): Promise<Uint8Array> {
  let bytes = packed;
  for (const coding of readCodings(headers).toReversed()) {
    try {
      bytes = await UNPACK[coding](bytes, { maxOutputLength: maxBytes });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(maxBytes) : notPacked(coding, error);
    }
  }
  return bytes;
}

/** The codings of a body in the order in which they were applied. @throws MEDIA_TYPE_UNSUPPORTED */
function readCodings(headers: HeaderReader): Coding[] {
  const header = headers.get("content-encoding");
  if (header === null) return [];
  const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
  const packed = codings.filter((coding) => coding !== "identity" && coding !== "");
  if (packed.length > MOST_CODINGS) throw refuseCoding(header);
  for (const coding of packed) if (!Object.hasOwn(UNPACK, coding)) throw refuseCoding(coding);
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

function tooLarge(maxBytes: number, received?: number): EkibenError {
  return new EkibenError("BODY_TOO_LARGE", {
    detail: `The body has more than the ${maxBytes} bytes that are accepted here.`,
    hint: "Send fewer items in a request, or raise `maxBodyBytes` of the API.",
    expected: maxBytes,
    ...(received === undefined ? {} : { received }),
  });
}

function clientClosed(cause?: unknown): EkibenError {
  return new EkibenError("CLIENT_CLOSED", {
    detail: "The client closed the request before its body was complete.",
    cause,
  });
}
