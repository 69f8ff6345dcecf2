import { withSummary } from "../core/with-summary.js";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { openExecutor, type ExecutionOptions } from "./engine.js";
import { checkExecutionOptions } from "./execution-options.js";
import type { ModelDefinition } from "./model.js";
import { toModelPath } from "./model-file.js";
import type { XGBoostModel, XGBoostModelOptions } from "./xgboost-model.js";

export type { XGBoostModel };

/** What `xgboost()` takes besides the file. */
export interface XGBoostOptions extends XGBoostModelOptions, ExecutionOptions {}

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
  return withSummary(
    {
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
        checkExecutionOptions("xgboost()", options);
        // What reads and walks trees is for services that have some.
        const { xgboostEngine } = await import("./xgboost-engine.js");
        const { createXGBoostModel } = await import("./xgboost-model.js");
        const executor = await openExecutor(context.executors, {
          model: context.name,
          engine: xgboostEngine,
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
          return createXGBoostModel(context.name, executor, options);
        } catch (error) {
          await executor.release();
          throw error;
        }
      },
    },
    `Model ${String(file)} (xgboost)`,
  );
}

/** A file of trees is read at some 50 megabytes a second. */
const LARGE_BYTES = 2 * 1024 * 1024;
