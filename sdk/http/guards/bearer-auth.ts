import type { MiddlewareHandler } from "hono";
import { checkKeys } from "../../service/check-keys.js";
import {
  createCredentials,
  isPreflight,
  unauthenticated,
  type CheckCredential,
} from "./credentials.js";
import { toGuard } from "./guard-facts.js";

export interface BearerAuthOptions {
  /** The environment variable that holds the tokens, several of them separated by commas. */
  env?: string;
  /** Tokens, or a function that knows them. What stands in a cell is saved with it: prefer `env`. */
  tokens?: readonly string[] | CheckCredential;
}

/** RFC 6750, section 2.1. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * Lets requests pass whose `Authorization` is `Bearer` and one of the tokens (RFC 6750). Others are
 * answered with 401, and all of them with 503 while there is no token to compare with.
 * @throws SERVICE_INVALID
 * @example defineService({ name: "churn" }).use(bearerAuth({ env: "CHURN_TOKENS" }))
 */
export function bearerAuth(options: BearerAuthOptions): MiddlewareHandler {
  checkKeys("bearerAuth()", options ?? {}, ["env", "tokens"]);
  const { env, tokens } = options ?? {};
  const credentials = createCredentials({
    owner: "bearerAuth",
    option: "tokens",
    given: tokens,
    env,
  });

  const middleware: MiddlewareHandler = async (c, next) => {
    if (isPreflight(c)) return await next();
    const token = BEARER.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
    if (!(await credentials.includes(token))) {
      throw unauthenticated(
        token === "" ? "There is no bearer token." : "The token is not known here.",
        "Send the header `Authorization: Bearer <token>` with a token of this service.",
        token === "" ? "Bearer" : 'Bearer error="invalid_token"',
      );
    }
    await next();
  };
  return toGuard(middleware, {
    header: "authorization",
    scheme: { name: "bearerAuth", object: { type: "http", scheme: "bearer" } },
    findFault: credentials.findFault,
  });
}
