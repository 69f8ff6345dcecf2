/** The load generator: a process of its own, so that its work is not that of whoever measures. */
import { runClosedLoop } from "./closed-loop.js";
import { runOpenLoop } from "./open-loop.js";

const RUNS = { closed: runClosedLoop, open: runOpenLoop };

process.on("message", async ({ kind, options, bodies, path }) => {
  const requests = bodies.map((body) =>
    Buffer.from(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${options.port}\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    ),
  );
  try {
    const result = await RUNS[kind](options, requests, (event) => process.send({ event }));
    process.send({ result });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});
process.on("disconnect", () => process.exit());
