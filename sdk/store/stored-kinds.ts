import { dirname } from "node:path";
import type { LoadedModel, ModelDefinition } from "../models/model.js";
import type { StoredKind } from "./model-kinds.js";

/** The definition of a kind on the file that it is given. */
export async function defineKind(
  kind: Exclude<StoredKind, "files">,
  file: string,
  options: object = {},
): Promise<ModelDefinition<LoadedModel>> {
  switch (kind) {
    case "xgboost":
      return (await import("../models/xgboost.js")).xgboost(file, options);
    case "lightgbm":
      return (await import("../models/lightgbm.js")).lightgbm(file, options);
    case "onnx":
      return (await import("../models/onnx.js")).onnx(file, options);
    case "tfjs":
      return (await import("../models/tfjs.js")).tfjs(dirname(file), options);
  }
}
