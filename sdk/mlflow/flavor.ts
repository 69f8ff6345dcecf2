import { open } from "node:fs/promises";
import { join } from "node:path";
import { checkBundlePath } from "../bundle/bundle-path.js";
import { EkibenError } from "../core/errors.js";
import type { LoadedModel, ModelDefinition } from "../models/model.js";
import type { Artifact } from "./artifact-source.js";
import { MLMODEL_FILE, type MlModel } from "./mlmodel.js";
import { writeExport } from "./python-export.js";

/** The flavors of MLflow that are files which another language can read. */
export type MlflowFlavor = "onnx" | "xgboost" | "lightgbm";

const FLAVORS: readonly MlflowFlavor[] = ["onnx", "xgboost", "lightgbm"];

/** What Python leaves beside a model to install itself again. */
const PYTHON_FILES: ReadonlySet<string> = new Set([
  "conda.yaml",
  "python_env.yaml",
  "requirements.txt",
  "registered_model_meta",
  "serving_input_example.json",
]);

/** The flavor of a model that is to be served, and its file. */
export interface ChosenFlavor {
  readonly flavor: MlflowFlavor;
  /** The file of the model, relative to the `MLmodel`. */
  readonly data: string;
  readonly mlflowVersion?: string;
}

/**
 * Chooses how to serve a model, before anything but its `MLmodel` is downloaded.
 * @param where The model, for messages.
 * @throws MODEL_FLAVOR_UNSUPPORTED with the line of Python that logs it in another form.
 */
export function chooseFlavor(
  { flavors, mlflow_version: mlflowVersion }: MlModel,
  where: string,
  wanted?: MlflowFlavor,
): ChosenFlavor {
  const known = FLAVORS.filter((one) => one in flavors);
  const flavor = wanted ?? known[0];
  const names = Object.keys(flavors);
  if (flavors["ekiben"] !== undefined) {
    throw unsupported(
      `${where} is a bundle of ekiben: a whole service, not a model for one.`,
      "Download its archive and run `npx ekiben serve` on it.",
    );
  }
  if (flavor === undefined || !known.includes(flavor)) {
    throw unsupported(
      wanted === undefined
        ? `The model ${where} is saved for Python only (${names.join(", ")}).`
        : `The model ${where} has no flavor ${wanted}, it has ${names.join(", ")}.`,
      writeExport(flavors, mlflowVersion),
    );
  }
  const data = flavors[flavor]!["data"];
  if (typeof data !== "string") {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The MLmodel of ${where} does not name the file of its flavor ${flavor}.`,
      hint: "Log the model again with a current MLflow.",
    });
  }
  if (/\.(?:pkl|pickle|joblib)$/.test(data)) {
    throw unsupported(
      `The model ${where} is a Python pickle (${data}), which only Python can read.`,
      writeExport({ [flavor]: flavors[flavor]! }, mlflowVersion),
    );
  }
  return {
    flavor,
    data: checkBundlePath(data),
    ...(mlflowVersion === undefined ? {} : { mlflowVersion }),
  };
}

/** The files to download: the model, what belongs to it, and its example. */
export function chooseFiles(
  { flavor, data }: ChosenFlavor,
  listed: readonly Artifact[],
  example: string | undefined,
): Artifact[] {
  const folder = data.slice(0, data.lastIndexOf("/") + 1);
  return listed.filter(({ path }) => {
    if (path === MLMODEL_FILE || path === data || path === example) return true;
    // The weights of an ONNX model may lie beside it, in files of any name.
    if (flavor !== "onnx" || !path.startsWith(folder)) return false;
    const name = path.slice(folder.length);
    return !name.includes("/") && !PYTHON_FILES.has(name) && !name.endsWith(".py");
  });
}

/** The definition of the model itself, on the files in a folder. */
export async function defineFlavor(
  directory: string,
  { flavor, data, mlflowVersion }: ChosenFlavor,
  options: object,
): Promise<ModelDefinition<LoadedModel>> {
  const file = join(directory, ...data.split("/"));
  switch (flavor) {
    case "onnx":
      return (await import("../models/onnx.js")).onnx(file, options);
    case "xgboost":
      await refuseOldBinary(file, mlflowVersion);
      return (await import("../models/xgboost.js")).xgboost(file, options);
    case "lightgbm":
      return (await import("../models/lightgbm.js")).lightgbm(file, options);
  }
}

/** MLflow calls it model.xgb, and what is in it depends on the XGBoost that wrote it. */
async function refuseOldBinary(file: string, mlflowVersion?: string): Promise<void> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return;
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.toString("latin1") !== "binf") return;
  } finally {
    await handle.close();
  }
  throw unsupported(
    "The model is in XGBoost's old binary format, which XGBoost itself no longer writes.",
    writeExport({ xgboost: {} }, mlflowVersion),
  );
}

function unsupported(detail: string, hint: string): EkibenError {
  return new EkibenError("MODEL_FLAVOR_UNSUPPORTED", {
    detail,
    hint,
    expected: FLAVORS.join(", "),
  });
}
