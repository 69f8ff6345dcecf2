import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Where a request came from, as proxies that are trusted say it. */
export interface ClientOrigin {
  readonly address: string | undefined;
  readonly protocol?: "http" | "https";
  readonly host?: string;
}

const known = new WeakMap<IncomingMessage, string>();

/** The address of the client: that of the connection, unless a trusted proxy tells another. */
export function findClientAddress(incoming: IncomingMessage): string | undefined {
  return known.get(incoming) ?? incoming.socket.remoteAddress;
}

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
};

/** Whether text is an address, a range such as `10.0.0.0/8`, `loopback` or `private`. */
export function isRange(text: string): boolean {
  if (Object.hasOwn(NAMED, text)) return true;
  const [address = "", bits, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d+$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** Headers with which a proxy speaks of its client. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];

/**
 * Makes what reads `Forwarded` (RFC 7239), or `X-Forwarded-For`, `-Proto` and `-Host`, of requests
 * that come from these ranges. Of a chain of proxies the client is the last one that is not trusted
 * itself: what stands before it in the headers, it may have written. In requests from elsewhere the
 * headers are removed, so that nobody takes them for true.
 */
export function createOriginReader(
  ranges: readonly string[],
): (incoming: IncomingMessage) => ClientOrigin | undefined {
  const trusted = toBlockList(ranges);
  const isTrusted = (address: string): boolean => {
    const family = isIP(address);
    return family !== 0 && trusted.check(address, family === 4 ? "ipv4" : "ipv6");
  };

  return (incoming) => {
    const { headers, socket } = incoming;
    const peer = toAddress(socket.remoteAddress ?? "");
    if (peer === undefined || !isTrusted(peer)) {
      for (const name of FORWARDED) delete headers[name];
      return undefined;
    }
    const hops = readHops(headers);
    let at = hops.length;
    let address = peer;
    while (at > 0 && isTrusted(address)) {
      const next = toAddress(hops[at - 1]!.for ?? "");
      if (next === undefined) break;
      at--;
      address = next;
    }
    known.set(incoming, address);
    // The hop that tells of the client was written by the proxy that the client spoke to.
    const hop = hops[at] ?? hops.at(-1);
    const protocol = hop?.proto?.toLowerCase();
    return {
      address,
      ...(protocol === "http" || protocol === "https" ? { protocol } : {}),
      ...(hop?.host === undefined ? {} : { host: hop.host }),
    };
  };
}

interface Hop {
  for?: string;
  proto?: string;
  host?: string;
}

function readHops(headers: IncomingMessage["headers"]): Hop[] {
  const { forwarded } = headers;
  if (typeof forwarded === "string") return splitList(forwarded).map(readElement);
  const [addresses, protos, hosts] = FORWARDED.slice(1).map((name) =>
    splitList(String(headers[name] ?? "")),
  );
  // A proxy that appends writes all three; one that sets them leaves a single protocol and host.
  const pick = (list: string[], at: number): string | undefined =>
    list.length === addresses!.length ? list[at] : list.at(-1);
  const count = Math.max(addresses!.length, protos!.length > 0 || hosts!.length > 0 ? 1 : 0);
  return Array.from({ length: count }, (_, at) => {
    const proto = pick(protos!, at);
    const host = pick(hosts!, at);
    return {
      ...(addresses![at] === undefined ? {} : { for: addresses![at] }),
      ...(proto === undefined ? {} : { proto }),
      ...(host === undefined ? {} : { host }),
    };
  });
}

/** Parts between commas that stand in no quotes. */
function splitList(text: string): string[] {
  return (text.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? [])
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function readElement(element: string): Hop {
  const hop: Hop = {};
  for (const [, name, quoted, plain] of element.matchAll(
    /(?<![\w-])([\w-]+)=(?:"((?:\\.|[^"\\])*)"|([^;\s]*))/g,
  )) {
    const key = name!.toLowerCase();
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain!;
    if (key === "for" || key === "proto" || key === "host") hop[key] = value;
  }
  return hop;
}

/** An address without its port and brackets; an IPv4 address within an IPv6 one as itself. */
function toAddress(text: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const mapped = /^::ffff:([\d.]+)$/i.exec(bare)?.[1] ?? bare;
  return isIP(mapped) === 0 ? undefined : mapped;
}

function toBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges.flatMap((one) => NAMED[one] ?? one)) {
    const [address = "", bits] = range.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    list.addSubnet(address, Number(bits ?? (family === "ipv4" ? 32 : 128)), family);
  }
  return list;
}
