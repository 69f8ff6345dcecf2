import { basename, join } from "node:path";
import type { ModelDefinition } from "./model.js";
import { toModelPath } from "./model-file.js";
import type { XGBoostModel, XGBoostModelOptions } from "./xgboost-model.js";

export type { XGBoostModel };

/** What `xgboost()` takes besides the file. */
export type XGBoostOptions = XGBoostModelOptions;

/**
 * Declares an XGBoost model, as `save_model` writes it in JSON or UBJSON; nothing is read before the
 * service loads. A relative path counts from the working directory of this moment: in a notebook,
 * its folder.
 * @example xgboost("models/churn.json", { categories: { plan: ["basic", "premium"] } })
 */
export function xgboost(
  file: string | URL,
  options: XGBoostOptions = {},
): ModelDefinition<XGBoostModel> {
  const path = toModelPath(file);
  const name = basename(path.absolute);
  return {
    kind: "xgboost",
    sources: () => [path.absolute],
    async files() {
      const { readXGBoostFile } = await import("./xgboost-file.js");
      await readXGBoostFile(path);
      return [{ source: path.absolute, path: name }];
    },
    async load(context) {
      const place =
        context.directory === undefined ? path : toModelPath(join(context.directory, name));
      // What reads and walks trees is for services that have some.
      const { readXGBoostFile } = await import("./xgboost-file.js");
      const { createXGBoostModel } = await import("./xgboost-model.js");
      return createXGBoostModel(context.name, await readXGBoostFile(place), options);
    },
  };
}
