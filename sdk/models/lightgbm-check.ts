import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { EkibenError } from "../core/errors.js";
import { findForeignKind, type FileKind } from "./file-kind.js";
import { LightgbmFault, SAVE_AGAIN } from "./lightgbm-fault.js";
import { readLightgbmText, type LightgbmText } from "./lightgbm-file.js";
import { createForest, type LightgbmForest } from "./lightgbm-forest.js";
import { toObjective } from "./lightgbm-objective.js";
import { printPath, readModelHead, type ModelPath } from "./model-file.js";

/** What a file of a model holds, made ready to compute: plain data, its trees in shared memory. */
export interface LightgbmParts {
  readonly text: Omit<LightgbmText, "trees">;
  readonly forest: LightgbmForest;
  /** The size of the file. */
  readonly bytes: number;
}

/**
 * Looks whether a file begins as a LightGBM model.
 * @throws MODEL_FILE_MISSING or MODEL_FILE_INVALID, with how to get a file that can be served.
 */
export async function checkLightgbmFile(path: ModelPath): Promise<void> {
  const head = await readModelHead(path);
  const kind = findKind(head, basename(path.absolute));
  if (kind === undefined) return;
  throw new EkibenError("MODEL_FILE_INVALID", {
    detail: `The model file ${printPath(path)} is ${kind.what}, not the text of a LightGBM model.`,
    hint: kind.hint,
  });
}

/**
 * Reads a model whole.
 * @throws MODEL_FILE_MISSING or MODEL_FILE_INVALID
 */
export async function readLightgbmFile(path: ModelPath): Promise<LightgbmParts> {
  await checkLightgbmFile(path);
  const toError = (detail: string, cause: unknown, hint?: string): EkibenError =>
    new EkibenError("MODEL_FILE_INVALID", {
      detail: `The LightGBM model ${printPath(path)} cannot be served: ${detail}.`,
      hint: hint ?? SAVE_AGAIN,
      cause,
    });
  const bytes = await readFile(path.absolute).catch((error: unknown) => {
    throw toError((error as Error).message, error);
  });
  try {
    const { trees, ...text } = readLightgbmText(bytes);
    // Refused here, where the file has a name; whoever computes makes it again.
    toObjective(text.objective, text.treesPerIteration);
    return { text, forest: createForest(trees), bytes: bytes.length };
  } catch (error) {
    if (error instanceof LightgbmFault) throw toError(error.message, error, error.hint);
    throw error;
  }
}

/** What a file is that does not begin as a model; `undefined` for a model. */
function findKind(head: Uint8Array, name: string): FileKind | undefined {
  const start = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString("latin1");
  if (/^tree\r?\n/.test(start)) return undefined;
  if (/^\s*\{[^{]*"(tree_info|feature_names|num_tree_per_iteration)"/.test(start)) {
    return {
      what: "a LightGBM model as JSON (dump_model), which LightGBM itself cannot load again",
      hint: `${SAVE_AGAIN} A file of JSON cannot be turned into that: take the Booster that it was made of.`,
    };
  }
  const found = findForeignKind(head, name);
  if (found === undefined) {
    return { what: "a binary file, perhaps ONNX", hint: `For ONNX use onnx(file). ${SAVE_AGAIN}` };
  }
  const { what } = found;
  if (/LFS|empty|web page|gzip|zip archive/.test(what)) return found;
  if (what.includes("XGBoost")) return { what, hint: "Load it with xgboost(file)." };
  if (/pickle|joblib/.test(what)) {
    return {
      what,
      hint: `Pickles can only be read in Python: load it there and save the model itself. ${SAVE_AGAIN}`,
    };
  }
  return { what, hint: SAVE_AGAIN };
}
