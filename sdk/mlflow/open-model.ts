import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { randomUUID } from "node:crypto";
import { EkibenError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import type { LoadedModel, ModelContent, ModelFile, ModelLoadContext } from "../models/model.js";
import { checkKeys } from "../service/check-keys.js";
import { findStoreDirectory } from "../store/directory.js";
import type { Artifact, ArtifactSource } from "./artifact-source.js";
import { downloadFiles, type DownloadProgress } from "./download.js";
import { findModel, type FoundModel } from "./find-model.js";
import { chooseFiles, chooseFlavor, defineFlavor, type MlflowFlavor } from "./flavor.js";
import { MLMODEL_FILE, parseMlModel, type MlModel } from "./mlmodel.js";
import { parseModelUri } from "./model-uri.js";
import {
  PIN_FILE,
  pinSchema,
  printPin,
  toProvenance,
  toStoredProvenance,
  type Pin,
} from "./pin.js";
import { createProgressReport } from "./progress.js";
import { readExample } from "./input-example.js";
import { Transient, USUAL_RETRIES, withRetries, type RetrySettings } from "./retry.js";
import { readSettings, type MlflowConnection, type Settings } from "./settings.js";
import { readSignature, type MlflowSignature } from "./signature.js";

/** How a model is found, fetched and served. */
export interface OpenModelOptions extends MlflowConnection {
  flavor?: MlflowFlavor;
  model?: object;
  cache?: string;
  maxBytes?: number;
  allowLocalFiles?: boolean;
  onProgress?: (progress: DownloadProgress) => void;
}

/** A model whose files are on this machine. */
export interface OpenedModel {
  readonly pin: Pin;
  files(): Promise<ModelFile[]>;
  /** What a model store keeps of it: the files of its flavor, which need no `MLmodel`. */
  content(): Promise<ModelContent>;
  load(context: Omit<ModelLoadContext, "directory">): Promise<LoadedModel>;
  signature(): Promise<MlflowSignature>;
}

const OPTIONS: readonly string[] = [
  "trackingUri",
  "registryUri",
  "credentials",
  "insecureTls",
  "timeoutMs",
  "flavor",
  "model",
  "cache",
  "maxBytes",
  "allowLocalFiles",
  "onProgress",
];
const MOST_MLMODEL_BYTES = 4 * 1024 * 1024;
const MOST_BYTES = 64 * 1024 ** 3;

/** What an address means now, before anything but its `MLmodel` is fetched. */
export interface LookedUpModel {
  readonly source: ArtifactSource;
  readonly found: Omit<FoundModel, "source">;
  readonly retries: RetrySettings;
  /** The model, for messages. */
  readonly where: string;
  readonly listed: readonly Artifact[];
  /** The text of the `MLmodel`. */
  readonly text: string;
  readonly mlmodel: MlModel;
}

/**
 * Looks up an address and reads the `MLmodel` there.
 * @throws MODEL_NOT_FOUND, MODEL_FILE_MISSING, REGISTRY_REFUSED, REGISTRY_UNREACHABLE
 */
export async function lookUp(
  uri: string,
  base: string,
  options: OpenModelOptions,
): Promise<LookedUpModel> {
  let settings: Promise<Settings> | undefined;
  const { source, ...found } = await findModel(
    parseModelUri(uri, base),
    () => (settings ??= readSettings(options)),
    options,
  );
  const retries = (await settings)?.retries ?? USUAL_RETRIES;
  const where = printPin({ uri, ...found });
  const listed = await source.list();
  if (!listed.some(({ path }) => path === MLMODEL_FILE)) throw noModel(where, source);
  const text = await readMlModel(source, where, retries);
  const mlmodel = await parseMlModel(text, `The MLmodel of ${where}`);
  return { source, found, retries, where, listed, text, mlmodel };
}

/**
 * Looks up an address, downloads what it means now, and keeps to it from then on.
 * @param base The folder that a relative path counts from.
 * @throws MODEL_NOT_FOUND, MODEL_FILE_MISSING, MODEL_FLAVOR_UNSUPPORTED, REGISTRY_REFUSED,
 * REGISTRY_UNREACHABLE
 */
export async function openModel(
  uri: string,
  base: string,
  options: OpenModelOptions,
): Promise<OpenedModel> {
  checkKeys("mlflow()", options, OPTIONS);
  const looked = await lookUp(uri, base, options);
  const { source, found, retries, where, listed, text, mlmodel } = looked;
  const chosen = chooseFlavor(mlmodel, where, options.flavor);
  const example = mlmodel.saved_input_example_info?.artifact_path;
  const files = chooseFiles(chosen, listed, example);
  if (!files.some(({ path }) => path === chosen.data)) {
    throw new EkibenError("MODEL_FILE_MISSING", {
      detail: `The model ${where} has no file ${chosen.data}, which its MLmodel names (${source.where}).`,
      hint: "Log the model again; an upload may have been broken off.",
      received: chosen.data,
    });
  }
  const runId = found.runId ?? mlmodel.run_id;
  const modelId = found.modelId ?? mlmodel.model_id;
  const pin: Pin = {
    uri,
    ...found,
    ...(runId === undefined ? {} : { runId }),
    ...(modelId === undefined ? {} : { modelId }),
    ...chosen,
  };
  const cache = options.cache ?? join(findStoreDirectory(), "cache", "mlflow");
  const directory =
    source.directory ??
    (await downloadFiles(
      source,
      { mlmodel: text, files },
      {
        cache,
        retries,
        maxBytes: options.maxBytes ?? MOST_BYTES,
        onProgress: options.onProgress ?? createProgressReport(where, found.server),
      },
    ));
  return openFiles({ directory, pin, mlmodel, options }, () => keepPin(cache, pin));
}

/**
 * Opens the files of a model in a bundle. Nothing is asked of a server.
 * @throws MODEL_FILE_MISSING when the folder holds none.
 */
export async function openBundledModel(
  directory: string,
  options: OpenModelOptions,
): Promise<OpenedModel> {
  const read = (name: string): Promise<string> =>
    readFile(join(directory, name), "utf8").catch((cause: unknown) => {
      throw new EkibenError("MODEL_FILE_MISSING", {
        detail: `The folder ${directory} has no file ${name}.`,
        hint: "Save the service again: the bundle has the model then.",
        received: join(directory, name),
        cause,
      });
    });
  const [pinText, text] = await Promise.all([read(PIN_FILE), read(MLMODEL_FILE)]);
  const pin = parsePin(pinText, directory);
  const mlmodel = await parseMlModel(text, join(directory, MLMODEL_FILE));
  return openFiles({ directory, pin, mlmodel, options }, async () => join(directory, PIN_FILE));
}

/** The folder of a bundle that holds the model of an address. @throws MODEL_FILE_MISSING */
export async function findBundledModel(bundle: string, uri: string): Promise<string> {
  const models = join(bundle, "models");
  for (const name of await readdir(models).catch(() => [])) {
    const text = await readFile(join(models, name, PIN_FILE), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    if (parsePin(text, join(models, name)).uri === uri) return join(models, name);
  }
  throw new EkibenError("MODEL_FILE_MISSING", {
    detail: `The bundle ${bundle} does not hold the model ${uri}.`,
    hint: "Give it to the service with `.models()` and save again: a bundle asks no registry.",
    received: uri,
  });
}

interface Opened {
  directory: string;
  pin: Pin;
  mlmodel: MlModel;
  options: OpenModelOptions;
}

function openFiles(opened: Opened, pinFile: () => Promise<string>): OpenedModel {
  const { directory, pin, mlmodel, options } = opened;
  const define = () => defineFlavor(directory, pin, options.model ?? {});
  const example = mlmodel.saved_input_example_info;
  const exampleFile = example === undefined ? undefined : join(directory, example.artifact_path);
  return {
    pin,
    async files() {
      const own = await (await define()).files();
      const folder = pin.data.slice(0, pin.data.lastIndexOf("/") + 1);
      const beside = [MLMODEL_FILE];
      if (exampleFile !== undefined && (await readExample(exampleFile)) !== undefined) {
        beside.push(example!.artifact_path);
      }
      return [
        ...own.map(({ source, path }) => ({ source, path: `${folder}${path}` })),
        ...beside.map((path) => ({ source: join(directory, path), path })),
        { source: await pinFile(), path: PIN_FILE },
      ];
    },
    async content() {
      const own = await (await define()).files();
      return {
        kind: pin.flavor,
        entry: own[0]!.path,
        files: own,
        provenance: toStoredProvenance(pin),
      };
    },
    async load(context) {
      const inner = await (await define()).load(context);
      const provenance = toProvenance(pin);
      return {
        ...inner,
        describe: () => ({ ...inner.describe(), kind: "mlflow", provenance }),
      };
    },
    async signature() {
      const found = exampleFile === undefined ? undefined : await readExample(exampleFile);
      return readSignature(mlmodel, printPin(pin), found?.value);
    },
  };
}

async function readMlModel(
  source: ArtifactSource,
  where: string,
  retries: RetrySettings,
): Promise<string> {
  return withRetries(retries, async () => {
    const chunks: Buffer[] = [];
    let size = 0;
    const body = await source.open(MLMODEL_FILE);
    try {
      for await (const chunk of body) {
        chunks.push(chunk as Buffer);
        size += (chunk as Buffer).byteLength;
        if (size > MOST_MLMODEL_BYTES) break;
      }
    } catch (cause) {
      throw new Transient(
        new EkibenError("REGISTRY_UNREACHABLE", {
          detail: `The MLmodel of ${where} broke off after ${size} bytes: ${(cause as Error).message}.`,
          hint: "Try again; look at the log of the server if it lasts.",
          cause,
        }),
      );
    } finally {
      body.destroy();
    }
    return Buffer.concat(chunks).toString("utf8");
  });
}

/** A file with the pin in it, to copy into a bundle; named after its content. */
async function keepPin(cache: string, pin: Pin): Promise<string> {
  const text = `${JSON.stringify(pin, null, 2)}\n`;
  const file = join(cache, "pins", `${sha256(text).slice(0, 32)}.json`);
  await mkdir(dirname(file), { recursive: true });
  const known = await readFile(file, "utf8").catch(() => undefined);
  if (known === text) return file;
  const aside = `${file}.${process.pid}-${randomUUID().slice(0, 8)}`;
  await writeFile(aside, text);
  await rename(aside, file);
  return file;
}

function parsePin(text: string, directory: string): Pin {
  try {
    return pinSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `${join(directory, PIN_FILE)} does not say which model the folder holds.`,
      hint: "Save the service again.",
      cause,
    });
  }
}

function noModel(where: string, source: ArtifactSource): EkibenError {
  if (source.directory !== undefined) {
    return new EkibenError("MODEL_FILE_MISSING", {
      detail: `The folder ${source.directory} has no file MLmodel.`,
      hint: "Name the folder that mlflow.<flavor>.save_model wrote.",
      received: source.directory,
    });
  }
  return new EkibenError("MODEL_NOT_FOUND", {
    detail: `There is no model at ${where}: no file MLmodel is there (${source.where}).`,
    hint: "Name the path that log_model was given; other artifacts of a run are no models.",
    received: where,
  });
}
