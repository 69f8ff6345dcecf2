import { byteSize } from "./byte-size.js";
import { listOf, orWord, seconds, text, wholeNumber } from "./kinds.js";
import { setting } from "./setting.js";

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
    kind: orWord(byteSize(), "auto"),
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
