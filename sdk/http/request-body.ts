import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { Context } from "hono";
import { EkibenError } from "../core/errors.js";
import type { HeaderReader } from "../core/header-reader.js";

const UNPACK = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

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
  const announced = headers.get("content-length");
  if (announced !== null && Number(announced) > maxBytes) {
    throw tooLarge(maxBytes, Number(announced));
  }
  const incoming = limits.untouched ? findIncoming(c) : undefined;
  const packed =
    incoming === undefined ? await readWeb(c, maxBytes) : await collect(incoming, maxBytes);
  const codings = headers.get("content-encoding");
  return codings === null ? packed : await unpack(packed, codings, maxBytes);
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

async function unpack(packed: Uint8Array, header: string, maxBytes: number): Promise<Uint8Array> {
  const codings = header.split(",").map((coding) => coding.trim().toLowerCase());
  let bytes = packed;
  // They are listed in the order in which they were applied (RFC 9110, 8.4).
  for (const coding of codings.toReversed()) {
    if (coding === "identity" || coding === "") continue;
    if (!Object.hasOwn(UNPACK, coding)) {
      throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
        detail: `The content coding ${JSON.stringify(coding.slice(0, 40))} is not accepted.`,
        hint: "Send the body as it is, or packed with one of the accepted codings.",
        expected: CONTENT_CODINGS,
        received: coding.slice(0, 40),
      });
    }
    bytes = await unpackOne(bytes, coding as keyof typeof UNPACK, maxBytes);
  }
  return bytes;
}

async function unpackOne(
  bytes: Uint8Array,
  coding: keyof typeof UNPACK,
  maxBytes: number,
): Promise<Uint8Array> {
  try {
    return await UNPACK[coding](bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new EkibenError("BODY_MALFORMED", {
      detail: `The body does not unpack with ${coding}.`,
      hint: "Check that it is packed as Content-Encoding says, and complete.",
      cause: error,
    });
  }
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
