import { lstat, readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EkibenError, ERROR_CATALOGUE } from "../core/errors.js";
import { sha256File } from "../core/hash.js";
import { isService } from "../service/define-service.js";
import type { Service } from "../service/infer.js";
import {
  allFiles,
  createDigest,
  MANIFEST_FILE,
  parseManifest,
  type Manifest,
  type ManifestFile,
} from "./manifest.js";
import { registerBundle } from "./runtime-require.js";

/** A bundle whose files are what its manifest says. */
export interface Bundle {
  /** Absolute, without links. */
  readonly directory: string;
  readonly manifest: Manifest;
}

export const SERVICE_FILE = "service.mjs";
const AT_ONCE = 4;

/**
 * Opens a bundle: checks its manifest, then every file it lists, and runs nothing. Files that the
 * manifest does not list are left alone and never loaded, besides installed packages.
 * @throws BUNDLE_NOT_FOUND, BUNDLE_FORMAT_UNSUPPORTED, or BUNDLE_CORRUPT naming the file.
 */
export async function openBundle(folder: string): Promise<Bundle> {
  const given = resolve(folder);
  const directory = await realpath(given).catch((cause: unknown) => {
    throw notFound(given, "there is no such folder", cause);
  });
  const file = join(directory, MANIFEST_FILE);
  await checkKind(directory, MANIFEST_FILE).catch((error: unknown) => {
    if (error instanceof EkibenError) throw error;
    throw notFound(given, `the folder has no ${MANIFEST_FILE}`, error);
  });
  const manifest = parseManifest(await readFile(file, "utf8"), file);
  const files = allFiles(manifest);
  if (!manifest.files.some(({ path }) => path === SERVICE_FILE)) {
    throw corrupt(`${file} does not list ${SERVICE_FILE}`);
  }
  for (const model of manifest.models) {
    const stray = model.files.find(({ path }) => !path.startsWith(`models/${model.name}/`));
    if (stray !== undefined) throw corrupt(`${file} puts ${stray.path} into model ${model.name}`);
  }

  const pending = [...files];
  const check = async (): Promise<void> => {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      await checkFile(directory, next);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, check));

  const digest = createDigest(manifest);
  if (digest !== manifest.digest) {
    throw corrupt(`${file} was changed: its digest is not that of what it says`, {
      expected: manifest.digest,
      received: digest,
    });
  }
  return { directory, manifest };
}

/**
 * Runs the code of a bundle and gives its service.
 * @param ekiben The module that the bundle's `import … from "ekiben"` means: the one that runs.
 * @throws DEPENDENCY_MISSING; SERVICE_SETUP_FAILED when the code fails; SERVICE_INVALID when it
 * exports no service, or several.
 */
export async function loadService(bundle: Bundle, ekiben?: object): Promise<Service> {
  registerBundle(bundle, ekiben ?? (await importSelf()));
  // Without this a stack names lines of the compiled file, which nobody wrote.
  process.setSourceMapsEnabled(true);
  const file = join(bundle.directory, SERVICE_FILE);
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    if (isEkibenError(error)) throw error;
    throw new EkibenError("SERVICE_SETUP_FAILED", {
      detail: `The code of ${bundle.manifest.name}:${bundle.manifest.version} failed while it was loaded: ${(error as Error)?.message ?? String(error)}`,
      hint: `Its source is ${join(bundle.directory, "src")}.`,
      cause: error,
    });
  }
  const service = pickService(loaded, file);
  // A service may be built under another name than its source gives it.
  return service.name === bundle.manifest.name ? service : service.named(bundle.manifest.name);
}

/** The service that a module exports: its default export, or the only export that is one. */
export function pickService(loaded: Readonly<Record<string, unknown>>, file: string): Service {
  if (isService(loaded["default"])) return loaded["default"];
  const names = Object.keys(loaded).filter((name) => isService(loaded[name]));
  if (names.length === 1) return loaded[names[0]!] as Service;
  throw new EkibenError("SERVICE_INVALID", {
    detail:
      names.length === 0
        ? `${file} exports no service.`
        : `${file} exports several services: ${names.join(", ")}.`,
    hint: "Export the one to serve as default: `export default churn;`.",
  });
}

/** By its code, because the service may come with another copy of the class. */
export function isEkibenError(error: unknown): error is EkibenError {
  return error instanceof Error && "code" in error && String(error.code) in ERROR_CATALOGUE;
}

/** The module of this package. By its own name: the upper floors are not this room's to name, but the package's door is. */
export function importSelf(): Promise<object> {
  const self = "ekiben";
  return import(/* @vite-ignore */ self) as Promise<object>;
}

async function checkFile(directory: string, file: ManifestFile): Promise<void> {
  const size = await checkKind(directory, file.path).catch((error: unknown) => {
    if (error instanceof EkibenError) throw error;
    throw corrupt(`The file ${file.path} is missing`, { expected: file.sha256 });
  });
  const received = await sha256File(join(directory, file.path), size);
  if (received === file.sha256 && size === file.size) return;
  throw corrupt(`The file ${file.path} is not what was saved`, {
    expected: file.sha256,
    received,
  });
}

/** A link could lead anywhere by the time the file is used, so no part of a path may be one. */
async function checkKind(directory: string, path: string): Promise<number> {
  const parts = path.split("/");
  for (let length = 1; length < parts.length; length++) {
    const part = parts.slice(0, length).join("/");
    const found = await lstat(join(directory, part));
    if (!found.isDirectory()) throw corrupt(`${part} is a link or a file instead of a folder`);
  }
  const found = await lstat(join(directory, path));
  if (!found.isFile()) throw corrupt(`${path} is a link or a folder instead of a file`);
  return found.size;
}

function corrupt(what: string, facts: { expected?: string; received?: string } = {}): EkibenError {
  const hashes =
    facts.received === undefined
      ? ""
      : ` (expected SHA-256 ${facts.expected}, found ${facts.received})`;
  return new EkibenError("BUNDLE_CORRUPT", {
    detail: `${what}${hashes}.`,
    hint: "Take the bundle again from where it was saved; nothing of it was run.",
    ...facts,
  });
}

function notFound(directory: string, reason: string, cause: unknown): EkibenError {
  return new EkibenError("BUNDLE_NOT_FOUND", {
    detail: `${directory} is not a bundle: ${reason}.`,
    hint: `A bundle is a folder with ${MANIFEST_FILE}; look for one below ${dirname(directory)}.`,
    cause,
  });
}
