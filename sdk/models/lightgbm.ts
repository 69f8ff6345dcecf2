import { withSummary } from "../core/with-summary.js";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { openExecutor, type ExecutionOptions } from "./engine.js";
import { checkExecutionOptions } from "./execution-options.js";
import type { LightgbmModel, LightgbmModelOptions } from "./lightgbm-model.js";
import { toModelPath } from "./model-file.js";
import type { ModelDefinition } from "./model.js";

export type { LightgbmModel };

/** What `lightgbm()` takes besides the file. */
export interface LightgbmOptions extends LightgbmModelOptions, ExecutionOptions {}

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
  return withSummary(
    {
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
        checkExecutionOptions("lightgbm()", options);
        // What reads and walks trees is for services that have some.
        const { lightgbmEngine } = await import("./lightgbm-engine.js");
        const { createLightgbmModel } = await import("./lightgbm-model.js");
        const executor = await openExecutor(context.executors, {
          model: context.name,
          engine: lightgbmEngine,
          source: { path: place },
          bytes: await stat(place.absolute).then(
            ({ size }) => size,
            () => 0,
          ),
          largeBytes: LARGE_BYTES,
          ...(options.execution !== undefined && { execution: options.execution }),
          ...(options.workers !== undefined && { workers: options.workers }),
        });
        try {
          return createLightgbmModel(context.name, executor, options);
        } catch (error) {
          await executor.release();
          throw error;
        }
      },
    },
    `Model ${String(file)} (lightgbm)`,
  );
}

/** A file of trees is read at some 50 megabytes a second. */
const LARGE_BYTES = 2 * 1024 * 1024;
