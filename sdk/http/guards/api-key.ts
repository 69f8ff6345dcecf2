import type { MiddlewareHandler } from "hono";
import { EkibenError } from "../../core/errors.js";
import { checkKeys } from "../../service/check-keys.js";
import {
  createCredentials,
  isPreflight,
  unauthenticated,
  type CheckCredential,
} from "./credentials.js";
import { toGuard } from "./guard-facts.js";

export interface ApiKeyOptions {
  /** The environment variable that holds the keys, several of them separated by commas. */
  env?: string;
  /** Keys, or a function that knows them. What stands in a cell is saved with it: prefer `env`. */
  keys?: readonly string[] | CheckCredential;
  /** @default "X-API-Key" */
  header?: string;
}

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Lets requests pass that bring one of the keys in a header. Others are answered with 401, and all of
 * them with 503 while there is no key to compare with. Several keys at once let one take another's place.
 * @throws SERVICE_INVALID
 * @example defineService({ name: "churn" }).use(apiKey({ env: "CHURN_KEYS" }))
 */
export function apiKey(options: ApiKeyOptions): MiddlewareHandler {
  checkKeys("apiKey()", options ?? {}, ["env", "keys", "header"]);
  const { env, keys, header = "X-API-Key" } = options ?? {};
  if (!HEADER_NAME.test(header)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `\`header\` of apiKey() is ${JSON.stringify(header)}, which is no name of a header.`,
    });
  }
  const credentials = createCredentials({ owner: "apiKey", option: "keys", given: keys, env });
  const challenge = `ApiKey header="${header}"`;

  const middleware: MiddlewareHandler = async (c, next) => {
    if (isPreflight(c)) return await next();
    const key = c.req.header(header) ?? "";
    if (!(await credentials.includes(key))) {
      throw unauthenticated(
        key === "" ? `There is no key in the header ${header}.` : "The key is not known here.",
        `Send a key of this service in the header ${header}.`,
        challenge,
      );
    }
    await next();
  };
  return toGuard(middleware, {
    header: header.toLowerCase(),
    scheme: { name: "apiKey", object: { type: "apiKey", in: "header", name: header } },
    findFault: credentials.findFault,
  });
}
