import { listOf, orWord, seconds, text, wholeNumber } from "./kinds.js";
import { setting, type Kind } from "./setting.js";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A number of bytes, with or without a unit. */
const size: Kind<number> = {
  placeholder: "<size>",
  expected: "a size such as 512MiB",
  read(written) {
    if (typeof written === "number") return isSize(written) ? written : undefined;
    const found = typeof written === "string" ? /^(\d+)\s*([kmg]?)(?:i?b)?$/i.exec(written) : null;
    if (found === null) return undefined;
    const bytes = Number(found[1]) * UNITS[found[2]!.toLowerCase()]!;
    return isSize(bytes) ? bytes : undefined;
  },
};

function isSize(bytes: number): boolean {
  return Number.isSafeInteger(bytes) && bytes > 0;
}

/** What all requests together may take of one process. */
export const limitsSection = {
  "limits.maxConcurrency": setting({
    kind: wholeNumber("requests", 1, 1_000_000),
    default: undefined,
    flag: "--max-concurrency",
    env: "EKIBEN_MAX_CONCURRENCY",
    help: "most requests in flight in a process, until their work has ended; further ones are refused with 503",
  }),
  "limits.maxConnections": setting({
    kind: wholeNumber("connections", 1, 1_000_000),
    default: undefined,
    flag: "--max-connections",
    env: "EKIBEN_MAX_CONNECTIONS",
    help: "most connections of a process; probes are answered on some more",
  }),
  "limits.bodyBudget": setting({
    kind: orWord(size, "auto"),
    default: "auto",
    flag: "--body-budget",
    env: "EKIBEN_BODY_BUDGET",
    help: "most bytes of all request bodies in memory; auto is a quarter of the memory, at most 512 MiB",
  }),
  "limits.headersTimeout": setting({
    kind: seconds(1, 3600),
    default: 20,
    env: "EKIBEN_HEADERS_TIMEOUT",
    help: "time for the headers of a request to arrive",
  }),
  "limits.requestTimeout": setting({
    kind: seconds(1, 86_400),
    default: 120,
    env: "EKIBEN_REQUEST_TIMEOUT",
    help: "time for all of a request to arrive",
  }),
  "limits.allowedHosts": setting({
    kind: listOf(text("host")),
    default: undefined,
    flag: "--allowed-hosts",
    env: "EKIBEN_ALLOWED_HOSTS",
    help: "the names that a request may have in `Host`; `.example.com` is every name below",
  }),
};
