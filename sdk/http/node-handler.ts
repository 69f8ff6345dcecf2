import type { IncomingMessage, ServerResponse } from "node:http";
import { watchResponse } from "./client-watch.js";
import type { AppOptions } from "./app-options.js";
import { WITHOUT_BODY, type Endpoint } from "./endpoint.js";
import { record } from "./entry.js";
import { collect, streamIncoming } from "./request-body.js";
import { readIncomingHeaders } from "./request-headers.js";
import { NO_PARAMETERS } from "./request-parameters.js";
import { toRequestId } from "./request-id.js";

/** Answers a request of Node's own server, or says that it does not. */
export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/** Under this key an app offers a shorter way to its APIs. */
export const NODE_HANDLER = Symbol.for("ekiben.node-handler");

/** The shorter way of an app, if it has one. */
export function findNodeHandler(app: object): NodeHandler | undefined {
  return (app as { [NODE_HANDLER]?: NodeHandler })[NODE_HANDLER];
}

/**
 * Answers the plain case of an API straight from the socket: the exact path of a POST, a body of announced
 * and allowed length that is not packed, and no middleware of the author. Everything else, and every
 * doubtful case, is left to Hono, whose answers are the same; requests of a small model take about
 * a fifth less CPU this way.
 */
export function createNodeHandler(
  endpoints: readonly Endpoint[],
  maxBytes: ReadonlyMap<string, number>,
  options: AppOptions,
): NodeHandler {
  const byPath = new Map(
    endpoints
      .filter(({ guarded, api }) => {
        return !guarded && api.method === "POST" && !api.route.includes(":");
      })
      .map((one) => [one.path, one]),
  );

  async function answer(
    endpoint: Endpoint,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
  ): Promise<void> {
    const began = performance.now();
    const { path } = endpoint;
    const headers = readIncomingHeaders(incoming);
    const id = toRequestId(headers.get("x-request-id") ?? undefined);
    options.serviceMetrics?.begin(path, "POST");
    const answered = await endpoint.answer({
      id,
      headers,
      params: NO_PARAMETERS,
      query: NO_PARAMETERS,
      watch: () => watchResponse(outgoing),
      read: () => collect(incoming, maxBytes.get(path)!),
      stream: () => streamIncoming(incoming, headers, maxBytes.get(path)!),
    });
    const { status, body } = answered;
    if (typeof body !== "string" && !(body instanceof Uint8Array)) {
      outgoing.writeHead(status, answered.headers);
      await sendChunks(outgoing, body);
      record(options, { path, id, method: "POST", status, began });
      return;
    }
    record(options, { path, id, method: "POST", status, began });
    if (outgoing.destroyed) return;
    if (WITHOUT_BODY.has(status)) {
      outgoing.writeHead(status, answered.headers).end();
      return;
    }
    const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
    outgoing.writeHead(status, { ...answered.headers, "content-length": length }).end(body);
  }

  return (incoming, outgoing) => {
    const endpoint = byPath.get(incoming.url!);
    if (endpoint === undefined || !isPlain(incoming, maxBytes.get(endpoint.path)!)) return false;
    // `answer` has turned every error into an answer; what is left is a broken socket.
    answer(endpoint, incoming, outgoing).catch(() => outgoing.destroy());
    return true;
  };
}

/** Sends no faster than the client reads; ends the source when the client has gone. */
async function sendChunks(outgoing: ServerResponse, chunks: AsyncIterable<string>): Promise<void> {
  outgoing.flushHeaders();
  for await (const chunk of chunks) {
    if (outgoing.destroyed) break;
    if (outgoing.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        outgoing.off("drain", go).off("close", go);
        resolve();
      };
      outgoing.on("drain", go).on("close", go);
    });
  }
  outgoing.end();
}

function isPlain({ method, headers, httpVersion }: IncomingMessage, maxBytes: number): boolean {
  const length = headers["content-length"];
  return (
    method === "POST" &&
    httpVersion === "1.1" &&
    length !== undefined &&
    Number(length) <= maxBytes &&
    headers.host !== undefined &&
    headers["content-encoding"] === undefined &&
    headers["transfer-encoding"] === undefined &&
    headers.expect === undefined &&
    headers.upgrade === undefined
  );
}
