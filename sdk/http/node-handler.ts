import type { IncomingMessage, ServerResponse } from "node:http";
import { watchResponse } from "./client-watch.js";
import type { AppOptions } from "./app-options.js";
import { record, type Endpoint } from "./endpoint.js";
import { collect } from "./request-body.js";
import { readIncomingHeaders } from "./request-headers.js";
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
 * Answers the plain case of an API straight from the socket: the exact path, a body of announced
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
    endpoints.filter(({ entry }) => entry === undefined).map((one) => [one.path, one]),
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
    options.serviceMetrics?.begin(path);
    const answered = await endpoint.answer({
      id,
      headers,
      watch: () => watchResponse(outgoing),
      read: () => collect(incoming, maxBytes.get(path)!),
    });
    const { status, body } = answered;
    record(options, { path, id, method: "POST", status, began });
    if (outgoing.destroyed) return;
    if (status === 204 || status === 205 || status === 304) {
      outgoing.writeHead(status, answered.headers).end();
      return;
    }
    outgoing
      .writeHead(status, { ...answered.headers, "content-length": Buffer.byteLength(body) })
      .end(body);
  }

  return (incoming, outgoing) => {
    const endpoint = byPath.get(incoming.url!);
    if (endpoint === undefined || !isPlain(incoming, maxBytes.get(endpoint.path)!)) return false;
    // `answer` has turned every error into an answer; what is left is a broken socket.
    answer(endpoint, incoming, outgoing).catch(() => outgoing.destroy());
    return true;
  };
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
