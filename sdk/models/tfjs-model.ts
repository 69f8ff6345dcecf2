import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { createTensorArray, toTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import {
  countElements,
  createElements,
  isTensorType,
  type Tensor,
  type TensorDescription,
  type TensorSlot,
} from "../tensor/tensor.js";
import { checkColumnOptions, type ColumnOptions } from "./column-binding.js";
import { toFeeds, type ModelInput } from "./feeds.js";
import { toInputError } from "./input-error.js";
import type { LoadedModel, ModelDescription, ModelWarmup } from "./model.js";
import { createRunGate } from "./run-gate.js";
import type { TfjsFormat } from "./tfjs-files.js";
import {
  onBackend,
  type TfjsBackend,
  type TfjsRuntime,
  type TfModel,
  type TfSlot,
  type TfTensor,
} from "./tfjs-runtime.js";

export interface TfjsOptions extends ColumnOptions {
  /** The output that `predict` answers. @default the first one */
  output?: string;
}

export interface TfjsDescription extends ModelDescription {
  kind: "tfjs";
  format: TfjsFormat;
  /** `tensorflow`: the native library; `wasm`: WebAssembly; `cpu`: plain JavaScript. */
  backend: TfjsBackend;
  inputs: readonly TensorDescription[];
  outputs: readonly TensorDescription[];
}

/** A loaded model of TensorFlow.js. */
export interface TfjsModel extends LoadedModel {
  /**
   * Runs the model and answers all outputs by name.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   */
  run(x: ModelInput, options?: ColumnOptions): Promise<Record<string, TensorArray>>;
  /**
   * Runs the model and answers one output: the first, or the one that the option `output` names.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   */
  predict(x: ModelInput, options?: TfjsOptions): Promise<TensorArray>;
  describe(): TfjsDescription;
  warmup(): Promise<ModelWarmup | undefined>;
  /** Frees the weights once the predictions that have begun are done. */
  release(): Promise<void>;
}

export interface TfjsParts {
  name: string;
  model: TfModel;
  format: TfjsFormat;
  runtime: TfjsRuntime;
  /** Whether the model is the notebook's own, which is not to be freed. */
  live: boolean;
  inNotebook: boolean;
}

/** @throws SERVICE_INVALID for options that the model does not allow */
export function createTfjsModel(
  { name, model, format, runtime, live, inNotebook }: TfjsParts,
  defaults: TfjsOptions,
): TfjsModel {
  if (format === "layers-model" && !model.inputNames?.length) model.build?.();
  const inputs = toSlots(model.inputs, model.inputNames);
  const outputs = toSlots(model.outputs, model.outputNames).map(toDescription);
  checkColumnOptions(name, inputs, defaults);
  if (defaults.output !== undefined) checkOutput(name, outputs, defaults.output, "SERVICE_INVALID");
  const anyRows = inputs.every(({ shape }) => shape[0] === null || shape.length === 0);
  const gate = createRunGate(name);

  /** Nothing in here waits, so that runs cannot mix up each other's tensors. */
  const compute = (x: ModelInput, options: ColumnOptions): Record<string, TensorArray> => {
    if (options.features !== undefined || options.inputs !== undefined) {
      checkColumnOptions(name, inputs, options);
    }
    const feeds = toFeeds(name, inputs, x, { ...defaults, ...options, anyRows });
    const tensors = inputs.map((slot) => {
      const feed = feeds[slot.name]!;
      if (!Array.isArray(feed)) return feed as Tensor;
      throw toInputError(name, {
        detail: `the rows of its input ${JSON.stringify(slot.name)} differ in shape.`,
        hint: "Give rows of one shape, filled where they are short.",
      });
    });
    return onBackend(runtime, inNotebook, () => runModel(tensors));
  };

  const runModel = (given: readonly Tensor[]): Record<string, TensorArray> => {
    const { tf } = runtime;
    try {
      // Not handed through `tidy`, which looks for tensors in every element of what it returns.
      let answers: Record<string, TensorArray>;
      tf.tidy(() => {
        const made = given.map(({ data, dims, type }) => tf.tensor(data, dims, type));
        const x = made.length === 1 ? made[0] : made;
        answers = toOutputs(outputs, model.predict(x as never));
      });
      return answers!;
    } catch (error) {
      throw toRunError(name, error);
    }
  };

  const described: TfjsDescription = {
    kind: "tfjs",
    format,
    backend: runtime.backend,
    inputs: inputs.map(toDescription),
    outputs,
  };
  return {
    run: (x, options = {}) => gate.run(() => compute(x, options)),
    predict: (x, options = {}) =>
      gate.run(() => {
        const output = options.output ?? defaults.output ?? outputs[0]!.name;
        checkOutput(name, outputs, output, "MODEL_INPUT_INVALID");
        return compute(x, options)[output]!;
      }),
    describe: () => described,
    async warmup() {
      const { backend } = runtime;
      const warnings =
        backend === "cpu"
          ? [
              `The model ${JSON.stringify(name)} runs in plain JavaScript, which is slow: run \`npm install @tensorflow/tfjs-backend-wasm\`.`,
            ]
          : [];
      const example = inputs.map(toZeros);
      const began = performance.now();
      try {
        await gate.run(() => onBackend(runtime, inNotebook, () => runModel(example)));
      } catch {
        // Zeros of the smallest shape may well be nothing that the model takes.
        return warnings.length === 0
          ? undefined
          : { ms: performance.now() - began, backend, warnings };
      }
      const ms = performance.now() - began;
      const dims = example.map(({ dims }, i) => [inputs[i]!.name, dims] as const);
      return { ms, backend, inputs: Object.fromEntries(dims), warnings };
    },
    release: () =>
      gate.close(() => {
        if (!live) model.dispose();
      }),
  };
}

/** Layers models number their tensors through a process: only the names of the layers stay. */
function toSlots(slots: readonly TfSlot[], names: readonly string[] = []): TensorSlot[] {
  const stable = names.length === slots.length && new Set(names).size === names.length;
  return slots.map((slot, i) => toSlot(slot, stable ? names[i]! : slot.name));
}

function toSlot({ shape, dtype }: TfSlot, name: string): TensorSlot {
  const type = dtype === "float32" || !isTensorType(dtype) ? "float32" : dtype;
  const sizes = (shape ?? []).map((size) => (size === null || size < 0 ? null : size));
  const symbols = sizes.map((size, i) => (size === null && i === 0 ? "N" : ""));
  return { name, dtype: type, shape: sizes, symbols };
}

function toDescription({ name, dtype, shape }: TensorSlot): TensorDescription {
  return { name, dtype, shape };
}

/** One row of zeros, as long as it must be. */
function toZeros({ dtype, shape }: TensorSlot): Tensor {
  const dims = shape.map((size) => size ?? 1);
  return { type: dtype, dims, data: createElements(dtype, countElements(dims)) };
}

function toOutputs(
  outputs: readonly TensorDescription[],
  answer: unknown,
): Record<string, TensorArray> {
  const list = (
    Array.isArray(answer)
      ? answer
      : "dataSync" in (answer as object)
        ? [answer]
        : outputs.map(({ name }) => (answer as Record<string, unknown>)[name])
  ) as TfTensor[];
  return Object.fromEntries(outputs.map(({ name }, i) => [name, toArray(list[i]!)]));
}

function toArray(tensor: TfTensor): TensorArray {
  const dims = [...tensor.shape];
  // A copy: an answer that is a part of the input or of the weights would change with them.
  const data = (tensor.dataSync() as Uint8Array).slice();
  if (tensor.dtype === "bool") return toTensorArray({ type: "bool", dims, data });
  return createTensorArray(data, dims);
}

function toRunError(model: string, error: unknown): unknown {
  if (error instanceof EkibenError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new EkibenError("MODEL_RUN_FAILED", {
    detail: `The model ${JSON.stringify(model)} failed: ${reason.replace(/\.$/, "")}.`,
    ...(/executeAsync/.test(reason) && {
      hint: "Its graph has loops or branches, which cannot be run at once: convert the model without them.",
    }),
    cause: error,
  });
}

function checkOutput(
  model: string,
  outputs: readonly TensorDescription[],
  name: string,
  code: "SERVICE_INVALID" | "MODEL_INPUT_INVALID",
): void {
  const names = outputs.map((output) => output.name);
  if (names.includes(name)) return;
  const similar = findClosestName(name, names);
  throw new EkibenError(code, {
    detail: `The model ${JSON.stringify(model)} has no output ${JSON.stringify(name)}; its outputs are ${printNames(names)}.`,
    ...(similar !== undefined && { hint: `Did you mean ${JSON.stringify(similar)}?` }),
    received: name,
  });
}
