import type { Server } from "node:http";
import type { Socket } from "node:net";
import { EkibenError } from "../core/errors.js";

/** Connections beyond the limit that are kept all the same, to be told so. */
const RESERVE = 64;
/** Milliseconds that such a connection has to ask something. */
const PATIENCE_MS = 5_000;

/** What is answered on a connection beyond the limit too. */
const PROBES: ReadonlySet<string> = new Set(["/livez", "/readyz", "/healthz", "/metrics"]);

export interface ConnectionLimit {
  /** Whether a connection came when there were as many as there may be; it ends with its answer. */
  isBeyond(socket: Socket): boolean;
  /** The error for a request on such a connection, unless it is a probe. */
  check(url: string): EkibenError | undefined;
}

/**
 * Bounds the connections of a server. Some beyond the limit are kept, so that probes are answered
 * and others are refused with a reason; what comes then is dropped.
 */
export function limitConnections(
  server: Server,
  opened: "connection" | "secureConnection",
  maxConnections: number,
  onRefused: () => void,
): ConnectionLimit {
  let open = 0;
  const beyond = new Set<Socket>();
  server.on(opened, (socket: Socket) => {
    if (open < maxConnections) {
      open++;
      socket.once("close", () => open--);
      return;
    }
    if (beyond.size >= RESERVE) {
      onRefused();
      socket.destroy();
      return;
    }
    beyond.add(socket);
    const late = setTimeout(() => socket.destroy(), PATIENCE_MS);
    late.unref();
    socket.once("close", () => {
      clearTimeout(late);
      beyond.delete(socket);
    });
  });
  return {
    isBeyond: (socket) => beyond.has(socket),
    check(url) {
      if (PROBES.has(url)) return undefined;
      onRefused();
      return new EkibenError("CONCURRENCY_EXCEEDED", {
        detail: `The server has ${maxConnections} connections, as many as it may.`,
        hint: "Keep connections and use them again; raise `limits.maxConnections`, or add processes.",
        expected: maxConnections,
        retryAfter: 1,
      });
    },
  };
}
