import { getRequestListener } from "@hono/node-server";
import { createServer, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import { EkibenError } from "../core/errors.js";
import { findNodeHandler } from "../http/node-handler.js";
import { answerClientFault, closeGently, refuseRequest, toRefusal } from "./client-fault.js";

/** What answers requests: a Hono app, or anything with its `fetch`. */
export interface App {
  fetch(request: Request, env?: any): Response | Promise<Response>;
}

export interface ListenOptions {
  /** 0 asks the system for a free one. */
  port: number;
  /** @default "127.0.0.1" */
  host?: string;
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

/** A listening socket whose app can be exchanged without closing it. */
export interface Listening {
  readonly server: Server;
  readonly host: string;
  readonly port: number;
  /** Where this machine reaches it, such as `http://127.0.0.1:3000`. */
  readonly address: string;
  /** Requests from now on go to this app; those under way end in the app that has them. */
  setApp(app: App): void;
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

/**
 * Listens with an app.
 * @throws PORT_IN_USE, with a free port in its hint; COMMAND_INVALID when the address cannot be had.
 */
export async function listen(app: App, options: ListenOptions): Promise<Listening> {
  const host = options.host ?? "127.0.0.1";
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
  await bind(server, options.port, host);
  const { port } = server.address() as AddressInfo;

  let closing: Promise<{ cut: number }> | undefined;
  return {
    server,
    host,
    port,
    address: `http://${reachable(host)}:${port}`,
    setApp(next) {
      current = next;
      handleNode = findNodeHandler(next);
    },
    close: (how = {}) => (closing ??= close(server, connections, how)),
  };
}

interface Connections {
  /** The latest response of each open connection. */
  readonly latest: Map<Socket, ServerResponse | undefined>;
  closing: boolean;
}

function trackConnections(server: Server): Connections {
  const connections: Connections = { latest: new Map(), closing: false };
  server.on("connection", (socket: Socket) => {
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
  await closed;
  clearTimeout(lingering);
  clearInterval(sweeping);
  clearTimeout(limit);
  // Stops the timer with which Node looks for slow connections.
  server.close();
  return { cut };
}

function bind(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      void explain(error, port, host).then(reject, reject);
    };
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

async function explain(
  error: NodeJS.ErrnoException,
  port: number,
  host: string,
): Promise<EkibenError> {
  if (error.code === "EADDRINUSE") {
    const free = await findFreePort(port + 1, host);
    return new EkibenError("PORT_IN_USE", {
      detail: `Port ${port} on ${host} is in use.`,
      hint:
        free === undefined
          ? "Stop the process that has it, or choose another port; 0 takes any free one."
          : `Stop the process that has it, or use port ${free}, which is free.`,
      received: port,
      cause: error,
    });
  }
  const reasons: Record<string, string> = {
    EACCES: `This user may not listen on port ${port}.`,
    EADDRNOTAVAIL: `This machine has no address ${host}.`,
    ENOTFOUND: `The host ${host} is not known.`,
  };
  return new EkibenError("COMMAND_INVALID", {
    detail: reasons[error.code ?? ""] ?? `Cannot listen on ${host}:${port}: ${error.message}.`,
    hint: "Choose another host or port; 127.0.0.1 is this machine alone, 0.0.0.0 every address.",
    cause: error,
  });
}

async function findFreePort(from: number, host: string): Promise<number | undefined> {
  for (let port = from; port < from + 20 && port < 65_536; port++) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = new NetServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, host, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  return undefined;
}

function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
