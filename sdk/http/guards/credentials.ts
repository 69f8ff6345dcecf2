import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { EkibenError } from "../../core/errors.js";

/** Whether a key may pass, such as one that is looked up in a database. */
export type CheckCredential = (credential: string) => boolean | Promise<boolean>;

export interface CredentialSource {
  /** The function that was called, for messages. */
  owner: string;
  /** The option that `given` was given with. */
  option: string;
  given?: readonly string[] | CheckCredential | undefined;
  env?: string | undefined;
}

export interface Credentials {
  /** Every known credential is compared, each in the same time. @throws CREDENTIALS_MISSING */
  includes(credential: string): boolean | Promise<boolean>;
  findFault(): string | undefined;
}

/**
 * The credentials of a guard. Those of an environment variable are read where the service runs, when
 * they are needed, and separated by commas, spaces or line breaks.
 * @throws SERVICE_INVALID
 */
export function createCredentials(source: CredentialSource): Credentials {
  const { owner, option, given, env } = source;
  checkSource(source);
  const fixed = Array.isArray(given) ? toDigests(given as readonly string[]) : [];
  let known = { text: undefined as string | undefined, digests: [] as Buffer[] };

  function listDigests(): readonly Buffer[] {
    if (env === undefined) return fixed;
    const text = process.env[env];
    if (text !== known.text) {
      known = { text, digests: text === undefined ? [] : toDigests(text.split(/[\s,]+/)) };
    }
    return [...fixed, ...known.digests];
  }

  function findFault(): string | undefined {
    if (typeof given === "function" || listDigests().length > 0) return undefined;
    return env === undefined
      ? `\`${option}\` of ${owner}() holds nothing that could let anybody in.`
      : `The environment variable ${env} is not set, from which ${owner}() takes its ${option}.`;
  }

  return {
    findFault,
    includes(credential) {
      const fault = findFault();
      if (fault !== undefined) {
        throw new EkibenError("CREDENTIALS_MISSING", {
          detail: fault,
          hint: "Set it where the service runs; until then every request is refused.",
        });
      }
      if (credential === "") return false;
      const digest = toDigest(credential);
      let found = false;
      for (const one of listDigests()) found = timingSafeEqual(one, digest) || found;
      return found || (typeof given === "function" ? given(credential) : false);
    },
  };
}

function checkSource({ owner, option, given, env }: CredentialSource): void {
  const isGiven = Array.isArray(given) || typeof given === "function";
  if (isGiven && env === undefined) return;
  const isNamed = typeof env === "string" && /^[A-Za-z_]\w*$/.test(env);
  if (isNamed && (given === undefined || isGiven)) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `${owner}() needs \`env\`, the name of an environment variable, or \`${option}\`, a list or a function.`,
    hint: `Write ${owner}({ env: "SERVICE_KEYS" }).`,
  });
}

/** What is no text, or empty, lets nobody in: a variable that is not set must not. */
function toDigests(texts: readonly string[]): Buffer[] {
  return texts.filter((text) => typeof text === "string" && text !== "").map(toDigest);
}

/** Of one length, so that the time of a comparison tells nothing. */
function toDigest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** A browser asks before its request, and without credentials (Fetch standard, CORS-preflight). */
export function isPreflight(c: Context): boolean {
  return c.req.method === "OPTIONS" && c.req.header("access-control-request-method") !== undefined;
}

/** `challenge` is what `WWW-Authenticate` says. */
export function unauthenticated(detail: string, hint: string, challenge: string): EkibenError {
  return new EkibenError("UNAUTHENTICATED", { detail, hint, challenge });
}
