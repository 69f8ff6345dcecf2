import type * as OnnxRuntimeNode from "onnxruntime-node";
import type { InferenceSession } from "onnxruntime-node";
import { EkibenError } from "../core/errors.js";
import { printPath } from "./model-file.js";
import type { CheckedOnnxFile } from "./onnx-check.js";
import { isTensorType, type TensorSlot } from "../tensor/tensor.js";

export type OnnxSessionOptions = InferenceSession.SessionOptions;

/** The parts of onnxruntime-node that ekiben calls. */
export type OnnxRuntime = Pick<typeof OnnxRuntimeNode, "InferenceSession" | "Tensor">;

/** An open session, with what it takes and gives. */
export interface OnnxSession {
  readonly runtime: OnnxRuntime;
  readonly session: InferenceSession;
  readonly inputs: readonly TensorSlot[];
  readonly outputs: readonly TensorSlot[];
}

/**
 * One thread a session: more of them spin while they wait and take the cores from the other
 * sessions of a server. Level 4 keeps onnxruntime from writing to stderr what it throws anyway.
 */
const QUIET: OnnxSessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  logSeverityLevel: 4,
};

/**
 * Opens a file that has been looked at.
 * @throws MODEL_FILE_INVALID when onnxruntime refuses it, and for inputs or outputs that are no
 * tensors; DEPENDENCY_MISSING when onnxruntime-node does not load on this machine.
 */
export async function openSession(
  file: CheckedOnnxFile,
  options: OnnxSessionOptions = {},
): Promise<OnnxSession> {
  const runtime = await loadRuntime();
  let session: InferenceSession;
  try {
    session = await runtime.InferenceSession.create(file.path.absolute, { ...QUIET, ...options });
  } catch (error) {
    throw toRefusal(file, error);
  }
  try {
    const inputs = session.inputMetadata.map((value) => toSlot(file, "input", value));
    const outputs = session.outputMetadata.map((value) => toSlot(file, "output", value));
    return { runtime, session, inputs, outputs };
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function loadRuntime(): Promise<OnnxRuntime> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    throw new EkibenError("DEPENDENCY_MISSING", {
      detail: `onnxruntime-node does not load on ${process.platform} ${process.arch}: ${(cause as Error).message}`,
      hint: "Install it with `npm install onnxruntime-node` on this machine.",
      cause,
    });
  }
}

function toSlot(
  { path, facts }: CheckedOnnxFile,
  kind: "input" | "output",
  value: InferenceSession.ValueMetadata,
): TensorSlot {
  if (!value.isTensor) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The ${kind} ${JSON.stringify(value.name)} of ${printPath(path)} is no tensor but a ${facts.hasZipMap ? "list of maps (ZipMap)" : "sequence or map"}.`,
      hint: facts.hasZipMap
        ? 'Convert the model again with skl2onnx.to_onnx(model, X, options={id(model): {"zipmap": False}}).'
        : `Export the model with tensors as ${kind}s only.`,
      expected: "tensors",
      received: "sequence or map",
    });
  }
  if (!isTensorType(value.type)) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The ${kind} ${JSON.stringify(value.name)} of ${printPath(path)} holds ${value.type}, which JavaScript has no numbers for.`,
      hint: "Export the model in float32, or cast this value to float32 inside of the model.",
      expected: "float32",
      received: value.type,
    });
  }
  return {
    name: value.name,
    dtype: value.type,
    shape: value.shape.map((size) => (typeof size === "number" ? size : null)),
    symbols: value.shape.map((size) => (typeof size === "number" ? "" : size)),
  };
}

function toRefusal({ path, facts }: CheckedOnnxFile, cause: unknown): EkibenError {
  const reason = toPlainReason((cause as Error).message);
  const opsets = Object.entries(facts.opsets).map(
    ([domain, version]) => `${domain || "ai.onnx"} ${version}`,
  );
  const written = [facts.producer, ...opsets].filter(Boolean).join(", ");
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `onnxruntime cannot load ${printPath(path)}${written === "" ? "" : ` (${written})`}: ${reason}`,
    hint: findHint(reason),
    cause,
  });
}

function findHint(reason: string): string {
  if (/not a registered function\/op|No op registered|no opset import/i.test(reason)) {
    return "Export the model with standard ONNX operators only; operators of your own cannot be served.";
  }
  if (/opset|IR version/i.test(reason)) {
    return "Export the model again with an older operator set, such as opset_version=17.";
  }
  return "Check the file in Python with onnx.checker.check_model(path).";
}

/** onnxruntime's message without the file of its own source and the signature in front of it. */
export function toPlainReason(message: string): string {
  const plain = message
    .replace(/^Load model from .*? failed:/s, "")
    .replace(/\S*[\\/]onnxruntime[\\/]core[\\/]\S+:\d+ .*?\) (?=[A-Z])/s, "")
    .replace(/\s+/g, " ")
    .trim();
  return /[.!?"]$/.test(plain) ? plain : `${plain}.`;
}
