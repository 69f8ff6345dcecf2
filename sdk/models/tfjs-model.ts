import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import { createTensorArray, toTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import type { Tensor, TensorDescription, TensorSlot } from "../tensor/tensor.js";
import { checkColumnOptions, type ColumnOptions } from "./column-binding.js";
import type { ExecutionOptions, ExecutionState, Executor } from "./engine.js";
import { toFeeds, type ModelInput } from "./feeds.js";
import { toInputError } from "./input-error.js";
import type { LoadedModel, ModelDescription, ModelWarmup } from "./model.js";
import { createRunGate } from "./run-gate.js";
import { toZeros, type TfjsFacts, type TfjsTensors } from "./tfjs-engine.js";
import type { TfjsFormat } from "./tfjs-files.js";
import type { TfjsBackend } from "./tfjs-runtime.js";

/** How one call reads its columns and which output it answers. */
export interface TfjsPredictOptions extends ColumnOptions {
  /** The output that `predict` answers. @default the first one */
  output?: string;
}

export interface TfjsOptions extends TfjsPredictOptions, ExecutionOptions {}

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
  predict(x: ModelInput, options?: TfjsPredictOptions): Promise<TensorArray>;
  describe(): TfjsDescription;
  execution(): ExecutionState;
  warmup(): Promise<ModelWarmup | undefined>;
  /** Frees the weights once the predictions that have begun are done. */
  release(): Promise<void>;
}

export interface TfjsParts {
  name: string;
  executor: Executor<TfjsFacts, TfjsTensors, TfjsTensors>;
}

/** @throws SERVICE_INVALID for options that the model does not allow */
export function createTfjsModel({ name, executor }: TfjsParts, defaults: TfjsOptions): TfjsModel {
  const { inputs, format, backend } = executor.facts;
  const outputs = executor.facts.outputs.map(toDescription);
  checkColumnOptions(name, inputs, defaults);
  if (defaults.output !== undefined) checkOutput(name, outputs, defaults.output, "SERVICE_INVALID");
  const anyRows = inputs.every(({ shape }) => shape[0] === null || shape.length === 0);
  const gate = createRunGate(name);

  const compute = async (
    x: ModelInput,
    options: ColumnOptions,
  ): Promise<Record<string, TensorArray>> => {
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
    const answers = await executor.run(tensors);
    return Object.fromEntries(outputs.map((output, i) => [output.name, toArray(answers[i]!)]));
  };

  const described: TfjsDescription = {
    kind: "tfjs",
    format,
    backend,
    inputs: inputs.map(toDescription),
    outputs,
  };
  return {
    run: (x, options = {}) => gate.run(() => compute(x, options)),
    predict: (x, options = {}) =>
      gate.run(async () => {
        const output = options.output ?? defaults.output ?? outputs[0]!.name;
        checkOutput(name, outputs, output, "MODEL_INPUT_INVALID");
        return (await compute(x, options))[output]!;
      }),
    describe: () => described,
    async warmup() {
      const warnings =
        backend === "cpu"
          ? [
              `The model ${JSON.stringify(name)} runs in plain JavaScript, which is slow: run \`npm install @tensorflow/tfjs-backend-wasm\`.`,
            ]
          : [];
      const example = inputs.map(toZeros);
      const began = performance.now();
      try {
        await gate.run(() => executor.run(example));
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
    execution: () => executor.state(),
    release: () => gate.close(() => executor.release()),
  };
}

function toDescription({ name, dtype, shape }: TensorSlot): TensorDescription {
  return { name, dtype, shape };
}

/** What the author gets: an array of the tensor's elements that knows its dimensions. */
function toArray({ type, dims, data }: Tensor): TensorArray {
  if (type === "bool") return toTensorArray({ type, dims, data });
  return createTensorArray(data as never, dims);
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
