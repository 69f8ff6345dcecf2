import { toProblem, EkibenError } from "../core/errors.js";
import type { App } from "./app-server.js";

const PROBES: ReadonlySet<string> = new Set(["/readyz", "/healthz"]);

/**
 * The same app, except that it says it is not ready. Requests that still arrive on open
 * connections are answered: whoever sent them could not know.
 */
export function toDrainingApp(app: App): App {
  return {
    fetch(request, env) {
      if (!PROBES.has(new URL(request.url).pathname)) return app.fetch(request, env);
      const problem = toProblem(
        new EkibenError("SERVER_DRAINING", { detail: "The server takes no more connections." }),
      );
      return new Response(JSON.stringify(problem), {
        status: problem.status,
        headers: {
          "content-type": "application/problem+json",
          "x-content-type-options": "nosniff",
          "cache-control": "no-store",
        },
      });
    },
  };
}
