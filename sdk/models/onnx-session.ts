import { createRequire } from "node:module";
import { dirname } from "node:path";
import type * as OnnxRuntimeNode from "onnxruntime-node";
import type { InferenceSession } from "onnxruntime-node";
import { printNames } from "../core/closest-name.js";
import { EkibenError } from "../core/errors.js";
import { printPath } from "./model-file.js";
import type { CheckedOnnxFile } from "./onnx-check.js";
import { toOnnxRefusal, toPlainReason } from "./onnx-refusal.js";
import { rewriteOnnxOutputs, type RewrittenModel } from "./onnx-rewrite.js";
import { toSessionOptions, type OnnxSessionOptions } from "./onnx-session-options.js";
import { isTensorType, type TensorSlot } from "../tensor/tensor.js";

/** The parts of onnxruntime-node that ekiben calls. */
export type OnnxRuntime = Pick<
  typeof OnnxRuntimeNode,
  "InferenceSession" | "Tensor" | "listSupportedBackends"
>;

/** What a model takes or gives, as handlers see it and as the file has it. */
export interface OnnxSlot extends TensorSlot {
  /** Whether the file has 16 bits a number; handlers have float32, which holds all its values. */
  readonly half: boolean;
  /** The values that the columns stand for, where the file had a list of maps. */
  readonly classes?: readonly (string | number)[];
}

/** An open session, with what it takes and gives. */
export interface OnnxSession {
  readonly runtime: OnnxRuntime;
  readonly session: InferenceSession;
  readonly inputs: readonly OnnxSlot[];
  readonly outputs: readonly OnnxSlot[];
  /** As they are in use: without providers that this machine does not have. */
  readonly options: OnnxSessionOptions;
  /** The execution providers that were asked for and are not to be had here. */
  readonly absent: readonly string[];
}

/**
 * Opens a file that has been looked at. A file with outputs that are lists of maps or sequences is
 * opened from a rewritten copy in memory.
 * @throws MODEL_FILE_INVALID when onnxruntime refuses it, and for inputs or outputs that are no
 * tensors; SERVICE_INVALID for options that it cannot take; DEPENDENCY_MISSING when
 * onnxruntime-node does not load on this machine.
 */
