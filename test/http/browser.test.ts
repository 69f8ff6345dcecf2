import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Hono } from "hono";
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import every from "../../examples/every-input/service.js";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { api, build, listen, service, type Serving } from "./serving.js";

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
/** Milliseconds for one step: the machine may be busy with other tests. */
const PATIENCE = 60_000;
const PHOTO = fileURLToPath(new URL("../../examples/every-input/photo.png", import.meta.url));

let browser: Browser;
let served: Serving;
/** The page of the service with every kind of input, for all that leaves it as it is. */
let shared: Opened;

/** A page that is open, with what went wrong on it and whom it asked. */
interface Opened extends AsyncDisposable {
  page: Page;
  /** Fails when the page logged anything, or asked anybody but the server it came from. */
  check(): void;
}

async function open(
  url: string,
  { width = 1280, colorScheme = "light" as "light" | "dark" } = {},
): Promise<Opened> {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.setDefaultTimeout(PATIENCE);
  const faults: string[] = [];
  const origins = new Set<string>();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== "data:" && protocol !== "blob:") origins.add(origin);
  });
  await page.goto(url, { timeout: PATIENCE });
  return {
    page,
    check() {
      expect([...origins]).toEqual([new URL(url).origin]);
      expect(faults).toEqual([]);
    },
    [Symbol.asyncDispose]: () => page.close(),
  };
}

/** Opens what Swagger UI has of an operation, ready to be filled in. */
async function tryOut(page: Page, name: string, tag = "APIs"): Promise<Locator> {
  const operation = page.locator(`[id="operations-${tag}-${name}"]`);
  const control = operation.locator(".opblock-summary-control");
  // Anew each time, since tests share a page.
  if ((await control.getAttribute("aria-expanded")) === "true") await control.click();
  await control.click();
  const cancel = operation.locator(".try-out__btn.cancel");
  if ((await cancel.count()) > 0) await cancel.click();
  await operation.locator(".try-out__btn").first().click();
  return operation;
}

interface Focusable {
  matches(selector: string): boolean;
}

/** An image element, as far as it is read here. */
interface ShownImage {
  naturalWidth: number;
}

interface Answer {
  status: string;
  /** What stands there as text. */
  body: string;
}

/** Sends what is filled in, and reads the answer. */
async function execute(operation: Locator): Promise<Answer> {
  await operation.locator("button.execute").click();
  const answer = operation.locator(".live-responses-table tr.response");
  await operation.locator(".loading-container").waitFor({ state: "detached" });
  const status = (await answer.locator(".response-col_status").innerText()).trim();
  const text = answer.locator(".response-col_description .highlight-code .microlight").first();
  return { status, body: (await text.count()) === 0 ? "" : await text.innerText() };
}

async function ask(
  page: Page,
  name: string,
  fill?: (operation: Locator) => Promise<unknown>,
): Promise<Answer> {
  const operation = await tryOut(page, name);
  await fill?.(operation);
  return await execute(operation);
}

const chooseType =
  (mediaType: string) =>
  (operation: Locator): Promise<unknown> =>
    operation.locator(".opblock-section-request-body select.content-type").selectOption(mediaType);

const choosePhoto = (operation: Locator): Promise<void> =>
  operation.locator('input[type="file"]').setInputFiles(PHOTO);

/** Asks for an answer in another media type. */
const chooseAnswer =
  (mediaType: string) =>
  (operation: Locator): Promise<unknown> =>
    operation
      .locator(".response-control-media-type--accept-controller select")
      .selectOption(mediaType);

