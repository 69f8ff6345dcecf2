import { createReadStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { LoggedBundle } from "../service/faces.js";
import { readBody, send } from "./exchange.js";
import type { LogBundleOptions } from "./log-bundle.js";
import { openRegistry, type Registry } from "./registry.js";
import { API, ask, explainRefusal, RefusedError, toUrl } from "./rest.js";
import { withRetries } from "./retry.js";
import { readSettings, type Settings } from "./settings.js";

const FOLDER = "bundle";
const MOST_REFUSAL_BYTES = 1024 * 1024;
const LONGEST_TAG = 5000;

/** What `logBundle` does, for options that were checked. */
export async function sendBundle(
  bundle: string | { readonly directory: string },
  options: LogBundleOptions,
): Promise<LoggedBundle> {
  const directory = typeof bundle === "string" ? bundle : bundle.directory;
  const settings = await readSettings(options);
  const folder = await mkdtemp(join(tmpdir(), "ekiben-mlflow-"));
  try {
    const { packBundle } = await import("../bundle/pack.js");
    const packed = join(folder, "bundle.tar.gz");
    const { manifest } = await packBundle(directory, packed);
    const archive = {
      file: packed,
      name: `${manifest.name}-${manifest.version}.tar.gz`,
      tags: {
        "ekiben.bundle": `${manifest.name}:${manifest.version}`,
        "ekiben.digest": manifest.digest,
        ...options.tags,
      },
      flavor: {
        archive: `${manifest.name}-${manifest.version}.tar.gz`,
        bundle: `${manifest.name}:${manifest.version}`,
        digest: manifest.digest,
        ekiben_version: manifest.ekiben,
      },
    };
    return await logArchive(openRegistry(settings), archive, options);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

interface Archive {
  file: string;
  name: string;
  tags: Readonly<Record<string, string>>;
  flavor: Readonly<Record<string, string>>;
}

async function logArchive(
  registry: Registry,
  archive: Archive,
  options: LogBundleOptions,
): Promise<LoggedBundle> {
  const { settings } = registry;
  const own = options.run === undefined;
  const runId = options.run ?? (await createRun(settings, archive, options.experiment));
  try {
    const { info } = await registry.getRun(runId);
    const source = `${info.artifact_uri.replace(/(?<!\/)\/+$/, "")}/${FOLDER}`;
    await upload(settings, `${source}/${archive.name}`, archive.file);
    await upload(settings, `${source}/MLmodel`, Buffer.from(printMlModel(archive, runId)));
    for (const [key, value] of own ? [] : Object.entries(archive.tags)) {
      await ask(settings, settings.tracking, {
        method: "POST",
        path: `${API}/runs/set-tag`,
        json: { run_id: runId, key, value: value.slice(0, LONGEST_TAG) },
        repeatable: true,
      });
    }
    const model =
      options.registerAs === undefined
        ? undefined
        : await register(settings, { name: options.registerAs, source, runId, archive });
    if (own) await endRun(settings, runId, "FINISHED");
    return {
      runId,
      artifactUri: `${source}/${archive.name}`,
      ...(model === undefined ? {} : { model }),
    };
  } catch (error) {
    // What went wrong is to be told, not that the run could not be closed after it.
    if (own) await endRun(settings, runId, "FAILED").catch(() => {});
    throw error;
  }
}

async function createRun(
  settings: Settings,
  archive: Archive,
  experiment = process.env["MLFLOW_EXPERIMENT_NAME"] || undefined,
): Promise<string> {
  const experimentId =
    experiment === undefined
      ? process.env["MLFLOW_EXPERIMENT_ID"] || "0"
      : await findExperiment(settings, experiment);
  const answer = await ask(settings, settings.tracking, {
    method: "POST",
    path: `${API}/runs/create`,
    json: {
      experiment_id: experimentId,
      start_time: Date.now(),
      run_name: archive.flavor["bundle"],
      tags: toTags({ "mlflow.source.type": "LOCAL", ...archive.tags }),
    },
  });
  const schema = z.object({ run: z.object({ info: z.object({ run_id: z.string() }) }) });
  return read(settings, schema, answer).run.info.run_id;
}

async function findExperiment(settings: Settings, name: string): Promise<string> {
  const { tracking } = settings;
  try {
    const answer = await ask(settings, tracking, {
      method: "GET",
      path: `${API}/experiments/get-by-name`,
      query: { experiment_name: name },
    });
    const schema = z.object({ experiment: z.object({ experiment_id: z.coerce.string() }) });
    return read(settings, schema, answer).experiment.experiment_id;
  } catch (error) {
    if (!(error instanceof RefusedError) || error.code !== "MODEL_NOT_FOUND") throw error;
  }
  const made = await ask(settings, tracking, {
    method: "POST",
    path: `${API}/experiments/create`,
    json: { name },
  });
  return read(settings, z.object({ experiment_id: z.coerce.string() }), made).experiment_id;
}

async function endRun(settings: Settings, runId: string, status: string): Promise<void> {
  await ask(settings, settings.tracking, {
    method: "POST",
    path: `${API}/runs/update`,
    json: { run_id: runId, status, end_time: Date.now() },
    repeatable: true,
  });
}

interface Registration {
  name: string;
  source: string;
  runId: string;
  archive: Archive;
}

async function register(
  settings: Settings,
  { name, source, runId, archive }: Registration,
): Promise<{ name: string; version: string }> {
  await ask(settings, settings.registry, {
    method: "POST",
    path: `${API}/registered-models/create`,
    json: { name },
  }).catch((error: unknown) => {
    const known =
      error instanceof RefusedError && error.refusal.errorCode?.endsWith("ALREADY_EXISTS") === true;
    if (!known) throw error;
  });
  const answer = await ask(settings, settings.registry, {
    method: "POST",
    path: `${API}/model-versions/create`,
    json: { name, source, run_id: runId, tags: toTags(archive.tags) },
  });
  const schema = z.object({ model_version: z.object({ version: z.coerce.string() }) });
  return { name, version: read(settings, schema, answer).model_version.version };
}

/** Sends one file, again from its beginning when the connection breaks off. */
async function upload(settings: Settings, uri: string, content: string | Buffer): Promise<void> {
  const [, host, path = ""] = /^mlflow-artifacts:(?:\/\/([^/]*))?\/*(.*)$/is.exec(uri) ?? [];
  const foreign = host !== undefined && host !== "" && host !== settings.tracking.host;
  if (path === "" || foreign) {
    throw new EkibenError("REGISTRY_REFUSED", {
      detail: `Artifacts of the run are not stored by ${settings.tracking.origin} itself (${/^[a-z0-9+.-]+:/i.exec(uri)?.[0] ?? "a path"}).`,
      hint: "Start the server with --serve-artifacts and a new experiment, so that it takes uploads.",
    });
  }
  const route = path.split("/").map(encodeURIComponent).join("/");
  const url = toUrl(settings.tracking, `api/2.0/mlflow-artifacts/artifacts/${route}`);
  const size = typeof content === "string" ? (await stat(content)).size : content.byteLength;
  await withRetries(settings.retries, async () => {
    const answer = await send(settings, {
      method: "PUT",
      url,
      headers: { "content-type": "application/octet-stream", "content-length": size },
      body: typeof content === "string" ? createReadStream(content) : content,
    });
    const text = (await readBody(url, answer, MOST_REFUSAL_BYTES)).toString("utf8");
    if (answer.status >= 200 && answer.status <= 299) return;
    throw explainRefusal(settings, url, { ...answer, text });
  });
}

/** JSON is YAML; MLflow shows the flavor, and no other reads it. */
function printMlModel({ flavor }: Archive, runId: string): string {
  return `${JSON.stringify({ artifact_path: FOLDER, flavors: { ekiben: flavor }, run_id: runId }, null, 2)}\n`;
}

function toTags(tags: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value: value.slice(0, LONGEST_TAG) }));
}

function read<T>(settings: Settings, schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new EkibenError("REGISTRY_UNREACHABLE", {
    detail: `${settings.tracking.origin} answers otherwise than MLflow does: ${parsed.error.issues[0]!.message}.`,
    hint: "Check that MLFLOW_TRACKING_URI leads to MLflow 2 or 3.",
  });
}
