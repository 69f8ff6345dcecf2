import { createHash } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { systemClock, type Clock } from "../../core/clock.js";
import { EkibenError } from "../../core/errors.js";
import { checkKeys } from "../../service/check-keys.js";
import { createAddressReader } from "./client-address.js";
import { isPreflight } from "./credentials.js";
import { createBuckets } from "./token-buckets.js";

export interface RateLimitOptions {
  /** How many requests a client may send at once, and in each `perSeconds`. */
  requests: number;
  /** @default 60 */
  perSeconds?: number;
  /**
   * What tells clients apart: their address, the value of a header such as `{ header: "X-API-Key" }`,
   * or a function; `undefined` is not limited. A request without the header counts by its address.
   * @default "address"
   */
  by?: "address" | { header: string } | ((c: Context) => string | undefined);
  /**
   * Addresses and networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`; the
   * client is the last address in it that is none of theirs. @default none
   */
  trustedProxies?: readonly string[];
  /** How many clients are remembered; who has been away the longest is forgotten first. @default 100_000 */
  maxClients?: number;
}

const KEYS = ["requests", "perSeconds", "by", "trustedProxies", "maxClients"];

/**
 * Lets each client send so many requests in a time, and answers further ones with 429. Counts are
 * those of one process: with N worker processes a client may send up to N times as many.
 * @throws SERVICE_INVALID
 * @example defineService({ name: "churn" }).use(rateLimit({ requests: 100, perSeconds: 60 }))
 */
export function rateLimit(options: RateLimitOptions): MiddlewareHandler {
  return createRateLimit(options, systemClock);
}

/** `rateLimit` on a clock of its caller's. */
export function createRateLimit(options: RateLimitOptions, clock: Clock): MiddlewareHandler {
  checkKeys("rateLimit()", options ?? {}, KEYS);
  const { requests, perSeconds = 60, by = "address", maxClients = 100_000 } = options ?? {};
  for (const [name, value] of Object.entries({ requests, maxClients })) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalid(`\`${name}\` is ${String(value)}, which is no whole number from 1.`);
    }
  }
  if (!(Number.isFinite(perSeconds) && perSeconds > 0)) {
    throw invalid(
      `\`perSeconds\` is ${String(perSeconds)}, which is no number of seconds above 0.`,
    );
  }
  const readAddress = createAddressReader(options.trustedProxies ?? [], invalid);
  const buckets = createBuckets({
    capacity: requests,
    refillMs: perSeconds * 1000,
    maxClients,
    clock,
  });
  // draft-ietf-httpapi-ratelimit-headers-10
  const policy = `"default";q=${requests};w=${Math.ceil(perSeconds)}`;

  function findClient(c: Context): string | undefined {
    if (typeof by === "function") return by(c);
    const sent = by === "address" ? undefined : c.req.header(by.header);
    // Keys are not kept, only what tells them apart.
    if (sent !== undefined) return `h${createHash("sha256").update(sent).digest("base64")}`;
    return readAddress(c);
  }

  const middleware: MiddlewareHandler = async (c, next) => {
    const client = isPreflight(c) ? undefined : findClient(c);
    // A call in process has no address.
    if (client === undefined) return await next();
    const { allowed, left, waitMs, fullMs } = buckets.take(client);
    const resetSeconds = Math.ceil((allowed ? fullMs : waitMs) / 1000);
    const headers = {
      "ratelimit-policy": policy,
      ratelimit: `"default";r=${left};t=${resetSeconds}`,
    };
    if (!allowed) {
      throw new EkibenError("RATE_LIMITED", {
        detail: `More than ${requests} requests in ${perSeconds} s came from this client.`,
        hint: `Send the next one in ${(waitMs / 1000).toFixed(1)} s, as \`Retry-After\` says.`,
        expected: requests,
        retryAfter: waitMs / 1000,
        headers,
      });
    }
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    await next();
  };
  return Object.assign(middleware, { [LIMITS_CLIENTS]: true });
}

/** By this key, since a notebook may hold more than one copy of this package. */
const LIMITS_CLIENTS = Symbol.for("ekiben.limits-clients");

/** Whether one of the middlewares is a `rateLimit()`. */
export function limitsClients(middleware: readonly MiddlewareHandler[]): boolean {
  return middleware.some((one) => LIMITS_CLIENTS in one);
}

function invalid(detail: string): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `rateLimit(): ${detail}`,
    hint: "Write rateLimit({ requests: 100, perSeconds: 60 }).",
  });
}
