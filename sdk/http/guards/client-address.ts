import { BlockList, isIP } from "node:net";
import type { IncomingMessage } from "node:http";
import type { Context } from "hono";
import type { EkibenError } from "../../core/errors.js";
import { findClientAddress } from "../client-origin.js";

/**
 * Reads the address of a client: that of the connection, or, when that is a trusted proxy, the last
 * one of `X-Forwarded-For` that is none. An IPv6 client is its network of 64 bits, all of which one
 * machine has. `undefined` for a call in process.
 */
export function createAddressReader(
  trustedProxies: readonly string[],
  invalid: (detail: string) => EkibenError,
): (c: Context) => string | undefined {
  const trusted = toBlockList(trustedProxies, invalid);

  return (c) => {
    const incoming = (c.env as { incoming?: IncomingMessage } | undefined)?.incoming;
    // The server may know already what its own trusted proxies say.
    let address = incoming === undefined ? undefined : toPlain(findClientAddress(incoming));
    if (address === undefined) return undefined;
    if (trustedProxies.length > 0 && isTrusted(address)) {
      const forwarded = (c.req.header("x-forwarded-for") ?? "").split(",");
      for (const one of forwarded.toReversed()) {
        const next = toPlain(one.trim());
        // What is no address was not written by a proxy.
        if (next === undefined) break;
        address = next;
        if (!isTrusted(next)) break;
      }
    }
    return toClient(address);
  };

  function isTrusted(address: string): boolean {
    return trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
  }
}

function toBlockList(
  networks: readonly string[],
  invalid: (detail: string) => EkibenError,
): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix, ...rest] = String(network).split("/");
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix);
    const known = version !== 0 && rest.length === 0 && /^\d+$/.test(prefix ?? "0");
    if (!known || bits > (version === 6 ? 128 : 32)) {
      throw invalid(`${JSON.stringify(network)} in \`trustedProxies\` is no address or network.`);
    }
    list.addSubnet(address, bits, version === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

/** An address without a port or a zone; an IPv4 address that is written as IPv6 is what it is. */
function toPlain(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 100) return undefined;
  const bare = text.replace(/^\[([^\]]*)\](:\d+)?$/, "$1").replace(/%.*$/s, "");
  const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
  if (isIP(plain) !== 0) return plain;
  const [host, port, ...rest] = plain.split(":");
  return rest.length === 0 && port !== undefined && isIP(host!) === 4 ? host : undefined;
}

function toClient(address: string): string {
  if (isIP(address) === 4) return address;
  // The URL parser writes an address in full but for its longest run of zeros.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array<string>(8 - first.length - last.length).fill("0");
  return `${[...first, ...zeros, ...last].slice(0, 4).join(":")}::/64`;
}
