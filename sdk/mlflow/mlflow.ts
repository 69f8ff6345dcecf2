import { withSummary } from "../core/with-summary.js";
import type { LightgbmModelOptions as LightgbmOptions } from "../models/lightgbm-model.js";
import type { LightgbmModel } from "../models/lightgbm-model.js";
import type { ModelInput } from "../models/feeds.js";
import type { LoadedModel, ModelDefinition } from "../models/model.js";
import type { OnnxModel, OnnxOptions } from "../models/onnx.js";
import type { XGBoostModel, XGBoostOptions } from "../models/xgboost.js";
import { IN_BUNDLE } from "../bundle/in-bundle.js";
import type { TensorArray } from "../tensor/tensor-array.js";
import type { DownloadProgress } from "./download.js";
import type { OpenedModel } from "./open-model.js";
import type { MlflowConnection } from "./settings.js";
import type { MlflowSignature } from "./signature.js";

/** A loaded model of a registry whose flavor is known when it is loaded only. */
export interface MlflowModel extends LoadedModel {
  /**
   * Answers the rows of a table, or a tensor, as the flavor does: the first output of ONNX, what
   * `Booster.predict` answers of XGBoost and LightGBM.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   */
  predict(x: ModelInput): TensorArray<number> | Promise<TensorArray<number>>;
}

/** What an MLflow model is besides a model of ekiben. */
export interface MlflowDefinition<
  Loaded extends LoadedModel = MlflowModel,
> extends ModelDefinition<Loaded> {
  readonly kind: "mlflow";
  /** As it was written. */
  readonly uri: string;
  /**
   * What the model takes and gives, as it was logged. Downloads the model.
   * @throws SCHEMA_UNSUPPORTED when it was logged without a signature; what `load` throws.
   * @example const { row, example } = await churn.signature();
   */
  signature(): Promise<MlflowSignature>;
}

interface MlflowBaseOptions extends MlflowConnection {
  /** The folder for what is downloaded. @default `cache/mlflow` in EKIBEN_HOME or ~/.ekiben */
  cache?: string;
  /** The most bytes of all files of the model. @default 64 GiB */
  maxBytes?: number;
  /**
   * Whether a path on a disk that the server names is read from the disk of this machine.
   * @default only of a server on this machine
   */
  allowLocalFiles?: boolean;
  /** Told of each part that was received. @default a bar on the terminal or under the cell, lines in a log, nothing in CI */
  onProgress?: (progress: DownloadProgress) => void;
}

export interface MlflowOptions extends MlflowBaseOptions {
  /** The flavor to serve. @default the first of onnx, xgboost, lightgbm that the model has */
  flavor?: "onnx" | "xgboost" | "lightgbm";
  /** Options of `onnx()`, `xgboost()` or `lightgbm()`, whichever the flavor is. */
  model?: OnnxOptions | XGBoostOptions | LightgbmOptions;
}

/** Options with a flavor that decides what the loaded model can do. */
export interface MlflowFlavorOptions<Flavor extends string, Model> extends MlflowBaseOptions {
  flavor: Flavor;
  /** Options of the function that serves the flavor. */
  model?: Model;
}

interface Mlflow {
  (uri: string, options: MlflowFlavorOptions<"onnx", OnnxOptions>): MlflowDefinition<OnnxModel>;
  (
    uri: string,
    options: MlflowFlavorOptions<"xgboost", XGBoostOptions>,
  ): MlflowDefinition<XGBoostModel>;
  (
    uri: string,
    options: MlflowFlavorOptions<"lightgbm", LightgbmOptions>,
  ): MlflowDefinition<LightgbmModel>;
  (uri: string, options?: MlflowOptions): MlflowDefinition;
}

/**
 * Declares a model of an MLflow registry; nothing is asked before it is used. The first use decides
 * what a stage, an alias or `latest` means, and the definition keeps to it: what was tried is what is
 * saved. A bundle holds the files and asks no registry.
 * @example mlflow("models:/churn/Production")
 * @example mlflow("models:/churn@champion", { flavor: "onnx" })
 */
export const mlflow: Mlflow = Object.assign(createMlflow(), { [IN_BUNDLE]: createMlflow });

/** @param bundle The folder of the bundle whose code declares the models. */
function createMlflow(bundle?: string): Mlflow {
  const define = (uri: string, options: MlflowOptions = {}): MlflowDefinition => {
    const base = process.cwd();
    let opened: Promise<OpenedModel> | undefined;
    const openOnce = (): Promise<OpenedModel> => {
      if (opened !== undefined) return opened;
      const opening = import("./open-model.js").then(async (found) =>
        bundle === undefined
          ? found.openModel(uri, base, options)
          : found.openBundledModel(await found.findBundledModel(bundle, uri), options),
      );
      opened = opening;
      // What failed may work the next time: a server that starts, credentials that are set.
      opening.catch(() => {
        if (opened === opening) opened = undefined;
      });
      return opening;
    };
    return withSummary(
      {
        kind: "mlflow",
        uri,
        files: async () => (await openOnce()).files(),
        content: async () => (await openOnce()).content(),
        async load({ directory, ...context }) {
          const model =
            directory === undefined
              ? await openOnce()
              : await (await import("./open-model.js")).openBundledModel(directory, options);
          return (await model.load(context)) as MlflowModel;
        },
        signature: async () => (await openOnce()).signature(),
      },
      `Model ${uri} (mlflow)`,
    );
  };
  return define as Mlflow;
}
