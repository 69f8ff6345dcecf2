import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { EkibenError, toProblem } from "../core/errors.js";
import { PROBLEM_TYPE } from "../http/problem-response.js";
import { toRequestId } from "../http/request-id.js";

/** Milliseconds in which a client may still read its answer while it sends what nobody reads. */
const LINGER_MS = 500;
const TURN_MS = 10;

/** The client was reset, or ended in the middle of its request. */
const GONE: ReadonlySet<string | undefined> = new Set(["ECONNRESET", "HPE_INVALID_EOF_STATE"]);

const refused = new WeakSet<Socket>();

/**
 * Answers what Node's parser refuses, which no app sees; Node itself would answer without a body.
 * A request of the connection that was accepted before is answered first.
 */
export function answerClientFault(
  error: NodeJS.ErrnoException,
  socket: Socket,
  latest: ServerResponse | undefined,
): void {
  if (!socket.writable || GONE.has(error.code)) {
    if (!socket.writableEnded) socket.destroy();
    return;
  }
  // Each further chunk raises the same error again.
  if (refused.has(socket)) return;
  refused.add(socket);
  refuse(error, socket, latest);
}

function refuse(
  error: NodeJS.ErrnoException,
  socket: Socket,
  latest: ServerResponse | undefined,
): void {
  if (socket.destroyed) return;
  const underWay = latest !== undefined && !latest.writableFinished;
  if (underWay && latest.req.complete) {
    if (!latest.headersSent) latest.shouldKeepAlive = false;
    latest.once("finish", () => closeGently(socket));
    return;
  }
  if (underWay && latest.headersSent) {
    socket.destroy();
    return;
  }
  if (underWay && latest.socket !== socket) {
    // Requests before it are still to be answered; no event tells when its turn has come.
    setTimeout(() => refuse(error, socket, latest), TURN_MS);
    return;
  }
  const { status, headers, body } = toAnswer(explain(error));
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
  closeGently(socket);
}

/**
 * Closes a connection on which something may still come. Closed at once it would be reset, and the
 * client might lose the answer that it has not read yet (RFC 9112, 9.6).
 */
export function closeGently(socket: Socket): void {
  if (socket.writableEnded) return;
  socket.end();
  const late = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(late));
}

/** Answers a request that Node's parser lets through and no app is to see; the connection ends. */
export function refuseRequest(outgoing: ServerResponse, error: unknown): void {
  const { status, headers, body } = toAnswer(error);
  outgoing.writeHead(status, headers).end(body);
}

/** The answer to a request that an app could not answer, or that no `Request` can represent. */
export function toRefusal(error: unknown, isMalformed: boolean): Response {
  const known = isMalformed ? toMalformed((error as Error).message, error as Error) : error;
  const { status, headers, body } = toAnswer(known);
  return new Response(body, { status, headers });
}

function toAnswer(error: unknown) {
  const id = toRequestId(undefined);
  const problem = toProblem(error, id);
  const body = JSON.stringify(problem);
  const { retryAfter } = error instanceof EkibenError ? error.facts : {};
  const headers = {
    ...(retryAfter === undefined ? {} : { "retry-after": String(Math.ceil(retryAfter)) }),
    "content-type": PROBLEM_TYPE,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-request-id": id,
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  return { status: problem.status, headers, body };
}

export function toMalformed(reason: string, cause?: Error): EkibenError {
  return new EkibenError("HTTP_MALFORMED", {
    detail: `What came is not an HTTP request: ${reason}.`,
    hint: "Check how the client writes its requests, and that it does not speak TLS here.",
    cause,
  });
}

function explain(error: NodeJS.ErrnoException): EkibenError {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return new EkibenError("HEADERS_TOO_LARGE", {
        detail: "The headers of the request are larger than this server reads.",
        hint: "Send fewer or shorter headers; data belongs in the body.",
        cause: error,
      });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new EkibenError("REQUEST_INCOMPLETE", {
        detail: "The request had not arrived when its time was over.",
        hint: "Send it faster, or in smaller parts.",
        cause: error,
      });
    default:
      return toMalformed(error.message, error);
  }
}
