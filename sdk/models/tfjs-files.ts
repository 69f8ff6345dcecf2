import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { EkibenError } from "../core/errors.js";
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
  await readModelHead(path);
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
  const info = await stat(given.absolute).catch(() => undefined);
  const ending = extname(given.absolute).toLowerCase();
  if (info?.isDirectory() === true) {
    const saved = await stat(join(given.absolute, "saved_model.pb")).catch(() => undefined);
    if (saved !== undefined) {
      throw toInvalid(given, "is a TensorFlow SavedModel", toSavedModelHint(given.written));
    }
    return toModelPath(join(given.absolute, MODEL_JSON));
  }
  if (info === undefined || ending === ".json") return given;
  if (ending === ".h5" || ending === ".hdf5") {
    throw toInvalid(
      given,
      "is a Keras file",
      `Convert it in Python: \`tensorflowjs_converter --input_format=keras ${given.written} model-folder\`, and give the folder.`,
    );
  }
  if (ending === ".keras") {
    throw toInvalid(
      given,
      "is a Keras 3 file",
      `In Python write \`keras.models.load_model(${JSON.stringify(given.written)}).export("saved-model")\`. ${toSavedModelHint("saved-model")}`,
    );
  }
  if (ending === ".pb") {
    const folder = dirname(given.written);
    throw toInvalid(given, "is a part of a TensorFlow SavedModel", toSavedModelHint(folder));
  }
  return given;
}

function toSavedModelHint(folder: string): string {
  return `Convert it in Python: \`tensorflowjs_converter --input_format=tf_saved_model ${folder} model-folder\`, and give the folder.`;
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
  return json as ModelJson;
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
