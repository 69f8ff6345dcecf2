import { getRequestListener } from "@hono/node-server";
import { createServer, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { findNodeHandler } from "../http/node-handler.js";
import { acceptWaiting } from "./accept-waiting.js";
import { answerClientFault, closeGently, refuseRequest, toRefusal } from "./client-fault.js";

/** What answers requests: a Hono app, or anything with its `fetch`. */
export interface App {
  fetch(request: Request, env?: any): Response | Promise<Response>;
}

export interface CloseOptions {
  /** Milliseconds until connections that still wait for an answer are cut. @default 30_000 */
  drainMs?: number;
  /**
   * Milliseconds in which a connection without a request stays open, so that a request already on
   * its way is answered instead of being reset. @default 250
   */
  lingerMs?: number;
}

/** A Node server whose app can be exchanged; its connections come from a port or from elsewhere. */
export interface AppServer {
  readonly server: Server;
  /** Open connections. */
  countConnections(): number;
  /** Requests from now on go to this app; those under way end in the app that has them. */
  setApp(app: App): void;
  /** Takes a connection that another process has accepted. */
  take(socket: Socket): void;
  /** Stops accepting, answers what is under way and closes. Calling it again joins the first call. */
  close(options?: CloseOptions): Promise<{ cut: number }>;
}

const TIMEOUTS = {
  headersTimeout: 20_000,
  requestTimeout: 120_000,
  // Longer than the 60 s after which common load balancers drop an idle connection: the side that
  // closes first must be the one that opens, or a request meets a closed socket.
  keepAliveTimeout: 65_000,
};

/** Creates a server that does not listen yet. */
export function createAppServer(app: App): AppServer {
  let current = app;
  let handleNode = findNodeHandler(app);
  const listener = getRequestListener((request, env) => current.fetch(request, env), {
    // HTTP/1.0 knows no Host, and the probes of some load balancers speak it.
    hostname: "localhost",
    errorHandler: toRefusal,
  });
  const server = createServer({ ...TIMEOUTS, requireHostHeader: false }, (incoming, outgoing) => {
    if (incoming.headers.host === undefined && incoming.httpVersion === "1.1") {
      return refuseRequest(outgoing, "It has no Host header");
    }
    // An app may have a shorter way for the plain case; see the handler for what that is.
    if (handleNode?.(incoming, outgoing) !== true) void listener(incoming, outgoing);
  });
  // Nobody has to know every expectation (RFC 9110, 10.1.1); Node would answer 417 without a body.
  server.on("checkExpectation", (incoming, outgoing) => server.emit("request", incoming, outgoing));
  const connections = trackConnections(server);
  let watched = false;

  let closing: Promise<{ cut: number }> | undefined;
  return {
    server,
    countConnections: () => connections.latest.size,
    setApp(next) {
      current = next;
      handleNode = findNodeHandler(next);
    },
    take(socket) {
      if (!watched && !server.listening) {
        watched = true;
        // Node looks for slow and for idle connections only once a server listens.
        server.emit("listening");
      }
      // As a server of Node makes the connections that it accepts itself.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      server.emit("connection", socket);
    },
    close: (how = {}) => (closing ??= close(server, connections, how)),
  };
}

interface Connections {
  /** The latest response of each open connection. */
  readonly latest: Map<Socket, ServerResponse | undefined>;
  closing: boolean;
  /** Called when the last connection has closed; a server that never listened does not tell. */
  onEmpty: () => void;
}

function trackConnections(server: Server): Connections {
  const connections: Connections = { latest: new Map(), closing: false, onEmpty() {} };
  server.on("connection", (socket: Socket) => {
    connections.latest.set(socket, undefined);
    socket.once("close", () => {
      connections.latest.delete(socket);
      if (connections.latest.size === 0) connections.onEmpty();
    });
    // Node calls it after an answer with which the connection ends.
    const destroySoon = socket.destroySoon.bind(socket);
    socket.destroySoon = () => {
      if (connections.latest.get(socket)?.req.complete === false) closeGently(socket);
      else destroySoon();
    };
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    answerClientFault(error, socket, connections.latest.get(socket));
  });
  server.prependListener("request", (request, response) => {
    connections.latest.set(request.socket, response);
    if (connections.closing) response.shouldKeepAlive = false;
  });
  return connections;
}

async function close(
  server: Server,
  connections: Connections,
  { drainMs = 30_000, lingerMs = 250 }: CloseOptions,
): Promise<{ cut: number }> {
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const empty = new Promise<void>((resolve) => {
    connections.onEmpty = resolve;
    if (connections.latest.size === 0) resolve();
  });
  await acceptWaiting();
  // Whoever is told to close its connection opens another: from here on that is refused, not reset.
  connections.closing = true;
  for (const response of connections.latest.values()) {
    if (response !== undefined && !response.headersSent) response.shouldKeepAlive = false;
  }
  // `http.Server.close` cuts idle connections at once, with a request perhaps on the wire.
  NetServer.prototype.close.call(server);

  let cut = 0;
  // A connection can also become idle later, when its response had its headers sent before.
  let sweeping: NodeJS.Timeout | undefined;
  const lingering = setTimeout(() => {
    server.closeIdleConnections();
    sweeping = setInterval(() => server.closeIdleConnections(), 50);
  }, lingerMs);
  const limit = setTimeout(() => {
    cut = connections.latest.size;
    server.closeAllConnections();
  }, drainMs);
  await Promise.all([closed, empty]);
  clearTimeout(lingering);
  clearInterval(sweeping);
  clearTimeout(limit);
  // Stops the timer with which Node looks for slow connections.
  server.close();
  return { cut };
}
