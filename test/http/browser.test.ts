import { existsSync } from "node:fs";
import { Hono } from "hono";
import { chromium, type Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { api, build, listen, service } from "./serving.js";

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

const definition = service(
  [
    api({
      name: "predict",
      route: "v1/churn/predict",
      input: dataframe(z.object({ tenure: z.number(), plan: z.enum(["basic", "premium"]) })),
      output: z.object({ churn: z.number() }),
      example: [
        { tenure: 3, plan: "basic" },
        { tenure: 48, plan: "premium" },
      ],
      handler: (() => ({ churn: [0.75, 0.25] })) as never,
    }),
  ],
  { name: "churn" },
);

async function open(): Promise<
  AsyncDisposable & { page: Page; errors: string[]; hosts: Set<string> }
> {
  const browser = await chromium.launch({ executablePath, args: ARGUMENTS });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const errors: string[] = [];
  const hosts = new Set<string>();
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") errors.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:") hosts.add(hostname);
  });
  return { page, errors, hosts, [Symbol.asyncDispose]: () => browser.close() };
}

/** Opens the API, sends its example, and reads the status and the body of the answer. */
async function tryItOut(page: Page): Promise<{ status: string; body: string }> {
  const operation = page.locator("#operations-APIs-predict");
  await operation.locator(".opblock-summary-control").click();
  await operation.locator(".try-out__btn").click();
  await operation.locator("button.execute").click();
  const answer = operation.locator(".live-responses-table .response");
  return {
    status: (await answer.locator(".response-col_status").innerText()).trim(),
    body: await answer.locator(".highlight-code .microlight").first().innerText(),
  };
}

describe.skipIf(isMissing)(`the page in a browser (needs ${executablePath})`, () => {
  test("an example is tried out and answered, without a request elsewhere", async () => {
    const { app } = await build(definition);
    await using served = await listen(app);
    await using opened = await open();
    const { page, errors, hosts } = opened;
    await page.goto(served.url);
    const { status, body } = await tryItOut(page);
    expect(status).toBe("200");
    expect(JSON.parse(body)).toEqual([{ churn: 0.75 }, { churn: 0.25 }]);
    expect(await page.locator("#curl-predict").innerText()).toContain(
      `curl ${served.url}/v1/churn/predict`,
    );
    expect([...hosts]).toEqual(["127.0.0.1"]);
    expect(errors).toEqual([]);
  });

  test("it also works under a path of a proxy, and fits a narrow screen", async () => {
    const { app } = await build(definition);
    const proxy = new Hono().mount("/models/churn", app.fetch);
    await using served = await listen(proxy as Hono);
    await using opened = await open();
    const { page, errors } = opened;
    await page.setViewportSize({ width: 400, height: 800 });
    await page.goto(`${served.url}/models/churn/`);
    expect((await tryItOut(page)).status).toBe("200");
    expect(await page.locator("#curl-predict").innerText()).toContain(
      `curl ${served.url}/models/churn/v1/churn/predict`,
    );
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(400);
    expect(errors).toEqual([]);
  });
});
