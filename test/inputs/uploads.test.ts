import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { createFileInput, type FileInput } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { json } from "../../sdk/inputs/json.js";
import { createTempFiles } from "../../sdk/inputs/temp-files.js";
import type { UploadedFile } from "../../sdk/inputs/uploaded-file.js";
import { api, build, listen, send, service, until, type Serving } from "../http/serving.js";

const CRLF = "\r\n";
const FORM = { "content-type": "multipart/form-data; boundary=b" };

let folder: string;
let files: FileInput;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ekiben-test-"));
  files = createFileInput(
    { maxMemoryBytes: 1000 },
    createTempFiles(() => folder),
  );
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function found(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

function onDisk(): number {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  return sizes.reduce((sum, size) => sum + size, 0);
}

type Handler = (given: { doc: UploadedFile; id: number }) => unknown;

async function serve(handler: Handler, changes: object = {}): Promise<Serving> {
  const input = form({ doc: files, id: json(z.number()) });
  const upload = api({ input, output: undefined, handler, maxBodyBytes: 1 << 26, ...changes });
  const { example: _, ...definition } = upload;
  return await listen((await build(service([definition]))).app);
}

function part(name: string, content: string, more = ""): string {
  return `--b${CRLF}Content-Disposition: form-data; name="${name}"${more}${CRLF}${CRLF}${content}${CRLF}`;
}

const small = `${part("doc", "x".repeat(5000), '; filename="a.txt"')}${part("id", "1")}--b--${CRLF}`;

test("a large upload goes to disk while it arrives, and is gone when it is answered", async () => {
  const sizes: number[] = [];
  await using server = await serve(async ({ doc, id }) => {
    sizes.push(found().length);
    let size = 0;
    for await (const chunk of doc.stream()) size += (chunk as Uint8Array).length;
    return { id, size, said: doc.size, name: doc.name, sha256: (await doc.sha256()).slice(0, 8) };
  });
  let ahead = 0;
  async function* body(): AsyncGenerator<Uint8Array> {
    const [head, tail] = small.split("x".repeat(5000));
    yield Buffer.from(head!);
    const chunk = Buffer.alloc(1 << 16);
    for (let i = 0; i < 640; i++) {
      ahead = Math.max(ahead, i * chunk.length - onDisk());
      yield chunk;
    }
    yield Buffer.from(tail!);
  }
  const answer = await send(`${server.url}/v1/add`, { headers: FORM, body: body() });
  const size = 640 << 16;
  expect(JSON.parse(answer.body)).toEqual({
    id: 1,
    size,
    said: size,
    name: "a.txt",
    sha256: expect.any(String) as string,
  });
  expect(sizes).toEqual([1]);
  // What is neither sent nor stored is in the buffers of the sockets.
  expect(ahead).toBeLessThan(size / 2);
  await until(() => found().length === 0);
});

test("nothing is left of a request whose handler throws or takes too long", async () => {
  let path = "";
  let end = (): void => {};
  const held = new Promise<void>((resolve) => (end = resolve));
  await using server = await serve(
    async ({ doc, id }) => {
      path = await doc.path();
      if (id === 1) throw new Error("broken");
      await held;
      // The time limit has answered the request, but its file stays while somebody may read it.
      return existsSync(path);
    },
    { timeoutMs: 300 },
  );
  const url = `${server.url}/v1/add`;
  expect((await send(url, { headers: FORM, body: small })).status).toBe(500);
  await until(() => !existsSync(path));
  const slow = small.replace(`${CRLF}1${CRLF}`, `${CRLF}2${CRLF}`);
  expect((await send(url, { headers: FORM, body: slow })).status).toBe(504);
  expect(existsSync(path)).toBe(true);
  end();
  await until(() => found().length === 0);
});

test("nothing is left of a request whose client goes away while it sends", async () => {
  let called = false;
  await using server = await serve(() => (called = true));
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  const head = ["POST /v1/add HTTP/1.1", "Host: x", `Content-Type: ${FORM["content-type"]}`];
  socket.write([...head, "Content-Length: 100000", "", small.slice(0, 4000)].join(CRLF));
  await until(() => found().length === 1);
  socket.destroy();
  await until(() => found().length === 0);
  expect(called).toBe(false);
});

test("a form that trickles in and one that is cut short are answered", async () => {
  await using server = await serve(({ doc, id }) => [doc.size, id]);
  async function* trickle(text: string): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 211) {
      yield bytes.subarray(at, at + 211);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
  const url = `${server.url}/v1/add`;
  const whole = await send(url, { headers: FORM, body: trickle(small) });
  expect(JSON.parse(whole.body)).toEqual([5000, 1]);
  const cut = await send(url, { headers: FORM, body: trickle(small.slice(0, 4500)) });
  expect(JSON.parse(cut.body)).toMatchObject({ status: 400, code: "BODY_MALFORMED" });
  await until(() => found().length === 0);
});

test("an upload beyond the limit of the API is refused before it is read", async () => {
  await using server = await serve(() => null, { maxBodyBytes: 3000 });
  const url = `${server.url}/v1/add`;
  expect((await send(url, { headers: FORM, body: small })).status).toBe(413);
  async function* unannounced(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(small);
  }
  expect((await send(url, { headers: FORM, body: unannounced() })).status).toBe(413);
  await until(() => found().length === 0);
});
