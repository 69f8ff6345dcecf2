import { EkibenError } from "../core/errors.js";
import { checkColumnOptions, type ColumnOptions } from "./column-binding.js";
import { toFeeds, type Feeds, type ModelInput } from "./feeds.js";
import { joinOutputs } from "./joined-output.js";
import type { LoadedModel, ModelDescription } from "./model.js";
import { toPlainReason, type OnnxSession } from "./onnx-session.js";
import {
  toOutputTensor,
  type Int64Output,
  type OutputTensor,
  type RawOutput,
} from "./output-tensor.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import type { TensorElement } from "../tensor/tensor-array.js";
import { sliceRows, type TensorDescription, type TensorSlot } from "../tensor/tensor.js";

export interface OnnxRunOptions extends ColumnOptions {
  /** The outputs to compute. @default all */
  outputs?: readonly string[];
  /** What `int64` outputs are. @default "number" */
  int64?: Int64Output;
}

export interface OnnxPredictOptions extends Omit<OnnxRunOptions, "outputs"> {
  /** The output to answer. @default the first one */
  output?: string;
}

export interface OnnxDescription extends ModelDescription {
  kind: "onnx";
  inputs: readonly TensorDescription[];
  outputs: readonly TensorDescription[];
  /**
   * How many rows one run of the model takes; `null`: as many as there are. A model that was
   * exported for 1 row still takes any number: they are run one by one and joined.
   */
  rowsPerRun: number | null;
}

/** A loaded ONNX model. */
export interface OnnxModel extends LoadedModel {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly TensorDescription[];
  /**
   * Runs the model on all rows and answers its outputs by name.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   * @example const { label, probabilities } = await model.run<{ label: string; probabilities: number }>(df);
   */
  run<Outputs extends { [Name in keyof Outputs]: TensorElement } = Record<string, number>>(
    x: ModelInput,
    options?: OnnxRunOptions,
  ): Promise<{ [Name in keyof Outputs]: OutputTensor<Outputs[Name]> }>;
  /**
   * Runs the model and answers one output: the first, or the one that the option `output` names.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take; MODEL_RUN_FAILED
   */
  predict<Element extends TensorElement = number>(
    x: ModelInput,
    options?: OnnxPredictOptions,
  ): Promise<OutputTensor<Element>>;
  describe(): OnnxDescription;
  /** Frees the session once the runs that have begun are done. */
  release(): Promise<void>;
}

/**
 * A model on an open session.
 * @throws SERVICE_INVALID for options that name inputs or outputs which the model does not have.
 */
export function createOnnxModel(
  name: string,
  opened: OnnxSession,
  defaults: OnnxPredictOptions,
): OnnxModel {
  const { session, inputs, outputs } = opened;
  const running = new Set<Promise<unknown>>();
  let released: Promise<void> | undefined;
  const rowsPerRun = findRowsPerRun(inputs);
  checkColumnOptions(name, inputs, defaults);
  if (defaults.output !== undefined) findOutput(name, outputs, defaults.output, "SERVICE_INVALID");

  const start = <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (released !== undefined) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} has been released.`,
        hint: "Load it again before running it.",
      });
    }
    const run = work();
    running.add(run);
    const forget = (): void => void running.delete(run);
    run.then(forget, forget);
    return run;
  };

  const runSession = async (feeds: Feeds, wanted: readonly TensorSlot[]): Promise<RawOutput[]> => {
    const tensors = Object.fromEntries(
      Object.entries(feeds).map(([input, { type, data, dims }]) => [
        input,
        new opened.runtime.Tensor(type, data as never, dims),
      ]),
    );
    try {
      const answer = await session.run(
        tensors,
        wanted.map((slot) => slot.name),
      );
      return wanted.map((slot) => answer[slot.name]!);
    } catch (cause) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} failed: ${toPlainReason((cause as Error).message)}`,
        cause,
      });
    }
  };

  const runRows = async (feeds: Feeds, wanted: readonly TensorSlot[]): Promise<RawOutput[]> => {
    const entries = Object.entries(feeds);
    const rows = entries[0]![1].dims[0]!;
    const parts: RawOutput[][] = [];
    for (let i = 0; i < rows; i += 1) {
      const row = entries.map(([input, tensor]) => [input, sliceRows(tensor, i, i + 1)]);
      parts.push(await runSession(Object.fromEntries(row) as Feeds, wanted));
    }
    return wanted.map((slot, k) =>
      joinOutputs(
        slot.name,
        parts.map((part) => part[k]!),
      ),
    );
  };

  const compute = async (
    x: ModelInput,
    options: OnnxRunOptions,
  ): Promise<Record<string, OutputTensor>> => {
    if (options.features !== undefined || options.inputs !== undefined) {
      checkColumnOptions(name, inputs, options);
    }
    const wanted = options.outputs?.map((output) => findOutput(name, outputs, output)) ?? outputs;
    const columns = { ...defaults, ...options };
    const feeds = toFeeds(name, inputs, x, { ...columns, oneByOne: rowsPerRun === 1 });
    const raw = await (rowsPerRun === 1 ? runRows : runSession)(feeds, wanted);
    const int64 = columns.int64 ?? "number";
    return Object.fromEntries(
      wanted.map((slot, i) => [slot.name, toOutputTensor(slot.name, raw[i]!, int64)]),
    );
  };

  const described: OnnxDescription = {
    kind: "onnx",
    inputs: inputs.map(toDescription),
    outputs: outputs.map(toDescription),
    rowsPerRun,
  };
  return {
    inputs: described.inputs,
    outputs: described.outputs,
    async run(x, options = {}) {
      return (await start(() => compute(x, options))) as never;
    },
    async predict(x, options = {}) {
      const output = options.output ?? defaults.output ?? outputs[0]!.name;
      const answer = await start(() => compute(x, { ...options, outputs: [output] }));
      return answer[output] as never;
    },
    describe: () => described,
    release() {
      released ??= Promise.allSettled(running).then(() => session.release());
      return released;
    },
  };
}

/** The batch size that every input is fixed to, when there is one. */
function findRowsPerRun(inputs: readonly TensorSlot[]): number | null {
  const sizes = new Set(inputs.map((slot) => slot.shape[0] ?? null));
  const [size] = sizes;
  return sizes.size === 1 && size !== undefined ? size : null;
}

function toDescription({ name, dtype, shape }: TensorSlot): TensorDescription {
  return { name, dtype, shape };
}

function findOutput(
  model: string,
  outputs: readonly TensorSlot[],
  name: string,
  code: "SERVICE_INVALID" | "MODEL_INPUT_INVALID" = "MODEL_INPUT_INVALID",
): TensorSlot {
  const output = outputs.find((slot) => slot.name === name);
  if (output !== undefined) return output;
  const names = outputs.map((slot) => slot.name);
  const similar = findClosestName(name, names);
  throw new EkibenError(code, {
    detail: `The model ${JSON.stringify(model)} has no output ${JSON.stringify(name)}; its outputs are ${printNames(names)}.`,
    ...(similar !== undefined && { hint: `Did you mean ${JSON.stringify(similar)}?` }),
    received: name,
  });
}
