import { basename, join } from "node:path";
import type { LightgbmModel, LightgbmModelOptions } from "./lightgbm-model.js";
import { toModelPath } from "./model-file.js";
import type { ModelDefinition } from "./model.js";

export type { LightgbmModel };

/** What `lightgbm()` takes besides the file. */
export type LightgbmOptions = LightgbmModelOptions;

/**
 * Declares a LightGBM model in the text format of `Booster.save_model`; nothing is read before the
 * service loads. A relative path counts from the working directory of this moment: in a notebook,
 * its folder.
 * @example lightgbm("models/churn.txt")
 */
export function lightgbm(
  file: string | URL,
  options: LightgbmOptions = {},
): ModelDefinition<LightgbmModel> {
  const path = toModelPath(file);
  const name = basename(path.absolute);
  return {
    kind: "lightgbm",
    sources: () => [path.absolute],
    async files() {
      const { checkLightgbmFile } = await import("./lightgbm-check.js");
      await checkLightgbmFile(path);
      return [{ source: path.absolute, path: name }];
    },
    async load(context) {
      const place =
        context.directory === undefined ? path : toModelPath(join(context.directory, name));
      // What reads and walks trees is for services that have some.
      const { readLightgbmFile } = await import("./lightgbm-check.js");
      const { createLightgbmModel } = await import("./lightgbm-model.js");
      return createLightgbmModel(context.name, await readLightgbmFile(place), options);
    },
  };
}
