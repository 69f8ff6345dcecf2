import { basename, dirname, join } from "node:path";
import type { ModelDefinition } from "./model.js";
import { toModelPath } from "./model-file.js";
import { checkOnnxFile, toBundlePath } from "./onnx-check.js";
import { createOnnxModel, type OnnxModel, type OnnxPredictOptions } from "./onnx-model.js";
import { openSession, type OnnxSessionOptions } from "./onnx-session.js";

export type { OnnxModel };

export interface OnnxOptions extends OnnxPredictOptions {
  /**
   * Options of the onnxruntime session, such as `executionProviders`.
   * @default `{ intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 }`: one thread, silent
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
      const { facts } = await checkOnnxFile(path);
      const folder = dirname(path.absolute);
      const sides = facts.externalFiles.map(toBundlePath);
      return [name, ...sides].map((inside) => ({ source: join(folder, inside), path: inside }));
    },
    async load(context) {
      const place =
        context.directory === undefined ? path : toModelPath(join(context.directory, name));
      const opened = await openSession(await checkOnnxFile(place), session);
      try {
        return createOnnxModel(context.name, opened, defaults);
      } catch (error) {
        await opened.session.release();
        throw error;
      }
    },
  };
}
