import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import { findClientAddress } from "./client-origin.js";

/** A request as Node's own server or Hono has it. */
export type SentBy = IncomingMessage | Context;

/** What the access log tells of who sent a request. */
export interface Sender {
  address: string | undefined;
  userAgent: string | undefined;
  /** What it said of the length of its body. */
  announced: number | undefined;
}

export function readSender(from: SentBy): Sender {
  const isContext = "req" in from;
  const incoming = isContext ? findIncoming(from) : from;
  const header = (name: string): string | undefined =>
    isContext ? from.req.header(name) : (from.headers[name] as string | undefined);
  const length = header("content-length");
  return {
    // Behind a proxy it is the proxy's, unless the server was told to trust it.
    address: incoming === undefined ? undefined : findClientAddress(incoming),
    userAgent: header("user-agent"),
    announced: length === undefined ? undefined : Number(length),
  };
}

/** The path and the query string as they were sent. */
export function readTarget(from: SentBy): string {
  if (!("req" in from)) return from.url!;
  const { url } = from.req;
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}

function findIncoming(c: Context): IncomingMessage | undefined {
  return (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
}
