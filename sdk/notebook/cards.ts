import type { DisplayData } from "../core/cell-record.js";
import type { LoadedModel, ModelDescription } from "../models/model.js";
import type { SavedBundle } from "../service/faces.js";
import type { ServiceDefinition } from "../service/definition.js";

type Card = DisplayData & { "text/plain": string; "text/html": string };

// Jupyter themes set these variables; the fallbacks are for viewers that have none.
const STYLE = [
  "font: 14px/1.5 system-ui, sans-serif",
  "border: 1px solid var(--jp-border-color2, #d9d9d9)",
  "border-left: 4px solid #c8553d",
  "border-radius: 4px",
  "padding: 10px 14px",
  "max-width: 720px",
  "color: var(--jp-content-font-color1, #222)",
].join("; ");
const CELL = "padding: 2px 14px 2px 0; text-align: left; vertical-align: top; border: none";
const CODE = "font: 13px/1.5 ui-monospace, monospace";
const LINK = "color: var(--jp-content-link-color, #0b62a8)";

/** The card under the cell that started a dev server: where to look, what to call. */
export function toServerCard(
  definition: ServiceDefinition,
  url: string,
  before: ServiceDefinition | undefined,
  models: ReadonlyMap<string, LoadedModel>,
): Card {
  const apis = Object.values(definition.apis);
  const kinds = Object.keys(definition.models).map(
    (name) => [name, toKind(models.get(name)!)] as const,
  );
  const verb =
    before === undefined
      ? "answers at"
      : before === definition
        ? "still answers at"
        : "now answers with its new definition at";
  const links = [
    [`${url}/`, "page with examples"],
    [`${url}/openapi.json`, "OpenAPI"],
    [`${url}/metrics`, "metrics"],
    [`${url}/healthz`, "health"],
  ] as const;
  return {
    "text/plain": [
      `${definition.name} ${verb} ${url}`,
      ...apis.map((api) => `  POST ${url}/${api.route}`),
      ...kinds.map(([name, kind]) => `  model ${name}: ${kind}`),
      `  page: ${url}/   stopDevServer() stops it`,
    ].join("\n"),
    "text/html": card(
      `<strong>${escape(definition.name)}</strong> ${verb} ${link(url, url)}`,
      table(
        apis.map((api) => [
          `<code style="${CODE}">POST /${escape(api.route)}</code>`,
          escape(
            [api.input.kind, api.batch && `batches of up to ${api.batch.maxBatchSize}`]
              .filter(Boolean)
              .join(", "),
          ),
        ]),
      ),
      table(
        kinds.map(([name, kind]) => [
          `model <code style="${CODE}">${escape(name)}</code>`,
          escape(kind),
        ]),
      ),
      links.map(([href, text]) => link(href, text)).join(" · "),
    ),
  };
}

/** The kind of a model, and where it computes when it has a choice. */
function toKind(model: LoadedModel): string {
  const { kind, backend } = model.describe() as ModelDescription & { backend?: string };
  return backend === undefined ? kind : `${kind} on ${backend}`;
}

/** The card under the cell that saved a bundle: its tag, what went into it, how to serve it. */
export function toBundleCard(bundle: SavedBundle): Card {
  const command = `npx ekiben serve ${bundle.tag}`;
  const checked = describeCheck(bundle.verified);
  const rows = bundle.report.map((line) => [
    line.name,
    line.kind,
    line.cell === undefined ? "" : `[${line.cell}]`,
    line.note ?? "",
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return {
    "text/plain": [
      `Saved ${bundle.tag} (${checked})`,
      `  ${bundle.directory}`,
      `  serve it: ${command}`,
      ...rows.map((row) =>
        `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd(),
      ),
    ].join("\n"),
    "text/html": card(
      `Saved <strong>${escape(bundle.tag)}</strong> <small>(${escape(checked)})</small>`,
      `<code style="${CODE}">${escape(command)}</code><br><small>${escape(bundle.directory)}</small>`,
      `<details><summary>What is in it, and from which cell</summary>${table(
        rows.map((row) => row.map((cell) => escape(cell))),
        ["name", "captured as", "cell", ""],
      )}</details>`,
    ),
  };
}

function describeCheck(verified: number | undefined): string {
  if (verified === undefined) return "not verified";
  if (verified === 0) {
    return "it starts in a fresh process, but no answer was compared: call an API before you save";
  }
  const calls = verified === 1 ? "1 recorded call" : `${verified} recorded calls`;
  return `verified in a fresh process: ${calls} answered alike`;
}

/** A short notice, for instance that this kernel cannot save. */
export function toNotice(text: string): Card {
  return { "text/plain": text, "text/html": card(escape(text)) };
}

function card(...parts: string[]): string {
  const body = parts
    .filter((part) => part !== "")
    .map((part) => `<div style="margin: 4px 0">${part}</div>`)
    .join("");
  return `<div style="${STYLE}">${body}</div>`;
}

function table(rows: readonly (readonly string[])[], head?: readonly string[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[], tag: "td" | "th"): string =>
    `<tr style="background: none">${cells.map((cell) => `<${tag} style="${CELL}">${cell}</${tag}>`).join("")}</tr>`;
  return `<table style="border-collapse: collapse; margin: 0; font-size: 13px">${
    head === undefined ? "" : line(head, "th")
  }${rows.map((row) => line(row, "td")).join("")}</table>`;
}

function link(href: string, text: string): string {
  return `<a style="${LINK}" href="${escape(href)}" target="_blank" rel="noopener">${escape(text)}</a>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
