/** The load generator: a process of its own, so that its work is not that of whoever measures. */
import { runClosedLoop } from "./closed-loop.js";
import { runOpenLoop } from "./open-loop.js";

const RUNS = { closed: runClosedLoop, open: runOpenLoop };

process.on("message", async ({ kind, options, bodies, path, mediaType = "application/json" }) => {
  const requests = bodies.map((body) => {
    // Bytes that are no text cross the boundary of the process as base64.
    const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body.base64, "base64");
    const head =
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${options.port}\r\ncontent-type: ${mediaType}\r\n` +
      `content-length: ${bytes.length}\r\n\r\n`;
    return Buffer.concat([Buffer.from(head), bytes]);
  });
  try {
    const result = await RUNS[kind](options, requests, (event) => process.send({ event }));
    process.send({ result });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());
