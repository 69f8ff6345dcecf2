import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";
import { Hono } from "hono";
import { cors } from "hono/cors";
import { chromium, type Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { json } from "../../sdk/inputs/json.js";
import { tensor } from "../../sdk/inputs/tensor.js";
import { text } from "../../sdk/inputs/text.js";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import { build, listen, until } from "../http/serving.js";
import { defineService, z } from "./serving.js";

const executablePath = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const isMissing = !existsSync(executablePath) && process.env["CI"] !== "true";
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let ended = 0;
const base = defineService({ name: "page" })
  .api("add", {
    input: json(z.object({ x: z.number() })),
    output: z.object({ sum: z.number() }),
    handler: ({ x }) => ({ sum: x + 1 }),
  })
  .api("count", {
    input: json(z.number()),
    output: eventStream(z.number()),
    async *handler(limit) {
      try {
        for (let at = 0; at < limit; at++) {
          yield at;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        ended++;
      }
    },
  })
  .api("double", {
    input: tensor({ shape: [2], dtype: "float32" }),
    output: tensorOutput({ shape: [2], dtype: "float32" }),
    handler: (x) => x.map((value) => value * 2) as Float32Array,
  })
  .api("claim", {
    input: form({ note: text(), photo: file() }),
    output: z.string(),
    handler: async ({ note, photo }) => `${note} ${photo.name} ${await photo.text()}`,
  })
  .api("bytes", {
    input: text(),
    output: bytesOutput(),
    handler: (said) => new TextEncoder().encode(said),
  });

let script: string;
beforeAll(async () => {
  const built = await bundle({
    entryPoints: [fileURLToPath(new URL("../../dist/sdk/client/index.js", import.meta.url))],
    bundle: true,
    format: "iife",
    globalName: "ekiben",
    platform: "browser",
    write: false,
  });
  script = built.outputFiles[0]!.text;
});

async function open(url: string): Promise<AsyncDisposable & { page: Page }> {
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  const page = await browser.newPage();
  await page.goto(url);
  return { page, [Symbol.asyncDispose]: () => browser.close() };
}

describe.skipIf(isMissing)(`the client in a browser (needs ${executablePath})`, () => {
  test("calls the service that its page comes from, in every way", async () => {
    const { app } = await build(base.definition);
    const site = new Hono().mount("/models/page", app.fetch);
    site.get("/", (c) => c.html(`<script>${script}</script>`));
    await using served = await listen(site as Hono);
    await using opened = await open(served.url);
    const found = await opened.page.evaluate(`(async () => {
      const client = ekiben.createClient("/models/page");
      const values = [];
      for await (const value of client.count(3)) values.push(value);
      const failed = await client.add({ x: "one" }).catch((error) => error);
      const lost = await ekiben.createClient("http://127.0.0.1:1").add({}).catch((error) => error);
      const late = await client.count(0, { signal: AbortSignal.abort() }).catch((error) => error);
      return {
        sum: await client.add({ x: 1 }),
        values,
        doubled: await client.double(Float32Array.of(1, 2)),
        claim: await client.claim({ note: "a\\nb", photo: new File(["p"], "ü.png") }),
        bytes: Array.from(await client.bytes("hé")),
        failed: [failed instanceof ekiben.ClientError, failed.code, failed.issues[0].path],
        lost: [lost.code, lost.attempts],
        late: late.code,
      };
    })()`);
    expect(found).toEqual({
      sum: { sum: 2 },
      values: [0, 1, 2],
      doubled: [2, 4],
      claim: "a\nb ü.png p",
      bytes: [104, 195, 169],
      failed: [true, "INPUT_INVALID", "x"],
      lost: ["CONNECTION_LOST", 3],
      late: "ABORTED",
    });
  });

  test("ends a stream of the service when its page stops to listen", async () => {
    ended = 0;
    const { app } = await build(base.definition);
    const site = new Hono().mount("/models/page", app.fetch);
    site.get("/", (c) => c.html(`<script>${script}</script>`));
    await using served = await listen(site as Hono);
    await using opened = await open(served.url);
    await opened.page.evaluate(`(async () => {
      for await (const value of ekiben.createClient("/models/page").count(1e6)) if (value > 2) break;
    })()`);
    await until(() => ended === 1);
  });

  test("calls a service elsewhere that allows it, with a contract that it was given", async () => {
    const service = base.use(
      cors({
        origin: "*",
        allowHeaders: ["content-type", "x-request-id", "x-request-timeout-ms"],
        exposeHeaders: ["x-request-id", "retry-after"],
      }),
    );
    const { app } = await build(service.definition);
    await using served = await listen(app);
    const { loadContract } = await import("../../sdk/client/create-client.js");
    const contract = await loadContract(served.url);
    const site = new Hono().get("/", (c) => c.html(`<script>${script}</script>`));
    await using elsewhere = await listen(site as Hono);
    await using opened = await open(elsewhere.url.replace("127.0.0.1", "localhost"));
    const found = await opened.page.evaluate(`(async () => {
      const contract = ${JSON.stringify(contract)};
      const client = ekiben.createClient(${JSON.stringify(served.url)}, { contract });
      return await client.add({ x: 1 }, { timeoutMs: 5000 });
    })()`);
    expect(found).toEqual({ sum: 2 });
  });
});
