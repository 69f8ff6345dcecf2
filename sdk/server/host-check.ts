import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { EkibenError } from "../core/errors.js";

/** Judges a request before any app sees it: the error to refuse it with, or nothing. */
export type HostCheck = (incoming: IncomingMessage) => EkibenError | undefined;

export interface HostRules {
  /** The names that may stand in `Host`, such as `churn.example.com`; `.example.com` is every name below. */
  allowedHosts: readonly string[];
  /**
   * Whether this is the server of a notebook: addresses and `localhost` are allowed too, and a page of
   * another origin may only read. @default false
   */
  local?: boolean;
  /** Whether the service says itself which origins may ask, with `cors()`. @default false */
  namesOrigins?: boolean;
}

/** They tell nothing, and whoever asks them knows the machine by its address only. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/livez", "/readyz"]);
const READS: ReadonlySet<string | undefined> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Makes the check against pages that lead a name of their own to this machine (DNS rebinding): such a
 * page has the server's answers for its own, and only the name in `Host` gives it away.
 * @throws SETTING_INVALID for what is no name
 */
export function createHostCheck({
  allowedHosts,
  local = false,
  namesOrigins = false,
}: HostRules): HostCheck {
  const allowed = allowedHosts.map(readRule);

  function isAllowed(name: string): boolean {
    if (local && (isIP(name) !== 0 || name === "localhost" || name.endsWith(".localhost"))) {
      return true;
    }
    return allowed.some((rule) =>
      rule.startsWith(".") ? name.endsWith(rule) || name === rule.slice(1) : name === rule,
    );
  }

  function checkHost(host: string): EkibenError | undefined {
    const name = readName(host);
    if (name !== undefined && isAllowed(name)) return undefined;
    const expected = [...(local ? ["localhost", "an IP address"] : []), ...allowed].join(", ");
    return new EkibenError("HOST_NOT_ALLOWED", {
      detail: `This server does not answer for the host ${JSON.stringify(host.slice(0, 100))}.`,
      hint: local
        ? `Open it as localhost, or allow the host: startDevServer({ allowedHosts: [${JSON.stringify(name ?? "name")}] }).`
        : "Send the request to a host that `expected` names, or add this one to `server.allowedHosts`.",
      expected,
      received: host.slice(0, 100),
    });
  }

  function checkOrigin(origin: string, host: string): EkibenError | undefined {
    const sender = readOrigin(origin);
    if (sender === host.toLowerCase()) return undefined;
    const name = sender === undefined ? undefined : readName(sender);
    if (name !== undefined && allowed.length > 0 && allowed.includes(name)) return undefined;
    return new EkibenError("ORIGIN_NOT_ALLOWED", {
      detail: `A page of ${JSON.stringify(origin.slice(0, 100))} may not ask this dev server.`,
      hint: 'Let its origin ask with .use(cors({ origins: ["https://app.example"] })).',
      expected: host.slice(0, 100),
      received: origin.slice(0, 100),
    });
  }

  return ({ url, method, headers }) => {
    const { host, origin } = headers;
    // HTTP/1.0 of a probe; a browser always sends it.
    if (host === undefined || OPEN_PATHS.has(url!)) return undefined;
    const fault = checkHost(host);
    if (fault !== undefined || !local || namesOrigins || READS.has(method)) return fault;
    return origin === undefined ? undefined : checkOrigin(origin, host);
  };
}

function readRule(rule: string): string {
  const name = rule.toLowerCase();
  if (/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name) || isIP(name) !== 0) return name;
  throw new EkibenError("SETTING_INVALID", {
    detail: `${JSON.stringify(rule)} in \`allowedHosts\` is not the name of a host.`,
    hint: "Write names without scheme, port or path: churn.example.com, or .example.com for all below it.",
  });
}

/** The name in a `Host` header, in lower case, without port and brackets. */
function readName(host: string): string | undefined {
  const found = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i.exec(host);
  return (found?.[1] ?? found?.[2])?.toLowerCase().replace(/\.$/, "");
}

/** Host and port of an origin, as `Host` would say them. */
function readOrigin(origin: string): string | undefined {
  return /^https?:\/\/([^/\s]+)$/i.exec(origin)?.[1]?.toLowerCase();
}
