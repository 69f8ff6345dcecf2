import type { Socket } from "node:net";
import { EkibenError, toProblem } from "../../core/errors.js";

/** What a connection gets that no worker takes. */
export function refuseConnection(socket: Socket): void {
  const problem = toProblem(
    new EkibenError("SERVER_STARTING", {
      detail: "No process of the service takes connections now.",
      retryAfter: 1,
    }),
  );
  const body = JSON.stringify(problem);
  socket.end(
    [
      "HTTP/1.1 503 Service Unavailable",
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      "retry-after: 1",
      "connection: close",
      "",
      body,
    ].join("\r\n"),
  );
  setTimeout(() => socket.destroy(), 500).unref();
}
