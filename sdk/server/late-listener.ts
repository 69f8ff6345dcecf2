import type { RequestListener } from "node:http";
import type { App } from "./app-server.js";
import { toRefusal } from "./client-fault.js";

/**
 * Answers by Hono. Its adapter brings the web's requests and responses and HTTP/2 with it, a tenth
 * of the time in which a server starts, so it is loaded with the first request that needs it.
 */
export function createLateListener(fetch: App["fetch"]): RequestListener {
  let listener: RequestListener | undefined;
  let loading: Promise<RequestListener> | undefined;
  const load = async (): Promise<RequestListener> => {
    const { getRequestListener } = await import("@hono/node-server");
    return (listener = getRequestListener(fetch, {
      // HTTP/1.0 knows no Host, and the probes of some load balancers speak it.
      hostname: "localhost",
      errorHandler: toRefusal,
    }));
  };
  return (incoming, outgoing) => {
    if (listener !== undefined) {
      void listener(incoming, outgoing);
      return;
    }
    loading ??= load();
    loading.then(
      (loaded) => loaded(incoming, outgoing),
      (error: unknown) => outgoing.destroy(error as Error),
    );
  };
}
