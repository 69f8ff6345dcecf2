import type { RequestListener } from "node:http";
import { refuseRequest, toRefusal } from "./client-fault.js";

/** Answers requests of Node's own server by a `fetch`. */
export interface HonoListener {
  readonly answer: RequestListener;
  /** Loads now what the first request would load. */
  load(): Promise<void>;
}

/**
 * What stands between Node's server and Hono is loaded with the first request for it: Node makes the
 * classes of the Fetch standard when somebody asks for them, which takes some five hundredths of the
 * start of a server, and plain requests to APIs need none of them.
 */
export function createHonoListener(
  fetch: (request: Request, env: any) => Response | Promise<Response>,
): HonoListener {
  let listener: RequestListener | undefined;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    const { getRequestListener, RequestError } = await import("@hono/node-server");
    listener = getRequestListener(fetch, {
      // HTTP/1.0 knows no Host, and the probes of some load balancers speak it.
      hostname: "localhost",
      errorHandler: (error) => toRefusal(error, error instanceof RequestError),
    }) as RequestListener;
  }

  function loadOnce(): Promise<void> {
    loading ??= load().catch((error: unknown) => {
      // Such as for want of descriptors: the next request tries again.
      loading = undefined;
      throw error;
    });
    return loading;
  }

  return {
    answer(incoming, outgoing) {
      if (listener !== undefined) return listener(incoming, outgoing);
      loadOnce().then(
        () => {
          if (!outgoing.destroyed) listener!(incoming, outgoing);
        },
        (error: unknown) => refuseRequest(outgoing, error),
      );
    },
    load: loadOnce,
  };
}