export async function openSession(
  file: CheckedOnnxFile,
  chosen: OnnxSessionOptions = {},
): Promise<OnnxSession> {
  const runtime = loadRuntime();
  const asked = toSessionOptions(chosen);
  const { providers, absent } = findProviders(runtime, asked);
  const options = { ...asked, executionProviders: providers };
  const { absolute } = file.path;
  let rewritten: RewrittenModel | undefined;
  let session: InferenceSession;
  try {
    if (file.facts.hasOtherOutputs) rewritten = rewriteOnnxOutputs(absolute);
    session =
      rewritten === undefined
        ? await runtime.InferenceSession.create(absolute, options)
        : await runtime.InferenceSession.create(
            rewritten.bytes,
            withWeightsFrom(dirname(absolute), options),
          );
  } catch (error) {
    throw toOptionError(error) ?? toOnnxRefusal(file, error);
  }
  try {
    const inputs = session.inputMetadata.map((value) => toSlot(file, "input", { value }));
    const outputs = session.outputMetadata.map((value) =>
      toSlot(file, "output", { value, rewritten }),
    );
    return { runtime, session, inputs, outputs, options, absent };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** A model that comes as bytes does not say where it was: its weights may lie beside it. */
function withWeightsFrom(folder: string, options: OnnxSessionOptions): OnnxSessionOptions {
  const extra = options.extra as { session?: object };
  const session = { ...extra.session, model_external_initializers_file_folder_path: folder };
  return { ...options, extra: { ...extra, session } };
}

function loadRuntime(): OnnxRuntime {
  // Node would read a map for each of the twenty files, which takes a quarter as long as the rest.
  const { sourceMapsEnabled } = process;
  process.setSourceMapsEnabled(false);
  try {
    // It is CommonJS; `import` would look through all its files for the names that they export first.
    return createRequire(import.meta.url)("onnxruntime-node") as OnnxRuntime;
  } catch (cause) {
    throw new EkibenError("DEPENDENCY_MISSING", {
      detail: `onnxruntime-node does not load on ${process.platform} ${process.arch}: ${(cause as Error).message}`,
      hint: "Install it with `npm install onnxruntime-node` on this machine.",
      cause,
    });
  } finally {
    process.setSourceMapsEnabled(sourceMapsEnabled);
  }
}

/**
 * The providers of a list that are there, in its order; onnxruntime would say on stderr that it
 * leaves the others out.
 * @throws SERVICE_INVALID when none is left.
 */
function findProviders(
  runtime: OnnxRuntime,
  { executionProviders = [] }: OnnxSessionOptions,
): { providers: typeof executionProviders; absent: string[] } {
  const known = runtime.listSupportedBackends().map(({ name }) => name);
  const nameOf = (provider: string | { name: string }): string =>
    typeof provider === "string" ? provider : provider.name;
  const absent = executionProviders.map(nameOf).filter((name) => !known.includes(name));
  const providers = executionProviders.filter((one) => known.includes(nameOf(one)));
  if (providers.length > 0) return { providers, absent };
  throw new EkibenError("SERVICE_INVALID", {
    detail: `onnxruntime has none of the execution providers ${printNames(absent)} on ${process.platform} ${process.arch}; it has ${printNames(known)}.`,
    hint: 'Name "cpu" after them, or leave out `executionProviders`.',
    expected: known.join(", "),
    received: absent.join(", "),
  });
}

/** A refusal of the options of a session, not of its file. */
function toOptionError(cause: unknown): EkibenError | undefined {
  const { message } = cause as Error;
  if (/no available backend|execution ?provider|shared library/i.test(message)) {
    return new EkibenError("SERVICE_INVALID", {
      detail: `The execution provider of the option \`session\` of onnx() is not to be had on ${process.platform} ${process.arch}: ${toPlainReason(message)}`,
      hint: 'Leave out `executionProviders`, which is then ["cpu"].',
      cause,
    });
  }
  if (!/is not supported: |Invalid argument: sessionOptions|must be a/i.test(message)) {
    return undefined;
  }
  return new EkibenError("SERVICE_INVALID", {
    detail: `The option \`session\` of onnx() is not valid: ${toPlainReason(message)}`,
    cause,
  });
}

function toSlot(
  file: CheckedOnnxFile,
  kind: "input" | "output",
  {
    value,
    rewritten,
  }: { value: InferenceSession.ValueMetadata; rewritten?: RewrittenModel | undefined },
): OnnxSlot {
  if (!value.isTensor) throw toNoTensor(file, kind, value.name);
  const half = value.type === "float16";
  const dtype = half ? "float32" : value.type;
  if (!isTensorType(dtype)) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The ${kind} ${JSON.stringify(value.name)} of ${printPath(file.path)} holds ${value.type}, which JavaScript has no numbers for.`,
      hint: "Export the model in float32, or cast this value to float32 inside of the model.",
      expected: "float32",
      received: value.type,
    });
  }
  const change = rewritten?.outputs.get(value.name);
  const classes = change?.classes;
  // The file says nothing about the dimensions of what was no tensor; its labels do.
  const declared =
    value.shape.length === 0 && classes !== undefined ? ["", classes.length] : value.shape;
  return {
    name: value.name,
    dtype,
    shape: declared.map((size) => (typeof size === "number" ? size : null)),
    symbols: declared.map((size) => (typeof size === "number" ? "" : size)),
    half,
    ...(classes !== undefined && { classes }),
  };
}

function toNoTensor(
  { path, facts }: CheckedOnnxFile,
  kind: "input" | "output",
  name: string,
): EkibenError {
  const zipped = kind === "output" && facts.operators.has("ai.onnx.ml:ZipMap");
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `The ${kind} ${JSON.stringify(name)} of ${printPath(path)} is no tensor but a sequence, map or optional value${zipped ? ", which is made of a ZipMap in a way that cannot be undone" : ""}.`,
    hint: zipped
      ? 'Convert the model again with skl2onnx.to_onnx(model, X, options={id(model): {"zipmap": False}}).'
      : kind === "output"
        ? "Export the model with tensors as outputs only: in place of a list of tensors, one output each, or torch.stack."
        : "Export the model with tensors as inputs only.",
    expected: "tensors",
    received: "sequence, map or optional",
  });
}
