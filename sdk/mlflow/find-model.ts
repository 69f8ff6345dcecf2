import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EkibenError } from "../core/errors.js";
import type { ArtifactSource } from "./artifact-source.js";
import type { ModelUri } from "./model-uri.js";
import { openRegistry, type ModelVersion, type Registry } from "./registry.js";
import { isDisabledProxy, RefusedError } from "./rest.js";
import { isLoopback, type Settings } from "./settings.js";
import {
  createFolderSource,
  createProxiedSource,
  createServedSource,
  type ServedModel,
} from "./stored-artifacts.js";

/** Which model an address meant when it was looked up. */
export interface FoundModel {
  readonly name?: string;
  readonly version?: string;
  readonly runId?: string;
  /** MLflow 3. */
  readonly modelId?: string;
  /** Without credentials; absent for a folder of this machine. */
  readonly server?: string;
  readonly source: ArtifactSource;
}

export interface FindModelOptions {
  /** Whether a path that the server names is read from the disk of this machine. */
  allowLocalFiles?: boolean;
}

/**
 * Looks up which model an address means now, and where its files are.
 * @param settings Not needed for a folder.
 * @throws MODEL_NOT_FOUND, REGISTRY_REFUSED, REGISTRY_UNREACHABLE
 */
export async function findModel(
  uri: ModelUri,
  settings: () => Promise<Settings>,
  options: FindModelOptions,
): Promise<FoundModel> {
  if (uri.kind === "folder") return { source: createFolderSource(uri.directory) };
  const registry = openRegistry(await settings());
  const finder = { registry, options };
  switch (uri.kind) {
    case "logged":
      return findLogged(finder, uri.modelId);
    case "run":
      return findInRun(finder, uri);
    case "version":
      return findVersion(finder, await registry.getVersion(uri.name, uri.version));
    case "latest":
      return findVersion(finder, await registry.getLatest(uri.name));
    case "stage":
      return findVersion(finder, await registry.getLatest(uri.name, uri.stage));
    case "alias":
      return findVersion(finder, await registry.getByAlias(uri.name, uri.alias));
  }
}

interface Finder {
  readonly registry: Registry;
  readonly options: FindModelOptions;
}

async function findVersion(finder: Finder, found: ModelVersion): Promise<FoundModel> {
  const { name, version, runId, modelId, status, tags } = found;
  const { settings } = finder.registry;
  if (tags["mlflow.prompt.is_prompt"] === "true") {
    throw new EkibenError("MODEL_FLAVOR_UNSUPPORTED", {
      detail: `${name} is a prompt, not a model.`,
      hint: "MLflow keeps both in one registry; name a model.",
    });
  }
  if (status !== "READY") {
    throw new EkibenError("MODEL_NOT_FOUND", {
      detail: `Version ${version} of ${name} is not ready: its status is ${status}.`,
      hint: "Wait until it is registered, or name another version.",
    });
  }
  const uri = await finder.registry.getArtifactUri(name, version);
  const served: ServedModel = {
    version: { name, version },
    ...(modelId === "" ? {} : { modelId }),
  };
  return {
    name,
    version,
    ...(runId === undefined ? {} : { runId }),
    ...(modelId === "" ? {} : { modelId }),
    server: settings.registry.href,
    source: await openUri(finder, uri, { served, runId }),
  };
}

async function findLogged(finder: Finder, modelId: string): Promise<FoundModel> {
  const { settings } = finder.registry;
  const model = await finder.registry.getLoggedModel(modelId);
  const runId = model.source_run_id === "" ? undefined : model.source_run_id;
  return {
    modelId,
    ...(runId === undefined ? {} : { runId }),
    server: settings.tracking.href,
    source: await openUri(finder, model.artifact_uri, { served: { modelId }, runId }),
  };
}

async function findInRun(
  finder: Finder,
  uri: Extract<ModelUri, { kind: "run" }>,
): Promise<FoundModel> {
  const { registry } = finder;
  const run = await registry.getRun(uri.runId);
  const { run_id: runId, artifact_uri: root } = run.info;
  const served: ServedModel = { run: { id: runId, path: uri.path } };
  const source = await openUri(finder, `${root}/${uri.path}`, { served, runId });
  const found = { runId, server: registry.settings.tracking.href, source };
  // MLflow 3 keeps a logged model beside the run, and nothing below its path in the run.
  if ((await source.list()).length > 0) return found;
  const logged = await registry.findLoggedModel(run, uri.path);
  return logged === undefined ? found : findLogged(finder, logged.model_id);
}

