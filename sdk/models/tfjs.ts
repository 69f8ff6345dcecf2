import { withSummary } from "../core/with-summary.js";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { EkibenError } from "../core/errors.js";
import { holdLiveValue } from "./live-value.js";
import { openExecutor } from "./engine.js";
import { checkExecutionOptions } from "./execution-options.js";
import type { ModelDefinition, ModelLoadContext } from "./model.js";
import { createSavedFolder } from "./model-folder.js";
import { toModelPath, type ModelPath } from "./model-file.js";
import {
  MODEL_JSON,
  listTfjsFiles,
  readTfjsFile,
  writeTfjsModel,
  type TfjsFile,
} from "./tfjs-files.js";
import { createTfjsModel, type TfjsModel, type TfjsOptions } from "./tfjs-model.js";
import { tfjsEngine, toLiveEngine } from "./tfjs-engine.js";
import { listTfjsPackages, type TfModel } from "./tfjs-runtime.js";

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
  return withSummary(
    {
      kind: "tfjs",
      packages: listTfjsPackages,
      async files(name = "tfjs") {
        checkLive(name, source);
        return saved(`the model ${JSON.stringify(name)}`);
      },
      async load(context) {
        const { name, directory, executors } = context;
        if (directory !== undefined) return loadFolder(context, toModelPath(directory), options);
        checkExecutionOptions("tfjs()", options);
        checkLive(name, source);
        // It cannot leave the thread whose memory it is in; its bundle can.
        if (options.execution === "worker") {
          executors?.stay(
            name,
            "It is in the memory of the notebook. Its bundle computes in a worker.",
          );
        }
        const executor = await openExecutor(undefined, {
          model: name,
          engine: toLiveEngine(name, source as TfModel),
          source: { model: name, path: toModelPath(".") },
          bytes: 0,
          largeBytes: LARGE_BYTES,
        });
        return createTfjsModel({ name, executor }, options);
      },
    },
    "Model in memory (tfjs)",
  );
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
  return withSummary(
    {
      kind: "tfjs",
      // The one that is there: the folder or the file itself may be given.
      sources: () => [path.absolute, join(path.absolute, MODEL_JSON)],
      packages: listTfjsPackages,
      async files() {
        checkExecutionOptions("tfjs()", options);
        return listTfjsFiles(await readTfjsFile(path));
      },
      load: (context) => loadFolder(context, path, options),
    },
    `Model ${String(source)} (tfjs)`,
  );
}

async function loadFolder(
  { name, directory, executors }: ModelLoadContext,
  given: ModelPath,
  options: TfjsOptions,
): Promise<TfjsModel> {
  checkExecutionOptions("tfjs()", options);
  const { execution, workers } = options;
  const path = directory === undefined ? given : toModelPath(directory);
  const executor = await openExecutor(executors, {
    model: name,
    engine: tfjsEngine,
    source: { model: name, path, ...(directory !== undefined && { directory }) },
    bytes: await countBytes(await readTfjsFile(path)),
    largeBytes: LARGE_BYTES,
    ...(execution !== undefined && { execution }),
    ...(workers !== undefined && { workers }),
  });
  try {
    return createTfjsModel({ name, executor }, options);
  } catch (error) {
    await executor.release();
    throw error;
  }
}

/** TensorFlow.js reads some 300 megabytes of weights a second, and nothing else happens meanwhile. */
const LARGE_BYTES = 8 * 1024 * 1024;

async function countBytes(file: TfjsFile): Promise<number> {
  const files = listTfjsFiles(file).map(async ({ source }) => (await stat(source)).size);
  return (await Promise.all(files)).reduce((sum, size) => sum + size, 0);
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
