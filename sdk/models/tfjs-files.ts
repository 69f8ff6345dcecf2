import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { EkibenError } from "../core/errors.js";
import { findForeignKind } from "./file-kind.js";
import type { ModelFile } from "./model.js";
import { printPath, readModelHead, toModelPath, type ModelPath } from "./model-file.js";
import type { TfModel } from "./tfjs-runtime.js";

export type TfjsFormat = "layers-model" | "graph-model";

export const MODEL_JSON = "model.json";
const WEIGHTS_FILE = "weights.bin";

interface WeightsGroup {
  paths: string[];
  weights: object[];
}

interface ModelJson {
  format?: string;
  modelTopology: object;
  weightsManifest: WeightsGroup[];
}

/** A model as it is on disk, before its weights are read. */
export interface TfjsFile {
  readonly path: ModelPath;
  readonly format: TfjsFormat;
  readonly json: ModelJson;
  /** The files of the weights, in the order of the weights in them. */
  readonly shards: readonly string[];
}

/**
 * Reads `model.json` and looks for every file of weights that it names.
 * @throws MODEL_FILE_MISSING; MODEL_FILE_INVALID, saying how other formats are converted
 */
export async function readTfjsFile(given: ModelPath): Promise<TfjsFile> {
  const path = await toModelJson(given);
  await checkKind(path);
  const json = parseModelJson(path, await readFile(path.absolute, "utf8"));
  const shards = json.weightsManifest.flatMap(({ paths }) => paths);
  for (const shard of shards) {
    if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|:/.test(shard)) {
      throw toInvalid(path, `names the weights ${JSON.stringify(shard)}, outside of its folder`);
    }
    await readModelHead(toModelPath(join(dirname(path.absolute), shard)));
  }
  return { path, json, shards, format: toFormat(json) };
}

export function listTfjsFiles({ path, shards }: TfjsFile): ModelFile[] {
  const folder = dirname(path.absolute);
  return [
    { source: path.absolute, path: MODEL_JSON },
    ...[...new Set(shards)].map((shard) => ({ source: join(folder, shard), path: shard })),
  ];
}

/** What tfjs loads a model from, with the weights read. */
export async function readTfjsArtifacts({ path, json, shards }: TfjsFile): Promise<object> {
  const folder = dirname(path.absolute);
  const parts = await Promise.all(shards.map((shard) => readFile(join(folder, shard))));
  const bytes = Buffer.concat(parts);
  const { weightsManifest, ...rest } = json;
  return {
    ...rest,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
  };
}

/** Writes a model that is in memory as `model.json` and one file of weights. */
export async function writeTfjsModel(model: TfModel, folder: string): Promise<void> {
  let saved: Promise<void> | undefined;
  const write = async (artifacts: Record<string, unknown>): Promise<void> => {
    const { weightData, weightSpecs, modelTopology, format, ...rest } = artifacts;
    const kept = ["generatedBy", "convertedBy", "signature", "userDefinedMetadata"];
    const json = {
      ...Object.fromEntries(kept.flatMap((key) => (rest[key] ? [[key, rest[key]]] : []))),
      format: format ?? "layers-model",
      modelTopology,
      weightsManifest: [{ paths: [WEIGHTS_FILE], weights: weightSpecs }],
    };
    const buffers = (Array.isArray(weightData) ? weightData : [weightData]) as ArrayBuffer[];
    await writeFile(
      join(folder, WEIGHTS_FILE),
      Buffer.concat(buffers.map((one) => Buffer.from(one))),
    );
    await writeFile(join(folder, MODEL_JSON), JSON.stringify(json));
  };
  const handler = {
    async save(artifacts: Record<string, unknown>) {
      await (saved = write(artifacts));
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    },
  };
  await model.save(handler as never);
  await saved;
}

async function toModelJson(given: ModelPath): Promise<ModelPath> {
  if (/^https?:/.test(given.written)) {
    throw toInvalid(
      given,
      "is a web address",
      "Give a folder, or the loaded model, which is saved with the service: `tfjs(await tf.loadLayersModel(address))`.",
    );
  }
  const info = await stat(given.absolute).catch(() => undefined);
  if (info?.isDirectory() === true) {
    const names: string[] = await readdir(given.absolute).catch(() => []);
    if (names.includes("saved_model.pb")) {
      throw toInvalid(given, "is a TensorFlow SavedModel", toSavedModelHint(given.written));
    }
    const keras = names.find((name) => /\.(h5|hdf5|keras)$/i.test(name));
    const isModel = names.includes(MODEL_JSON) || keras === undefined;
    return toModelPath(join(given.absolute, isModel ? MODEL_JSON : keras));
  }
  return given;
}

