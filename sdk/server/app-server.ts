import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type * as Https from "node:https";
import { createRequire } from "node:module";
import { Server as NetServer, type Socket } from "node:net";
import { createOriginReader } from "../http/client-origin.js";
import { findNodeHandler } from "../http/node-handler.js";
import { answerClientFault, closeGently, refuseRequest, toMalformed } from "./client-fault.js";
import { limitConnections } from "./connection-limit.js";
import type { HostCheck } from "./host-check.js";
import { createHonoListener } from "./hono-listener.js";
import { HANDSHAKE_MS, type TlsOptions } from "./tls.js";

/** What answers requests: a Hono app, or anything with its `fetch`. */
export interface App {
  fetch(request: Request, env?: any): Response | Promise<Response>;
}

/** What stands before an app. */
export interface AppServerOptions {
  /** Judges each request before the app sees it. @default lets every one pass */
  check?: HostCheck | undefined;
  limits?: ConnectionLimits | undefined;
  /** Told of each request that was refused here, and each connection that was dropped. */
  onRefused?: ((reason: "host" | "connections") => void) | undefined;
  /** Speaks TLS with these. */
  tls?: TlsOptions;
  /** Where proxies are that are believed what they say of their clients. @default nowhere */
  trustProxy?: readonly string[];
}

/** What a client may take of a server before an app sees its request. */
export interface ConnectionLimits {
  /** The most connections; probes are answered on some more. @default no limit */
  maxConnections?: number | undefined;
  /** Milliseconds until the headers of a request have to be there. @default 20_000 */
  headersTimeoutMs?: number;
  /** Milliseconds until all of a request has to be there. @default 120_000 */
  requestTimeoutMs?: number;
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
  setApp(app: App, check?: HostCheck): void;
  /** Takes a connection that another process has accepted. */
  take(socket: Socket): void;
  /** Stops accepting, answers what is under way and closes. Calling it again joins the first call. */
  close(options?: CloseOptions): Promise<{ cut: number }>;
}

const SERVER_OPTIONS = {
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false,
  // Longer than the 60 s after which common load balancers drop an idle connection: the side that
  // closes first must be the one that opens, or a request meets a closed socket.
  keepAliveTimeout: 65_000,
};

/** Milliseconds from listening until what the first request for Hono needs is loaded without it. */
const HONO_AFTER_MS = 500;

/** Creates a server that does not listen yet. */
export function createAppServer(app: App, options: AppServerOptions = {}): AppServer {
  const { tls, trustProxy } = options;
  const readOrigin = trustProxy === undefined ? undefined : createOriginReader(trustProxy);
  let current = app;
  let { check } = options;
  const { limits = {}, onRefused } = options;
  let handleNode = findNodeHandler(app);
  const hono = createHonoListener((request, env) => current.fetch(request, env));
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    connections.latest.set(incoming.socket, outgoing);
    if (connections.closing) outgoing.shouldKeepAlive = false;
    const origin = readOrigin?.(incoming);
    if (origin?.host !== undefined) incoming.headers.host = origin.host;
    const { headers, url, socket } = incoming;
    if (headers.host === undefined && incoming.httpVersion === "1.1") {
      return refuseRequest(outgoing, toMalformed("It has no Host header"));
    }
    const fault = check?.(incoming);
    if (fault !== undefined) {
      onRefused?.("host");
      return refuseRequest(outgoing, fault);
    }
    if (connectionLimit?.isBeyond(socket) === true) {
      outgoing.shouldKeepAlive = false;
      const beyond = connectionLimit.check(url!);
      if (beyond !== undefined) return refuseRequest(outgoing, beyond);
    }
    // An app may have a shorter way for the plain case; see the handler for what that is.
    if (handleNode?.(incoming, outgoing) === true) return;
    if (origin?.protocol !== undefined && incoming.url!.startsWith("/")) {
      // The only form of a request target that tells the scheme.
      incoming.url = `${origin.protocol}://${incoming.headers.host ?? "localhost"}${incoming.url}`;
    }
    hono.answer(incoming, outgoing);
  };
  const serverOptions = { ...SERVER_OPTIONS, ...toTimes(limits) };
  const server =
    tls === undefined
      ? createServer(serverOptions, answer)
      : (loadHttps().createServer(
          { ...serverOptions, handshakeTimeout: HANDSHAKE_MS, ...tls },
          answer,
        ) as unknown as Server);
  // Nobody has to know every expectation (RFC 9110, 10.1.1); Node would answer 417 without a body.
  server.on("checkExpectation", (incoming, outgoing) => server.emit("request", incoming, outgoing));
  const opened = tls === undefined ? "connection" : "secureConnection";
  const connections = trackConnections(server, opened);
  const { maxConnections } = limits;
  const connectionLimit =
    maxConnections === undefined
      ? undefined
      : limitConnections(server, opened, maxConnections, () => onRefused?.("connections"));
  let watched = false;

  // When the server has begun and nobody waits for it, so that the first such request need not.
  server.once("listening", () => {
    setTimeout(() => hono.load().catch(() => {}), HONO_AFTER_MS).unref();
  });

  let closing: Promise<{ cut: number }> | undefined;
  return {
    server,
    countConnections: () => connections.open.size,
    setApp(next, nextCheck = check) {
      current = next;
      check = nextCheck;
      handleNode = findNodeHandler(next);
    },
    take(socket) {
      if (!watched && !server.listening) {
        watched = true;
        // Node looks for slow and for idle connections only once a server listens.
        server.emit("listening");
      }
      // As a server of Node makes the connections that it accepts itself.
      socket.allowHalfOpen = tls === undefined;
      socket.setNoDelay(true);
      server.emit("connection", socket);
    },
    close: (how = {}) => (closing ??= close(server, connections, how)),
  };
}

/** Most servers are behind something that speaks TLS for them. */
function loadHttps(): typeof Https {
  return createRequire(import.meta.url)("node:https") as typeof Https;
}

function toTimes({ headersTimeoutMs = 20_000, requestTimeoutMs = 120_000 }: ConnectionLimits) {
  return {
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
    // How often Node looks for requests that are late.
    connectionsCheckingInterval: Math.min(30_000, Math.ceil(headersTimeoutMs / 2)),
  };
}

interface Connections {
  /** What was accepted; with TLS also what has not shaken hands yet. */
  readonly open: Set<Socket>;
  /** The latest response of each open connection. */
  readonly latest: Map<Socket, ServerResponse | undefined>;
  closing: boolean;
  /** Called when the last connection has closed; a server that never listened does not tell. */
  onEmpty: () => void;
}

function trackConnections(server: Server, event: "connection" | "secureConnection"): Connections {
  const connections: Connections = {
    open: new Set(),
    latest: new Map(),
    closing: false,
    onEmpty() {},
  };
  server.on("connection", (socket: Socket) => {
    connections.open.add(socket);
    socket.once("close", () => {
      connections.open.delete(socket);
      if (connections.open.size === 0) connections.onEmpty();
    });
  });
  server.on(event, (socket: Socket) => {
    connections.latest.set(socket, undefined);
    socket.once("close", () => connections.latest.delete(socket));
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
    if (connections.open.size === 0) resolve();
  });
  // At once with the end of listening: whoever is told to close its connection opens another, and
  // that is to be refused, not reset.
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
    for (const socket of connections.open) socket.destroy();
  }, drainMs);
  await Promise.all([closed, empty]);
  clearTimeout(lingering);
  clearInterval(sweeping);
  clearTimeout(limit);
  // Stops the timer with which Node looks for slow connections.
  server.close();
  return { cut };
}
