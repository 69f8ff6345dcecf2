import type { MiddlewareHandler } from "hono";

/** What a middleware that asks for credentials tells of itself. */
export interface GuardFacts {
  /** The header that it reads, in lower case. */
  header: string;
  /** A name for it in the OpenAPI document, and its security scheme there. */
  scheme: { name: string; object: object };
  /** Why it cannot let anybody in, such as a variable that is not set. */
  findFault(): string | undefined;
}

/** By this key, since a notebook may hold more than one copy of this package. */
const FACTS = Symbol.for("ekiben.guard-facts");

export function toGuard(middleware: MiddlewareHandler, facts: GuardFacts): MiddlewareHandler {
  return Object.assign(middleware, { [FACTS]: facts });
}

/** What the guards among middlewares tell of themselves. */
export function findGuards(middleware: readonly MiddlewareHandler[]): GuardFacts[] {
  return middleware.flatMap((one) => (one as { [FACTS]?: GuardFacts })[FACTS] ?? []);
}
