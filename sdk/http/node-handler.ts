import type { IncomingMessage, ServerResponse } from "node:http";
import type { AppOptions } from "./app-options.js";
import type { Endpoint } from "./endpoint.js";
import { beginTrace, traceCall } from "./request-trace.js";
import { SocketRequest } from "./socket-request.js";

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
 * doubtful case, is left to Hono, whose answers are the same: the plain case is spared the request and
 * the response of the web platform.
 */
export function createNodeHandler(
  endpoints: readonly Endpoint[],
  options: AppOptions,
): NodeHandler {
  const byPath = new Map(
    endpoints
      .filter(({ guarded, api }) => {
        return !guarded && api.method === "POST" && !api.route.includes(":");
      })
      .map((endpoint) => [endpoint.path, endpoint]),
  );

  // Most requests are for the same endpoint as the one before: to compare with its path costs less
  // than to look up a text that has just been read from a socket.
  let last: Endpoint | undefined;

  return (incoming, outgoing) => {
    const url = incoming.url!;
    const endpoint = last?.path === url ? last : byPath.get(url);
    if (endpoint === undefined || !isPlain(incoming, endpoint.api.maxBodyBytes)) return false;
    last = endpoint;
    const { path } = endpoint;
    options.serviceMetrics?.begin(path, "POST");
    const request = new SocketRequest(incoming, outgoing, endpoint, options);
    if (options.tracing !== undefined) {
      const { id, method, headers, began } = request;
      traceCall(request, beginTrace(options, { id, method, route: path, headers, began }));
    }
    endpoint.serve(request, request);
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
