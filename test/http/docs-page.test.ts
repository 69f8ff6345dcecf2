import { Script } from "node:vm";
import { expect, test } from "vitest";
import { none } from "../../sdk/inputs/none.js";
import { DOCS_SCRIPT } from "../../sdk/http/docs-script.js";
import { api, build, listen, send, service } from "./serving.js";

async function pageOf(...args: Parameters<typeof service>): Promise<string> {
  const { app } = await build(service(...args), { start: false });
  return await (await app.request("http://127.0.0.1:3000/")).text();
}

test("the page shows the service, its APIs with limits, and how to call them", async () => {
  const page = await pageOf([
    api({
      summary: "Adds two numbers.",
      batch: {
        maxBatchSize: 64,
        maxLatencyMs: 1500,
        maxQueueItems: 10,
        maxQueueBytes: 2 ** 28,
        concurrency: 1,
      },
    }),
  ]);
  for (const text of [
    "<title>adder</title>",
    "starting",
    "/v1/add",
    "Adds two numbers.",
    "batches of up to 64",
    "answers within 1.5 s",
    "time limit 5 s",
    "body up to 1 MiB",
    "curl http://127.0.0.1:3000/v1/add",
  ]) {
    expect(page).toContain(text);
  }
});

test("a service without APIs has a page", async () => {
  expect(await pageOf([])).toContain("no API yet");
});

test("what an author writes is text on the page, never markup", async () => {
  const evil = `</pre><script>alert(1)</script>"'`;
  const page = await pageOf([api({ summary: evil, example: evil, input: api().input })], {
    description: evil,
    models: { [evil]: { kind: evil } as never },
  });
  expect(page).not.toContain("<script>alert");
  expect(page.match(/<script/g)).toHaveLength(2);
});

test("an example with quotes is a command that a shell reads as written", async () => {
  const page = await pageOf([api({ example: { x: "it's" } as never })]);
  expect(page).toContain(String.raw`{&quot;x&quot;:&quot;it&#39;\&#39;&#39;s&quot;}`);
});

test("no address on the page is absolute or of another host, and the policy forbids them", async () => {
  const { app } = await build(service([api()]));
  const answer = await app.request("/");
  const page = await answer.text();
  for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) {
    expect(address).toMatch(/^(docs\/assets\/|openapi\.json|metadata|healthz|metrics|#)/);
  }
  const policy = answer.headers.get("content-security-policy")!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
  expect(policy).not.toMatch(/script-src[^;]*unsafe-inline/);
});

test("the assets have their types, an ETag, and are not sent twice", async () => {
  await using served = await listen((await build(service([api()]))).app);
  const types = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
  };
  for (const [name, type] of Object.entries(types)) {
    const url = `${served.url}/docs/assets/${name}`;
    const answer = await send(url, { method: "GET" });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "content-type": type,
      "x-content-type-options": "nosniff",
      "cache-control": "public, max-age=86400",
      "x-request-id": expect.any(String),
    });
    const again = await send(url, {
      method: "GET",
      headers: { "if-none-match": answer.headers.etag! },
    });
    expect(again).toMatchObject({ status: 304, body: "" });
    expect(again.headers["x-request-id"]).toEqual(expect.any(String));
  }
});

test("only the files of the page are served", async () => {
  await using served = await listen((await build(service([api()]))).app);
  for (const name of [
    "package.json",
    "..%2fpackage.json",
    "..%5cpackage.json",
    "%2e%2e%2fpackage.json",
    "../../package.json",
    "constructor",
    "__proto__",
    "swagger-ui.css%00",
    "swagger-ui.css/",
    "",
  ]) {
    const answer = await send(`${served.url}/docs/assets/${name}`, { method: "GET" });
    expect([name, answer.status]).toEqual([name, 404]);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
  }
});

test("/docs leads to the page", async () => {
  const { app } = await build(service([api()]));
  const answer = await app.request("http://127.0.0.1/docs", { headers: { "x-request-id": "r1" } });
  expect(answer.status).toBe(302);
  expect(answer.headers.get("x-request-id")).toBe("r1");
  expect(new URL(answer.headers.get("location")!, "http://127.0.0.1/docs").pathname).toBe("/");
});

test("the script of the page is one that browsers can read", () => {
  expect(() => new Script(DOCS_SCRIPT)).not.toThrow();
});

test("the page and the metadata say which protocols are on", async () => {
  const protocols = { openInference: true, mlflow: false };
  const { app } = await build(service([api()], { protocols }));
  const page = await (await app.request("/")).text();
  expect(page.replace(/\s+/g, " ")).toMatch(
    /Open Inference Protocol<\/strong> <span class="chip">on<\/span>.*MLflow and SageMaker<\/strong> <span class="chip">off<\/span>/,
  );
  expect(page).not.toContain("/invocations");
  expect(await (await app.request("/metadata")).json()).toMatchObject({ protocols });
});

test("a card says what an API takes and answers with, and no body where there is none", async () => {
  const page = await pageOf([
    api({ method: "GET", input: none, example: undefined, handler: (() => ({ sum: 1 })) as never }),
  ]);
  expect(page).toContain("GET");
  expect(page).toMatch(/answers<\/dt>\s*<dd>json, one item <code>application\/json<\/code>/);
  expect(page).not.toContain("takes</dt>");
  expect(page).not.toContain("body up to");
});

test("the document has recorded answers, and asks for them again when they could not be had", async () => {
  const value = { sum: 3 };
  let asked = 0;
  const { app } = await build(service([api()]), {
    async recordedAnswers() {
      if (++asked === 1) throw new Error("no such file");
      return { add: [{ mediaType: "application/json", value }] };
    },
  });
  expect((await app.request("/openapi.json")).status).toBe(500);
  for (let time = 0; time < 2; time++) {
    const document = (await (await app.request("/openapi.json")).json()) as {
      paths: Record<string, { post: { responses: Record<string, { content: object }> } }>;
    };
    expect(document.paths["/v1/add"]!.post.responses["200"]!.content).toMatchObject({
      "application/json": { example: value },
    });
  }
  expect(asked).toBe(2);
});
