import { withSummary } from "../core/with-summary.js";
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { openExecutor, type ExecutionOptions } from "./engine.js";
import { checkExecutionOptions } from "./execution-options.js";
import type { ModelDefinition } from "./model.js";
import { toModelPath } from "./model-file.js";
import { checkOnnxFile, toBundlePath, type CheckedOnnxFile } from "./onnx-check.js";
import { createOnnxModel, type OnnxModel, type OnnxModelOptions } from "./onnx-model.js";
import { onnxEngine } from "./onnx-engine.js";
import { checkOnnxOptions, type OnnxSessionOptions } from "./onnx-session-options.js";
import { declineTelemetry } from "./onnx-telemetry.js";

export type { OnnxModel };

export interface OnnxOptions extends OnnxModelOptions, ExecutionOptions {
  /**
   * Options of the onnxruntime session, such as `executionProviders`, `graphOptimizationLevel` or
   * `intraOpNumThreads`.
   * @default one thread on the CPU that does not spin, all optimizations, an arena for memory, silent
   */
  session?: OnnxSessionOptions;
}

/**
 * Declares an ONNX model, as torch.onnx.export and skl2onnx write it; nothing is read before the
 * service loads. A relative path counts from the working directory of this moment: in a notebook,
 * its folder.
 * @example onnx("models/churn.onnx", { features: ["age", "tenure_months"] })
 */
export function onnx(file: string | URL, options: OnnxOptions = {}): ModelDefinition<OnnxModel> {
  declineTelemetry();
  const path = toModelPath(file);
  const name = basename(path.absolute);
  const { session, execution, workers, ...defaults } = options;
  return withSummary(
    {
      kind: "onnx",
      sources: () => [path.absolute],
      async files() {
        checkOnnxOptions(options);
        checkExecutionOptions("onnx()", options);
        const { facts } = await checkOnnxFile(path);
        const folder = dirname(path.absolute);
        const sides = facts.externalFiles.map(toBundlePath);
        return [name, ...sides].map((inside) => ({ source: join(folder, inside), path: inside }));
      },
      async load(context) {
        checkOnnxOptions(options);
        checkExecutionOptions("onnx()", options);
        const place =
          context.directory === undefined ? path : toModelPath(join(context.directory, name));
        const file = await checkOnnxFile(place);
        const executor = await openExecutor(context.executors, {
          model: context.name,
          engine: onnxEngine,
          source: { model: context.name, file, session, batchAxis: options.batchAxis },
          bytes: await countBytes(file),
          largeBytes: LARGE_BYTES,
          ...(execution !== undefined && { execution }),
          ...(workers !== undefined && { workers }),
        });
        try {
          const { operators } = file.facts;
          return await createOnnxModel({ name: context.name, executor, operators }, defaults);
        } catch (error) {
          await executor.release();
          throw error;
        }
      },
    },
    `Model ${String(file)} (onnx)`,
  );
}

/** onnxruntime opens some 300 megabytes a second, and nothing else happens on its thread meanwhile. */
const LARGE_BYTES = 8 * 1024 * 1024;

/** The file and those with its weights. */
async function countBytes({ path, facts }: CheckedOnnxFile): Promise<number> {
  const folder = dirname(path.absolute);
  const files = [
    path.absolute,
    ...facts.externalFiles.map((one) => join(folder, toBundlePath(one))),
  ];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
