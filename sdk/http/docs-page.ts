import { html } from "hono/html";
import type { TensorDescription } from "../tensor/tensor.js";
import type { ApiDefinition } from "../service/definition.js";
import type { Runtime } from "../service/runtime.js";
import { findAssetVersion } from "./docs-assets.js";
import { printDuration, printSize } from "./limits.js";
import { findPackageVersion } from "./package-version.js";
import { describeModels } from "./probes.js";

export interface DocsPageOptions {
  /** Where the page is asked for, such as `http://localhost:3000`. */
  origin: string;
  version?: string;
  hasMetrics: boolean;
}

type Html = ReturnType<typeof html>;

/**
 * The page of a service. All addresses in it are relative, so that it also works behind a proxy
 * under a path of its own.
 */
export function toDocsPage(runtime: Runtime, options: DocsPageOptions): string {
  const { definition, state } = runtime;
  const apis = Object.values(definition.apis);
  const models = describeModels(runtime);
  const asset = (name: string) => `docs/assets/${name}?v=${findAssetVersion()}`;
  const links = ["openapi.json", "metadata", "healthz", ...(options.hasMetrics ? ["metrics"] : [])];
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${definition.name}</title>
        <link rel="icon" type="image/svg+xml" href="${asset("icon.svg")}" />
        <link rel="stylesheet" href="${asset("swagger-ui.css")}" />
        <link rel="stylesheet" href="${asset("page.css")}" />
      </head>
      <body>
        <header>
          <div class="title">
            <img src="${asset("icon.svg")}" width="36" height="36" alt="" />
            <h1>${definition.name}</h1>
            <span class="chip">${options.version ?? "development"}</span>
            <span class="chip state ${state}">${state}</span>
          </div>
          ${
            definition.description === undefined
              ? ""
              : html`<p class="description">${definition.description}</p>`
          }
          <nav>${links.map((link) => html`<a href="${link}">/${link}</a>`)}</nav>
        </header>
        <main>
          <section aria-labelledby="apis">
            <h2 id="apis">APIs</h2>
            ${
              apis.length === 0
                ? html`<p class="empty">This service has no API yet.</p>`
                : apis.map((api) => toApiCard(api, options.origin))
            }
          </section>
          ${
            models.length === 0
              ? ""
              : html`<section aria-labelledby="models">
                  <h2 id="models">Models</h2>
                  <ul class="models">
                    ${models.map(
                      (model) =>
                        html`<li>
                          <strong>${model.name}</strong> <span class="chip">${model.kind}</span>
                          ${toTensors("in", model.inputs)} ${toTensors("out", model.outputs)}
                        </li>`,
                    )}
                  </ul>
                </section>`
          }
          <section aria-labelledby="try">
            <h2 id="try">Try it</h2>
            <div id="swagger-ui"></div>
          </section>
        </main>
        <footer>Served by ekiben ${findPackageVersion()}</footer>
        <script src="${asset("swagger-ui-bundle.js")}"></script>
        <script src="${asset("page.js")}"></script>
      </body>
    </html>`;
  return String(page);
}

function toApiCard(api: ApiDefinition, origin: string): Html {
  const command = toCurl(api, origin);
  const id = `curl-${api.name}`;
  return html`<article>
    <h3>
      <span class="method">POST</span>
      <code>/${api.route}</code>
    </h3>
    ${api.summary === undefined ? "" : html`<p>${api.summary}</p>`}
    <ul class="limits">
      ${toLimits(api).map((limit) => html`<li>${limit}</li>`)}
    </ul>
    ${
      command === undefined
        ? ""
        : html`<div class="command">
            <button type="button" data-copy="${id}">Copy</button>
            <pre id="${id}" data-origin="${origin}" tabindex="0">${command}</pre>
          </div>`
    }
  </article>`;
}

function toLimits(api: ApiDefinition): string[] {
  const { batch } = api;
  return [
    `${api.input.kind}, ${api.input.cardinality === "many" ? "many items" : "one item"} a request`,
    ...(batch === undefined
      ? ["no batching"]
      : [
          `batches of up to ${batch.maxBatchSize}`,
          `answers within ${printDuration(batch.maxLatencyMs)}`,
        ]),
    `time limit ${printDuration(api.timeoutMs)}`,
    `body up to ${printSize(api.maxBodyBytes)}`,
  ];
}

function toTensors(
  label: string,
  tensors: readonly TensorDescription[] | undefined,
): Html | string {
  if (tensors === undefined || tensors.length === 0) return "";
  const shown = tensors.slice(0, MOST_TENSORS).map(({ name, dtype, shape }) => {
    const sizes = shape.map((size) => size ?? "?").join(" × ");
    return html`<code>${name}: ${dtype}[${sizes}]</code> `;
  });
  const more = tensors.length - shown.length;
  return html`<span class="tensors">${label} ${shown}${more > 0 ? `and ${more} more` : ""}</span>`;
}

const MOST_TENSORS = 6;

/** A command for a POSIX shell; `undefined` when the example is not text or too long to read. */
function toCurl(api: ApiDefinition, origin: string): string | undefined {
  if (api.example === undefined) return undefined;
  const { bytes, mediaType } = api.input.encode(api.example);
  if (!/json|^text\//.test(mediaType) || bytes.byteLength > LONGEST_EXAMPLE) return undefined;
  const body = Buffer.from(bytes)
    .toString("utf8")
    .replaceAll("'", String.raw`'\''`);
  return [
    `curl ${origin}/${api.route} \\`,
    `  -H 'Content-Type: ${mediaType}' \\`,
    `  -d '${body}'`,
  ].join("\n");
}

const LONGEST_EXAMPLE = 4000;
