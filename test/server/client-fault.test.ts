import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { listen } from "../../sdk/server/listen.js";

test("a request whose time is over is answered with 408, and its reader is not left waiting", async () => {
  let read: Promise<unknown> | undefined;
  const listening = await listen(
    {
      async fetch(_request, { incoming }: { incoming: IncomingMessage }) {
        read = new Promise((resolve) => incoming.once("close", resolve).on("error", () => {}));
        await read;
        return new Response("too late");
      },
    },
    { port: 0 },
  );
  const accepted = once(listening.server, "connection") as Promise<[Socket]>;
  const client = connect(listening.port, "127.0.0.1");
  let answer = "";
  client.on("data", (chunk) => (answer += chunk));
  client.write("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf");
  const [socket] = await accepted;
  await once(listening.server, "request");
  // Node looks for slow requests twice a minute; this is what it does then.
  const late = Object.assign(new Error("Request timeout"), { code: "ERR_HTTP_REQUEST_TIMEOUT" });
  listening.server.emit("clientError", late, socket);
  await once(client, "close");
  expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
  expect(answer).toMatch(/content-type: application\/problem\+json\r\n/);
  expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({
    code: "REQUEST_INCOMPLETE",
    hint: expect.any(String),
  });
  await read;
  await listening.close({ lingerMs: 0 });
});
