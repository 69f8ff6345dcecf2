import { readFile, copyFile } from "node:fs/promises";
import { request } from "node:https";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHome, type CliHome } from "../cli/run-cli.js";
import { until } from "./primary/traffic.js";

const file = (name: string) => resolve("test/fixtures/tls", name);
const KEY_PAIR = ["--tls-cert", file("server.crt"), "--tls-key", file("server.key")];

let home: CliHome;
let ca: Buffer;
beforeAll(async () => {
  home = await makeHome();
  await home.build("faulty.ts");
  ca = await readFile(file("ca.crt"));
});
afterAll(() => home[Symbol.asyncDispose]());

/** The body of an answer, or the code of an error; and the name on the certificate of the server. */
function echo(url: string, options: { cert?: Buffer; key?: Buffer; agent?: false } = {}) {
  return new Promise<string>((resolve) => {
    const sent = request(
      `${url}/echo`,
      {
        method: "POST",
        ca,
        agent: false,
        headers: { "content-type": "application/json" },
        ...options,
      },
      (reply) => {
        let text = "";
        reply.setEncoding("utf8").on("data", (part: string) => (text += part));
        reply.on("end", () => resolve(text));
      },
    );
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end('{"x":1}');
  });
}

test.each([[[]], [["--workers", "2"]]])("answers over TLS, and ends in order: %j", async (args) => {
  const server = await home.serve(["faulty", "--port", "0", ...KEY_PAIR, ...args]);
  expect(server.url).toMatch(/^https:/);
  expect(await echo(server.url)).toContain('"x":1');
  const plain = await fetch(server.url.replace("https", "http")).then(
    () => "answered",
    () => "refused",
  );
  expect(plain).toBe("refused");
  expect(await echo(server.url)).toContain('"x":1');
  expect(await server.stop()).toBe(0);
});

test("with authorities only clients with a certificate of theirs are answered", async () => {
  const server = await home.serve(
    ["faulty", "--port", "0", "--tls-ca", file("ca.crt"), "--tls-cert", file("server.crt")],
    {
      env: {
        EKIBEN_TLS_KEY: file("server.locked.key"),
        EKIBEN_TLS_PASSPHRASE: "bento",
      },
    },
  );
  expect(await echo(server.url)).toMatch(/^(ECONN|ERR_SSL)/);
  const [cert, key] = await Promise.all([
    readFile(file("client.crt")),
    readFile(file("client.key")),
  ]);
  expect(await echo(server.url, { cert, key })).toContain('"x":1');
  expect(server.output()).not.toContain("bento");
  expect(await server.stop()).toBe(0);
});

test("a reload reads the files again", async () => {
  const [cert, key] = [join(home.path, "tls.crt"), join(home.path, "tls.key")];
  await copyFile(file("server.crt"), cert);
  await copyFile(file("server.key"), key);
  const args = ["--reloadable", "--tls-cert", cert, "--tls-key", key];
  const server = await home.serve(["faulty", "--port", "0", ...args]);
  expect(await echo(server.url)).toContain('"x":1');
  await copyFile(file("client.key"), key);
  const broken = await home.run(["reload"]);
  expect(broken).toMatchObject({ code: 2, stderr: expect.stringContaining("SETTING_INVALID") });
  expect(await echo(server.url)).toContain('"x":1');
  // Now the certificate of a client, whose name is another: the client sees the exchange.
  await copyFile(file("client.crt"), cert);
  expect(await home.run(["reload"])).toMatchObject({ code: 0 });
  await until("the other certificate is shown", async () => {
    return (await echo(server.url)) === "ERR_TLS_CERT_ALTNAME_INVALID";
  });
  expect(await server.stop()).toBe(0);
});

test.each([
  [
    ["--tls-cert", file("server.crt")],
    /TLS needs a certificate and its key, and tls.key is not set/,
  ],
  [
    ["--tls-cert", "/gone.crt", "--tls-key", file("server.key")],
    /tls.cert: \/gone.crt cannot be read/,
  ],
  [["--tls-cert", file("server.crt"), "--tls-key", file("client.key")], /cannot be used/],
  [["--tls-cert", file("server.crt"), "--tls-key", file("server.locked.key")], /EKIBEN_TLS_PASS/],
])("what cannot be used is named: %j", async (args, message) => {
  const run = await home.run(["serve", "faulty", "--port", "0", ...args]);
  expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});