describe.skipIf(isMissing)(`the page in a browser (needs ${executablePath})`, () => {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ARGUMENTS, timeout: 2 * PATIENCE });
    served = await listen(every.app);
    shared = await open(served.url);
  }, 4 * PATIENCE);

  afterAll(async () => {
    await browser?.close();
    await served?.[Symbol.asyncDispose]();
  });

  const PREDICTED = [
    { churn: 0.8, plan: "basic" },
    { churn: 0.2, plan: "premium" },
  ];

  test("a table is sent as JSON", async () => {
    const { status, body } = await ask(shared.page, "predict");
    expect([status, JSON.parse(body)]).toEqual(["200", PREDICTED]);
    shared.check();
  });

  test.each(["text/csv", "text/tab-separated-values", "application/x-ndjson"])(
    "a table is sent as %s",
    async (mediaType) => {
      const { status, body } = await ask(shared.page, "predict", chooseType(mediaType));
      expect([status, JSON.parse(body)]).toEqual(["200", PREDICTED]);
      shared.check();
    },
  );

  test("a table is answered as CSV where that is chosen", async () => {
    const { status, body } = await ask(shared.page, "predict", chooseAnswer("text/csv"));
    expect([status, body.trim().split(/\r?\n/)]).toEqual([
      "200",
      ["churn,plan", "0.8,basic", "0.2,premium"],
    ]);
    shared.check();
  });

  test("JSON is sent, also what was made up without an example", async () => {
    const distance = await ask(shared.page, "distance");
    expect([distance.status, JSON.parse(distance.body)]).toEqual(["200", { distance: 5 }]);
    const parity = await ask(shared.page, "parity");
    expect([parity.status, JSON.parse(parity.body)]).toEqual(["200", { even: false }]);
    shared.check();
  });

  test("a tensor is sent and answered", async () => {
    const { status, body } = await ask(shared.page, "softmax");
    const shares = JSON.parse(body) as number[];
    expect([status, shares.length]).toEqual(["200", 3]);
    expect(shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 5);
    shared.check();
  });

  test("an image is chosen from a file, sent, and the answer is shown", async () => {
    const operation = await tryOut(shared.page, "negative");
    await choosePhoto(operation);
    expect((await execute(operation)).status).toBe("200");
    const shown = operation.locator(".live-responses-table img");
    await expect
      .poll(() => shown.evaluate((image) => (image as unknown as ShownImage).naturalWidth))
      .toBe(120);
    shared.check();
  });

  test("text is sent and answered", async () => {
    const answer = await ask(shared.page, "capitals", (operation) =>
      operation.locator(".body-param__text").fill("soba, or udon"),
    );
    expect(answer).toEqual({ status: "200", body: "SOBA, OR UDON" });
    shared.check();
  });

  test("a file is chosen and sent, and the bytes of the answer can be kept", async () => {
    const operation = await tryOut(shared.page, "pack");
    await choosePhoto(operation);
    expect((await execute(operation)).status).toBe("200");
    const link = operation.locator(".live-responses-table a[download]");
    expect(await link.innerText()).toMatch(/^Download \d+ bytes of application\/gzip$/);
    const [download] = await Promise.all([shared.page.waitForEvent("download"), link.click()]);
    const kept = await readFile((await download.path())!);
    expect(gunzipSync(kept)).toEqual(await readFile(PHOTO));
    shared.check();
  });

  test("a form of an image, JSON and text is filled in and sent", async () => {
    const { status, body } = await ask(shared.page, "caption", choosePhoto);
    expect([status, JSON.parse(body)]).toEqual([
      "200",
      { caption: "a picture of 120 by: taken today", sha256: expect.any(String) as string },
    ]);
    shared.check();
  });

  test("a form is sent URL-encoded, its image in base64", async () => {
    await using opened = await open(served.url);
    const b64 = await readFile(PHOTO, "base64");
    const { status, body } = await ask(opened.page, "caption", async (operation) => {
      await chooseType("application/x-www-form-urlencoded")(operation);
      await operation
        .locator('[data-property-name="photo"] textarea')
        .fill(JSON.stringify({ b64 }));
    });
    expect([status, JSON.parse(body)]).toMatchObject([
      "200",
      { caption: "a picture of 120 by: taken today" },
    ]);
    opened.check();
  });

  test("parameters of the path and the query are filled in", async () => {
    const { status, body } = await ask(shared.page, "forecast");
    expect([status, JSON.parse(body)]).toEqual([
      "200",
      {
        columns: ["month", "sales"],
        index: [0, 1],
        data: [
          ["2026-01", 800],
          ["2026-02", 960],
        ],
      },
    ]);
    shared.check();
  });

  test("streams of events and of lines are shown when they have ended", async () => {
    const events = await ask(shared.page, "countdown");
    expect(events.status).toBe("200");
    expect(events.body.match(/data: .*/g)).toEqual([
      'data: {"left":3}',
      'data: {"left":2}',
      'data: {"left":1}',
      "data: {}",
    ]);
    const lines = await ask(shared.page, "spell");
    expect([lines.status, lines.body.match(/"[a-z]"/g)]).toEqual([
      "200",
      ['"b"', '"e"', '"n"', '"t"', '"o"'],
    ]);
    shared.check();
  });

  test("an input of the author's own is sent", async () => {
    const { status, body } = await ask(shared.page, "configure");
    expect([status, JSON.parse(body)]).toEqual(["200", { threshold: "0.5", label: "dog" }]);
    shared.check();
  });

  test("other protocols are asked with the examples of the APIs", async () => {
    const infer = await execute(await tryOut(shared.page, "v2Infer", "Open_Inference_Protocol"));
    expect(infer.status).toBe("200");
    expect(JSON.parse(infer.body)).toMatchObject({
      model_name: "predict",
      outputs: [{ name: "churn", data: [0.8, 0.2] }, { name: "plan" }],
    });
    const scored = await execute(await tryOut(shared.page, "invocations", "MLflow_and_SageMaker"));
    expect([scored.status, JSON.parse(scored.body)]).toEqual(["200", { predictions: PREDICTED }]);
    shared.check();
  });

  test("a key is given once, and sent with each request", async () => {
    const definition = service([api()], { middleware: [apiKey({ keys: ["k-1234567890"] })] });
    await using locked = await listen((await build(definition)).app);
    await using opened = await open(locked.url);
    const { page } = opened;
    const operation = await tryOut(page, "add");
    expect((await execute(operation)).status).toBe("401");
    await page.locator(".scheme-container button.authorize").click();
    const dialog = page.locator(".dialog-ux");
    await dialog.locator("input").fill("k-1234567890");
    await dialog.locator("button.authorize").click();
    await dialog.locator("button.btn-done").click();
    await operation.locator(".btn-clear").click();
    const { status, body } = await execute(operation);
    expect([status, JSON.parse(body)]).toEqual(["200", { sum: 3 }]);
  });

  test("it also works under a path of a proxy, on a narrow dark screen", async () => {
    const proxy = new Hono().mount("/models/every", every.app.fetch);
    await using behind = await listen(proxy as Hono);
    await using opened = await open(`${behind.url}/models/every/`, {
      width: 400,
      colorScheme: "dark",
    });
    const { page } = opened;
    expect((await ask(page, "predict")).status).toBe("200");
    expect(await page.locator("#curl-predict").innerText()).toContain(
      `curl ${behind.url}/models/every/v1/churn/predict`,
    );
    expect((await ask(page, "caption", choosePhoto)).status).toBe("200");
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(400);
    opened.check();
  });

  test.each([1280, 400])("at %i pixels no button lies over a command", async (width) => {
    await using opened = await open(served.url, { width });
    const overlaps = await opened.page.evaluate(`
      [...document.querySelectorAll(".command")].filter((one) => {
        const button = one.querySelector("button").getBoundingClientRect();
        const text = one.querySelector("pre").getBoundingClientRect();
        return button.bottom > text.top || text.right > innerWidth || button.right > innerWidth;
      }).length`);
    expect(overlaps).toBe(0);
    opened.check();
  });

  test("the page is walked through with the keyboard alone", async () => {
    await using opened = await open(served.url);
    const { page } = opened;
    await page.locator("#operations-APIs-distance").waitFor();
    const link = page.locator('a[data-operation="distance"]');
    await link.focus();
    await page.keyboard.press("Enter");
    const operation = page.locator("#operations-APIs-distance");
    for (const button of [".try-out__btn", "button.execute"]) {
      await operation.locator(button).waitFor();
      for (let step = 0; step < 20; step++) {
        await page.keyboard.press("Tab");
        const isThere = await operation
          .locator(button)
          .evaluate((one) => (one as unknown as Focusable).matches(":focus"));
        if (isThere) break;
      }
      await page.keyboard.press("Enter");
    }
    const status = operation.locator(".live-responses-table tr.response .response-col_status");
    expect((await status.innerText()).trim()).toBe("200");
    opened.check();
  });

  test("whatever can be focused has a name", async () => {
    await using opened = await open(served.url);
    const { page } = opened;
    for (const name of ["predict", "negative", "caption", "forecast"]) {
      const operation = await tryOut(page, name);
      await operation.locator("button.execute").waitFor();
    }
    const client = await page.context().newCDPSession(page);
    const { nodes } = await client.send("Accessibility.getFullAXTree");
    const nameless = nodes
      .filter(({ ignored, role }) => !ignored && role?.value !== "main")
      .filter(({ properties }) =>
        properties?.some(({ name, value }) => name === "focusable" && value.value === true),
      )
      .filter(({ name }) => !name?.value)
      .map(({ role }) => role?.value as string);
    expect(nameless).toEqual([]);
    opened.check();
  });
});
