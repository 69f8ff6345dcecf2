import { html } from "hono/html";
import type { TensorDescription } from "../tensor/tensor.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import type { Runtime } from "../service/runtime.js";
import { findAssetVersion } from "./docs-assets.js";
import { toCurl, toFeedbackCurl } from "./docs-curl.js";
import { FEEDBACK_PATH } from "./feedback.js";
import { printDuration, printSize } from "./limits.js";
import { findPackageVersion } from "./package-version.js";
import { describeModels } from "./probes.js";

export interface DocsPageOptions {
  /** Where the page is asked for, such as `http://localhost:3000`. */
  origin: string;
  version?: string;
  hasMetrics: boolean;
  takesFeedback: boolean;
}

type Html = ReturnType<typeof html>;

/**
 * The page of a service. All addresses in it are relative, so that it also works behind a proxy
 * under a path of its own.
 */
export function toDocsPage(runtime: Runtime, options: DocsPageOptions): string {
  const { definition, state } = runtime;
  const { protocols, middleware } = definition;
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
                : apis.map((api) =>
                    toApiCard(api, toCurl(api, options.origin, middleware), options.origin),
                  )
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
          ${options.takesFeedback ? toFeedback(definition, options.origin) : ""}
          <section aria-labelledby="protocols">
            <h2 id="protocols">Protocols</h2>
            <ul class="models">
              ${toProtocol("Open Inference Protocol", protocols.openInference, "/v2")}
              ${toProtocol("MLflow and SageMaker", protocols.mlflow, "/invocations")}
            </ul>
          </section>
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

function toApiCard(api: ApiDefinition, command: string, origin: string): Html {
  const id = `curl-${api.name}`;
  const heading = `api-${api.name}`;
  return html`<article aria-labelledby="${heading}">
    <h3 id="${heading}">
      <span class="method ${api.method.toLowerCase()}">${api.method}</span>
      <code>/${api.route}</code>
      <a class="try" href="#try" data-operation="${api.name}" aria-label="Try ${api.name}"
        >Try it</a
      >
    </h3>
    ${api.summary === undefined ? "" : html`<p>${api.summary}</p>`}
    <ul class="limits">
      ${toLimits(api).map((limit) => html`<li>${limit}</li>`)}
    </ul>
    <dl class="formats">
      ${
        api.input.kind === "none"
          ? ""
          : toFormats("takes", toKind(api.input.kind, api), api.input.mediaTypes)
      }
      ${toFormats(
        "answers",
        api.output.streams ? "a stream" : toKind(api.output.kind, api),
        api.output.mediaTypes(api.input.cardinality),
      )}
    </dl>
    <div class="command">
      <div class="bar">
        <span>curl</span>
        <button type="button" data-copy="${id}" aria-label="Copy the command for ${api.name}">
          Copy
        </button>
      </div>
      <pre
        id="${id}"
        data-origin="${origin}"
        tabindex="0"
        role="region"
        aria-label="Command for ${api.name}"
      >
${command}</pre>
    </div>
  </article>`;
}

function toFeedback(definition: ServiceDefinition, origin: string): Html {
  return html`<section aria-labelledby="feedback">
    <h2 id="feedback">Feedback</h2>
    <article aria-labelledby="api-feedback">
      <h3 id="api-feedback">
        <span class="method post">POST</span>
        <code>${FEEDBACK_PATH}</code>
      </h3>
      <p>How an answer turned out, by the <code>X-Request-Id</code> that came with it.</p>
      <div class="command">
        <div class="bar">
          <span>curl</span>
          <button
            type="button"
            data-copy="curl-feedback"
            aria-label="Copy the command for feedback"
          >
            Copy
          </button>
        </div>
        <pre
          id="curl-feedback"
          data-origin="${origin}"
          tabindex="0"
          role="region"
          aria-label="Command for feedback"
        >
${toFeedbackCurl(definition, origin)}</pre>
      </div>
    </article>
  </section>`;
}

function toKind(kind: string, { input }: ApiDefinition): string {
  return `${kind}, ${input.cardinality === "many" ? "many items" : "one item"}`;
}

function toFormats(label: string, kind: string, mediaTypes: readonly string[]): Html {
  return html`<div>
    <dt>${label}</dt>
    <dd>${kind}${mediaTypes.map((type) => html` <code>${type}</code>`)}</dd>
  </div>`;
}

function toLimits(api: ApiDefinition): string[] {
  const { batch } = api;
  return [
    ...(batch === undefined
      ? ["no batching"]
      : [
          `batches of up to ${batch.maxBatchSize}`,
          `answers within ${printDuration(batch.maxLatencyMs)}`,
        ]),
    `time limit ${printDuration(api.timeoutMs)}`,
    ...(api.method === "GET" ? [] : [`body up to ${printSize(api.maxBodyBytes)}`]),
  ];
}

function toProtocol(name: string, isOn: boolean, path: string): Html {
  return html`<li>
    <strong>${name}</strong> <span class="chip">${isOn ? "on" : "off"}</span>
    ${isOn ? html`<code>${path}</code>` : ""}
  </li>`;
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
