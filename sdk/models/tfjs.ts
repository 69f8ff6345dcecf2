import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { EkibenError } from "../core/errors.js";
import { holdLiveValue } from "./live-value.js";
import type { ModelDefinition } from "./model.js";
import { createSavedFolder } from "./model-folder.js";
import { toModelPath, type ModelPath } from "./model-file.js";
import {
  MODEL_JSON,
  listTfjsFiles,
  readTfjsArtifacts,
  readTfjsFile,
  toInvalid,
  writeTfjsModel,
} from "./tfjs-files.js";
import { createTfjsModel, type TfjsModel, type TfjsOptions } from "./tfjs-model.js";
import { listTfjsPackages, openTfjs, type TfModel } from "./tfjs-runtime.js";

export type { TfjsModel, TfjsOptions };

/** A model of TensorFlow.js in memory, such as one that was just trained. */
export type LiveTfjsModel = Pick<TfModel, "inputs" | "outputs" | "dispose"> & {
  predict(...args: any[]): unknown;
  save(...args: any[]): Promise<unknown>;
};

/**
 * Declares a Keras or TensorFlow model by TensorFlow.js: the folder with its `model.json`, or a model
 * that is in memory, which is saved with the service. Nothing is read or saved before that.
 * @example tfjs("models/digits")
 */
export function tfjs(
  source: string | URL | LiveTfjsModel,
  options: TfjsOptions = {},
): ModelDefinition<TfjsModel> {
  if (typeof source === "string" || source instanceof URL) return fromFolder(source, options);
  holdLiveValue(source);
  const saved = createSavedFolder((folder) => writeTfjsModel(source as TfModel, folder));
  return {
    kind: "tfjs",
    packages: listTfjsPackages,
    async files(name = "tfjs") {
      checkLive(name, source);
      return saved(`the model ${JSON.stringify(name)}`);
    },
    async load({ name, directory }) {
      if (directory !== undefined)
        return loadFolder(name, toModelPath(directory), directory, options);
      checkLive(name, source);
      const runtime = await openTfjs();
      const format = "layers" in source ? "layers-model" : "graph-model";
      return createTfjsModel(
        { name, model: source as TfModel, format, runtime, live: true, inNotebook: true },
        options,
      );
    },
  };
}

/**
 * Writes a model that is in memory as a folder that `tfjs()` reads, and makes the folder where it is
 * missing: `model.save("file://…")` works with `@tensorflow/tfjs-node` only.
 * @throws SERVICE_INVALID for what is no model of TensorFlow.js
 * @example await saveTfjs(net, "models/net");
 */
export async function saveTfjs(model: LiveTfjsModel, folder: string | URL): Promise<void> {
  const { absolute, written } = toModelPath(folder);
  checkLive(written, model);
  await mkdir(absolute, { recursive: true });
  await writeTfjsModel(model as TfModel, absolute);
}

function fromFolder(source: string | URL, options: TfjsOptions): ModelDefinition<TfjsModel> {
  const path = toModelPath(source);
  return {
    kind: "tfjs",
    // The one that is there: the folder or the file itself may be given.
    sources: () => [path.absolute, join(path.absolute, MODEL_JSON)],
    packages: listTfjsPackages,
    files: async () => listTfjsFiles(await readTfjsFile(path)),
    load: ({ name, directory }) => loadFolder(name, path, directory, options),
  };
}

async function loadFolder(
  name: string,
  given: ModelPath,
  directory: string | undefined,
  options: TfjsOptions,
): Promise<TfjsModel> {
  const file = await readTfjsFile(directory === undefined ? given : toModelPath(directory));
  const runtime = await openTfjs(directory);
  const artifacts = await readTfjsArtifacts(file);
  const handler = { load: async () => artifacts };
  const { format } = file;
  const { tf } = runtime;
  let model: TfModel;
  try {
    model = await (format === "graph-model"
      ? tf.loadGraphModel(handler)
      : tf.loadLayersModel(handler));
  } catch (error) {
    const reason = (error as Error).message.replace(/\.$/, "");
    throw toInvalid(file.path, `cannot be loaded by TensorFlow.js: ${reason}`, undefined, error);
  }
  try {
    const inNotebook = directory === undefined;
    return createTfjsModel({ name, model, format, runtime, live: false, inNotebook }, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function checkLive(name: string, source: LiveTfjsModel): void {
  const whole =
    typeof source?.predict === "function" && typeof source.save === "function" && source.inputs;
  if (whole) return;
  throw new EkibenError("SERVICE_INVALID", {
    detail: `The model ${JSON.stringify(name)} is given as no model of TensorFlow.js.`,
    hint: "Give tfjs() the folder of a model.json, or a built model such as tf.sequential() makes.",
  });
}
