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

async function exchange(text: string): Promise<string> {
  const app = { fetch: () => new Response("answered") };
  const listening = await listen(app, { port: 0 });
  const client = connect(listening.port, "127.0.0.1");
  let answer = "";
  client.on("data", (chunk) => (answer += chunk));
  client.write(text);
  client.end();
  await once(client, "close");
  await listening.close({ lingerMs: 0 });
  return answer;
}

test.each([
  ["has no host", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "no Host header"],
  ["has a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "URL"],
  ["asks for no path", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "URL"],
  ["asks for a URL that is none", "GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n", "URL"],
])("a request that %s is told so in a problem document", async (_what, text, detail) => {
  const answer = await exchange(text);
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json\r\n/i);
  const id = /\r\nx-request-id: (\S+)\r\n/i.exec(answer)?.[1];
  expect(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")))).toMatchObject({
    code: "HTTP_MALFORMED",
    detail: expect.stringContaining(detail),
    requestId: id,
  });
});

test("a request of HTTP/1.0 needs no host", async () => {
  expect(await exchange("GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 .*answered$/s);
});

test("an expectation that nobody knows does not keep a request from its answer", async () => {
  const head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: a miracle\r\n";
  expect(await exchange(`${head}Content-Length: 0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 .*answered/s);
});
