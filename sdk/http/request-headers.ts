import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { HeaderReader } from "../core/header-reader.js";

/**
 * The headers as the socket brought them: a `Headers` object of all of them would be made for each
 * request, and three are looked at.
 */
export function readHeaders(c: Context): HeaderReader {
  const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
  // A request of another type was made on the way here, and may have other headers.
  if (incoming === undefined || Object.getPrototypeOf(c.req.raw) === Request.prototype) {
    return c.req.raw.headers;
  }
  return readIncomingHeaders(incoming);
}

export function readIncomingHeaders({ headers }: IncomingMessage): HeaderReader {
  return new IncomingHeaders(headers);
}

class IncomingHeaders implements HeaderReader {
  readonly #headers: IncomingMessage["headers"];

  constructor(headers: IncomingMessage["headers"]) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const value = this.#headers[name.toLowerCase()];
    return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
  }
}
