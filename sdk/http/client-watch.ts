import type { ServerResponse } from "node:http";
import type { Context } from "hono";
import { Cancellation } from "../core/cancellation.js";
import { EkibenError } from "../core/errors.js";

/**
 * Tells when the client of a request has gone. On a socket it listens to the response itself: the
 * signal of the request would make an `AbortController` for each, and hardly any client goes.
 */
export function watchClient(c: Context): Cancellation {
  const outgoing = (c.env as { outgoing?: ServerResponse } | undefined)?.outgoing;
  return outgoing === undefined ? Cancellation.from(c.req.raw.signal) : watchResponse(outgoing);
}

const WATCH = Symbol("ekiben.watch");
type Watched = ServerResponse & { [WATCH]?: Cancellation };

/** Tells when the connection of a response closes before the response is written. */
export function watchResponse(outgoing: ServerResponse): Cancellation {
  const known = (outgoing as Watched)[WATCH];
  if (known !== undefined) return known;
  const cancellation = new Cancellation();
  // All responses share one listener, which finds what it tells by a property. Not `once`, which
  // wraps each listener: the event comes once by itself.
  (outgoing as Watched)[WATCH] = cancellation;
  outgoing.on("close", onClose);
  return cancellation;
}

function onClose(this: ServerResponse): void {
  if (this.writableFinished) return;
  (this as Watched)[WATCH]?.abort(
    new EkibenError("CLIENT_CLOSED", {
      detail: "The client closed the connection before it had its answer.",
    }),
  );
}
