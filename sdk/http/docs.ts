import type { Hono } from "hono";
import type { Runtime } from "../service/runtime.js";
import type { AppOptions } from "./app-options.js";
import { findDocsAsset } from "./docs-assets.js";
import { takesFeedback } from "./feedback.js";
import { toRequestId } from "./request-id.js";

/** Adds the page of the service and its OpenAPI document to an app. */
export function mountDocs(app: Hono, runtime: Runtime, options: AppOptions): void {
  let document: Promise<string> | undefined;

  // Both are loaded when first asked for: a start would feel the time that they take.
  async function printDocument(): Promise<string> {
    const { toOpenApi } = await import("./openapi.js");
    const version = options.bundle?.version ?? "development";
    const answers = (await options.recordedAnswers?.()) ?? {};
    return JSON.stringify(toOpenApi(runtime.definition, { version, answers }));
  }

  function findDocument(): Promise<string> {
    document ??= printDocument();
    document.catch(() => (document = undefined));
    return document;
  }

  for (const path of ["/openapi.json", "/docs.json"]) {
    app.get(path, async (c) => {
      return new Response(await findDocument(), {
        headers: {
          "content-type": "application/json",
          "x-content-type-options": "nosniff",
          "cache-control": "no-cache",
          "x-request-id": toRequestId(c.req.header("x-request-id")),
        },
      });
    });
  }

  app.get("/", async (c) => {
    const { toDocsPage } = await import("./docs-page.js");
    const page = toDocsPage(runtime, {
      origin: new URL(c.req.url).origin,
      ...(options.bundle === undefined ? {} : { version: options.bundle.version }),
      hasMetrics: options.serviceMetrics !== undefined,
      takesFeedback: takesFeedback(options),
    });
    return new Response(page, {
      headers: {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-request-id": toRequestId(c.req.header("x-request-id")),
      },
    });
  });
  app.get("/docs", (c) => {
    const id = toRequestId(c.req.header("x-request-id"));
    return new Response(null, { status: 302, headers: { location: "./", "x-request-id": id } });
  });

  app.get("/docs/assets/:file", async (c) => {
    const asset = await findDocsAsset(c.req.param("file"));
    if (asset === undefined) return c.notFound();
    const headers = {
      etag: asset.etag,
      // The page asks for assets by version, so a day is safe.
      "cache-control": "public, max-age=86400",
      "content-type": asset.contentType,
      "x-content-type-options": "nosniff",
      "x-request-id": toRequestId(c.req.header("x-request-id")),
    };
    return c.req.header("if-none-match") === asset.etag
      ? new Response(null, { status: 304, headers })
      : new Response(asset.bytes, { headers });
  });
}

// Swagger UI sets styles on elements, carries its pictures as data, and shows images and sounds
// that were answered as blobs.
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  // A page of elsewhere around it could lead clicks to its buttons.
  "frame-ancestors 'none'",
].join("; ");
