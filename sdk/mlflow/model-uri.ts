import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EkibenError } from "../core/errors.js";

/** What the address of a model means. */
export type ModelUri =
  | { readonly kind: "version"; readonly name: string; readonly version: string }
  | { readonly kind: "stage"; readonly name: string; readonly stage: string }
  | { readonly kind: "latest"; readonly name: string }
  | { readonly kind: "alias"; readonly name: string; readonly alias: string }
  | { readonly kind: "logged"; readonly modelId: string }
  | { readonly kind: "run"; readonly runId: string; readonly path: string }
  | { readonly kind: "folder"; readonly directory: string };

const FORMS =
  "models:/name/3, models:/name@alias, models:/name/Production, models:/name/latest, models:/m-… or runs:/<run id>/model";

/**
 * Reads the address of a model as MLflow writes it. Names are taken as they stand: MLflow does not
 * decode `%20` in them. A path, or a `file:` URL, is the folder of a model on this machine.
 * @param base The folder that a relative path counts from.
 * @throws SERVICE_INVALID with the forms there are.
 */
export function parseModelUri(uri: string, base = process.cwd()): ModelUri {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === "models") return parseRegistered(uri);
  if (scheme === "runs") return parseRun(uri);
  if (scheme === "file") {
    // MLflow writes file:relative as well.
    const written = /^file:(?!\/)(.*)$/is.exec(uri)?.[1];
    return {
      kind: "folder",
      directory: written === undefined ? fileURLToPath(uri) : resolve(base, written),
    };
  }
  if (scheme === undefined || isAbsolute(uri)) {
    if (uri.trim() === "") throw invalid(uri, "it is empty");
    return { kind: "folder", directory: resolve(base, uri) };
  }
  throw invalid(uri, `"${scheme}:" is no address of a model`);
}

function parseRegistered(uri: string): ModelUri {
  if (/^models:\/\//i.test(uri)) {
    throw invalid(uri, "a registry inside of the address is not supported");
  }
  const rest = /^models:\/(.*)$/is.exec(uri)?.[1] ?? "";
  const [name = "", suffix, ...more] = rest.split("/");
  if (more.length > 0) throw invalid(uri, "it goes on after the version");
  if (name.trim() === "" || suffix === "") throw invalid(uri, "a part of it is empty");
  if (suffix !== undefined) {
    if (/^\d+$/.test(suffix)) return { kind: "version", name, version: String(BigInt(suffix)) };
    if (suffix.toLowerCase() === "latest") return { kind: "latest", name };
    return { kind: "stage", name, stage: suffix };
  }
  const at = name.lastIndexOf("@");
  if (at === -1) {
    if (/^m-[0-9a-f]{32}$/.test(name)) return { kind: "logged", modelId: name };
    throw invalid(uri, "it names no version");
  }
  const alias = name.slice(at + 1);
  if (at === 0 || alias === "") throw invalid(uri, "a part of it is empty");
  // Asked for the alias "latest", MLflow 3 answers with any version, and MLflow 2 with an error.
  if (alias.toLowerCase() === "latest") return { kind: "latest", name: name.slice(0, at) };
  return { kind: "alias", name: name.slice(0, at), alias };
}

function parseRun(uri: string): ModelUri {
  const [runId = "", ...path] = (/^runs:\/([^/].*)$/is.exec(uri)?.[1] ?? "").split("/");
  const parts = path.filter((part) => part !== "");
  if (runId === "" || parts.length === 0) throw invalid(uri, "it needs a run and a path in it");
  if (parts.includes("..") || parts.includes(".")) throw invalid(uri, "its path leads elsewhere");
  return { kind: "run", runId, path: parts.join("/") };
}

function invalid(uri: string, reason: string): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `${JSON.stringify(uri)} is not the address of a model: ${reason}.`,
    hint: `Write ${FORMS}.`,
    expected: FORMS,
    received: uri,
  });
}
