import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { sha256 } from "../core/hash.js";
import { DOCS_ICON, DOCS_SCRIPT } from "./docs-script.js";
import { DOCS_STYLE } from "./docs-style.js";

export interface DocsAsset {
  bytes: Uint8Array<ArrayBuffer>;
  contentType: string;
  etag: string;
}

const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";

const OWN_FILES: Readonly<Record<string, { contentType: string; text: string }>> = {
  "page.css": { contentType: STYLE, text: DOCS_STYLE },
  "page.js": { contentType: SCRIPT, text: DOCS_SCRIPT },
  "icon.svg": { contentType: "image/svg+xml", text: DOCS_ICON },
};

// The only names that ever become part of a path.
const SWAGGER_FILES: Readonly<Record<string, string>> = {
  "swagger-ui.css": STYLE,
  "swagger-ui-bundle.js": SCRIPT,
};

const loaded = new Map<string, Promise<DocsAsset>>();

/** A file of the page by its name, read once; `undefined` when the page has no such file. */
export function findDocsAsset(name: string): Promise<DocsAsset> | undefined {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const asset = loadAsset(name);
  if (asset !== undefined) {
    loaded.set(name, asset);
    asset.catch(() => loaded.delete(name));
  }
  return asset;
}

function loadAsset(name: string): Promise<DocsAsset> | undefined {
  if (Object.hasOwn(OWN_FILES, name)) {
    const { contentType, text } = OWN_FILES[name]!;
    return Promise.resolve(toAsset(Buffer.from(text), contentType));
  }
  if (!Object.hasOwn(SWAGGER_FILES, name)) return undefined;
  const file = join(findSwaggerFolder(), name);
  return readFile(file).then((bytes) => toAsset(bytes, SWAGGER_FILES[name]!));
}

function toAsset(bytes: Uint8Array<ArrayBuffer>, contentType: string): DocsAsset {
  return { bytes, contentType, etag: `"${sha256(bytes).slice(0, 32)}"` };
}

function findSwaggerFolder(): string {
  return dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}

/** Part of the address of every asset, so that a new version of a file gets a new address. */
export function findAssetVersion(): string {
  assetVersion ??= sha256(
    [
      DOCS_STYLE,
      DOCS_SCRIPT,
      DOCS_ICON,
      createRequire(import.meta.url)("swagger-ui-dist/package.json").version,
    ].join("\n"),
  ).slice(0, 12);
  return assetVersion;
}

let assetVersion: string | undefined;
