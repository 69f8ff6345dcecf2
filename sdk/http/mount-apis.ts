import type { Hono, MiddlewareHandler } from "hono";
import type { AppOptions } from "./app-options.js";
import { toResponseBody, type Endpoint } from "./endpoint.js";
import { createEntry, type Refuse } from "./entry.js";

/** The path that has let a request in; a variable of Hono's context. */
const GUARD = "ekiben.guard";

/** Mounts the APIs of a service behind the author's middlewares. */
export function mountApis(
  app: Hono,
  endpoints: readonly Endpoint[],
  middleware: readonly MiddlewareHandler[],
  options: AppOptions,
): void {
  const guarded = new Set<string>();
  // Hono asks the routes in the order in which they were added.
  for (const { api, path, handler } of endpoints.toSorted(byFixedSegments)) {
    if (middleware.length > 0 && !guarded.has(path)) {
      const here = endpoints.filter((one) => one.path === path);
      const entry = createEntry(path, options, createRefuse(here));
      app.use(path, ...guardOnce(path, entry, middleware));
    }
    guarded.add(path);
    app.on(api.method, path, handler);
  }
}

/** A fixed segment comes before a parameter in its place, which would take its requests. */
function byFixedSegments({ path: one }: Endpoint, { path: other }: Endpoint): number {
  const rank = (path: string): string =>
    Array.from(path.split("/"), (part) => (part.startsWith(":") ? "1" : "0")).join("");
  return rank(one) < rank(other) ? -1 : rank(one) > rank(other) ? 1 : 0;
}

/** A path that fits two templates, each for another method, passes the middlewares of one. */
function guardOnce(
  path: string,
  entry: MiddlewareHandler,
  middleware: readonly MiddlewareHandler[],
): MiddlewareHandler[] {
  const claim: MiddlewareHandler = (c, next) => {
    if (c.get(GUARD) === undefined) c.set(GUARD, path);
    return c.get(GUARD) === path ? entry(c, next) : next();
  };
  return [
    claim,
    ...middleware.map(
      (one): MiddlewareHandler =>
        (c, next) =>
          c.get(GUARD) === path ? one(c, next) : next(),
    ),
  ];
}

/** The error hooks know the API by the method; a method that no API has is the first one's. */
function createRefuse(endpoints: readonly Endpoint[]): Refuse {
  return async (error, c) => {
    const method = c.req.method === "HEAD" ? "GET" : c.req.method;
    const endpoint = endpoints.find(({ api }) => api.method === method) ?? endpoints[0]!;
    const request = { id: c.get("requestId") as string, headers: c.req.raw.headers };
    const answered = await endpoint.refuse(error, request);
    const { status, headers } = answered;
    return new Response(
      toResponseBody(answered, () => {}),
      { status, headers },
    );
  };
}