/** Says how a file of another format is converted, whatever its name. */
async function checkKind(path: ModelPath): Promise<void> {
  const name = basename(path.absolute);
  const head = Buffer.from(await readModelHead(path));
  if (/^\s*[{[]/.test(head.toString("latin1", 0, 64))) return;
  const ending = extname(name).toLowerCase();
  if (ending === ".pb") {
    throw toInvalid(
      path,
      "is a part of a TensorFlow SavedModel",
      toSavedModelHint(dirname(path.written)),
    );
  }
  const kind = findForeignKind(head, name)?.what;
  if ([".h5", ".hdf5"].includes(ending) || kind?.includes("HDF5") === true) {
    throw toInvalid(path, "is a Keras file (HDF5)", toKerasHint(path.written, { isOld: true }));
  }
  if (ending === ".keras" || kind?.includes("Keras") === true) {
    throw toInvalid(path, "is a Keras 3 file", toKerasHint(path.written, { isOld: false }));
  }
  throw toInvalid(path, kind === undefined ? "is no model.json" : `is ${kind}`);
}

/** Keras 3 saves HDF5 files as well, which TensorFlow.js cannot read once they are converted. */
function toKerasHint(file: string, { isOld }: { isOld: boolean }): string {
  const exported = `in Python write \`keras.models.load_model(${JSON.stringify(file)}).export("saved-model")\`, then run \`${toConverter("saved-model")}\`, and give the folder`;
  return isOld
    ? `Of Keras 2: convert it in Python, \`tensorflowjs_converter --input_format=keras ${file} model-folder\`, and give the folder. Of Keras 3: ${exported}.`
    : `${exported[0]!.toUpperCase()}${exported.slice(1)}.`;
}

function toConverter(folder: string): string {
  return `tensorflowjs_converter --input_format=tf_saved_model ${folder} model-folder`;
}

function toSavedModelHint(folder: string): string {
  return `Convert it in Python: \`${toConverter(folder)}\`, and give the folder.`;
}

function parseModelJson(path: ModelPath, text: string): ModelJson {
  let json: Partial<ModelJson> | null;
  try {
    json = JSON.parse(text) as Partial<ModelJson> | null;
  } catch {
    throw toInvalid(path, "is not JSON");
  }
  const { modelTopology, weightsManifest } = json ?? {};
  const whole =
    modelTopology !== null &&
    typeof modelTopology === "object" &&
    Array.isArray(weightsManifest) &&
    weightsManifest.every(({ paths, weights }) => Array.isArray(paths) && Array.isArray(weights));
  if (!whole) throw toInvalid(path, "is no model.json of TensorFlow.js");
  checkKerasVersion(path, modelTopology as { keras_version?: unknown });
  return json as ModelJson;
}

/** What the converter makes of layers of Keras 3 lacks the shapes of inputs where TensorFlow.js looks for them. */
function checkKerasVersion(
  path: ModelPath,
  { keras_version: version }: { keras_version?: unknown },
): void {
  if (typeof version !== "string" || !/^[3-9]\./.test(version)) return;
  throw toInvalid(
    path,
    `holds layers of Keras ${version}, which TensorFlow.js cannot read`,
    `Convert it in another way: in Python write \`model.export("saved-model")\`, then run \`${toConverter("saved-model")}\`.`,
  );
}

function toFormat({ format, modelTopology }: ModelJson): TfjsFormat {
  if (format === "graph-model" || format === "layers-model") return format;
  return "node" in modelTopology ? "graph-model" : "layers-model";
}

const HINT =
  "Give the folder that `tensorflowjs_converter` or `model.save` of TensorFlow.js wrote, with model.json and its weights.";

export function toInvalid(
  path: ModelPath,
  what: string,
  hint: string = HINT,
  cause?: unknown,
): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `${printPath(path)} ${what}.`,
    hint,
    ...(cause !== undefined && { cause }),
  });
}
