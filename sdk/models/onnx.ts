import { basename, dirname, join } from "node:path";
import type { ModelDefinition } from "./model.js";
import { toModelPath } from "./model-file.js";
import { checkOnnxFile, toBundlePath } from "./onnx-check.js";
import { createOnnxModel, type OnnxModel, type OnnxModelOptions } from "./onnx-model.js";
import { openSession } from "./onnx-session.js";
import { checkOnnxOptions, type OnnxSessionOptions } from "./onnx-session-options.js";

export type { OnnxModel };

export interface OnnxOptions extends OnnxModelOptions {
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
  const path = toModelPath(file);
  const name = basename(path.absolute);
  const { session, ...defaults } = options;
  return {
    kind: "onnx",
    async files() {
      checkOnnxOptions(options);
      const { facts } = await checkOnnxFile(path);
      const folder = dirname(path.absolute);
      const sides = facts.externalFiles.map(toBundlePath);
      return [name, ...sides].map((inside) => ({ source: join(folder, inside), path: inside }));
    },
    async load(context) {
      checkOnnxOptions(options);
      const place =
        context.directory === undefined ? path : toModelPath(join(context.directory, name));
      const file = await checkOnnxFile(place);
      const opened = await openSession(file, session);
      try {
        const { operators } = file.facts;
        return await createOnnxModel({ name: context.name, opened, operators }, defaults);
      } catch (error) {
        await opened.session.release();
        throw error;
      }
    },
  };
}