interface Place {
  served: ServedModel;
  runId: string | undefined;
}

async function openUri(finder: Finder, uri: string, place: Place): Promise<ArtifactSource> {
  const { settings } = finder.registry;
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === "runs") {
    const [, runId = "", path = ""] = /^runs:\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
    const { info } = await finder.registry.getRun(runId);
    return openUri(finder, `${info.artifact_uri}/${path}`, { ...place, runId });
  }
  if (scheme === "mlflow-artifacts") {
    const proxied = openProxied(settings, uri, place.served);
    return withServed(proxied, () => openServed(finder, uri, place));
  }
  const local = toLocalPath(uri, scheme);
  if (local !== undefined && mayRead(finder, local)) return createFolderSource(local);
  return openServed(finder, uri, place);
}

/** `mlflow-artifacts:/path` on the tracking server, `mlflow-artifacts://host:port/path` elsewhere. */
function openProxied(settings: Settings, uri: string, served: ServedModel): ArtifactSource {
  const [, host, path = ""] = /^mlflow-artifacts:(?:\/\/([^/]*))?\/*(.*)$/is.exec(uri) ?? [];
  const root = path.replace(/(?<!\/)\/+$/, "");
  const { tracking } = settings;
  if (host === undefined || host === "" || host === tracking.host) {
    return createProxiedSource(settings, tracking, { root, served });
  }
  if (!URL.canParse(`${tracking.protocol}//${host}`)) throw unreadable(settings, uri);
  return createProxiedSource(settings, new URL(`${tracking.protocol}//${host}`), { root, served });
}

/** A proxy that is switched off says so at the first listing; the server may still read the files. */
function withServed(proxied: ArtifactSource, open: () => Promise<ArtifactSource>): ArtifactSource {
  let current = Promise.resolve(proxied);
  return {
    where: proxied.where,
    async list() {
      try {
        return await (await current).list();
      } catch (error) {
        if (!(error instanceof RefusedError) || !isDisabledProxy(error.refusal)) throw error;
        current = open();
        return (await current).list();
      }
    },
    open: async (path) => (await current).open(path),
  };
}

/** The server reads what this machine cannot: its own disk, and storage in a cloud. */
async function openServed(finder: Finder, uri: string, place: Place): Promise<ArtifactSource> {
  const { settings } = finder.registry;
  const { served, runId } = place;
  if (served.modelId !== undefined || served.run !== undefined) {
    return createServedSource(settings, served);
  }
  if (runId === undefined) throw unreadable(settings, uri);
  const { info } = await finder.registry.getRun(runId);
  const root = `${info.artifact_uri.replace(/(?<!\/)\/+$/, "")}/`;
  if (!uri.startsWith(root)) throw unreadable(settings, uri);
  const path = uri.slice(root.length).replace(/(?<!\/)\/+$/, "");
  return createServedSource(settings, { ...served, run: { id: runId, path } });
}

function toLocalPath(uri: string, scheme: string | undefined): string | undefined {
  // One with a host is a share of another machine.
  if (scheme === "file") return /^file:\/\/\//i.test(uri) ? fileURLToPath(uri) : undefined;
  return scheme === undefined && uri.startsWith("/") ? resolve(uri) : undefined;
}

/** A path that a server names may be any file here, so it is read only of a server that runs here. */
function mayRead({ registry, options }: Finder, path: string): boolean {
  const allowed = options.allowLocalFiles ?? isLoopback(registry.settings.tracking);
  return allowed && existsSync(join(path, "MLmodel"));
}

function unreadable({ tracking }: Settings, uri: string): EkibenError {
  const scheme = /^[a-z][a-z0-9+.-]+:/i.exec(uri)?.[0] ?? "a path of the server";
  return new EkibenError("MODEL_NOT_FOUND", {
    detail: `The files of the model are stored where they cannot be had from here (${scheme}), and ${tracking.origin} does not give them out.`,
    hint: "Start the server with --serve-artifacts, or download the model with `mlflow artifacts download` and give its folder to mlflow().",
    received: scheme,
  });
}
