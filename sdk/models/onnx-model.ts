import { EkibenError } from "../core/errors.js";
import { findClosestName, printNames } from "../core/closest-name.js";
import type { TensorElement } from "../tensor/tensor-array.js";
import type { TensorDescription, TensorSlot } from "../tensor/tensor.js";
import { findBatchAxes, withRowsFirst, type BatchAxis } from "./batch-axis.js";
import { checkColumnOptions, type ColumnOptions } from "./column-binding.js";
import type { ExecutionState, Executor } from "./engine.js";
import { toFeeds, type FeedOptions, type ModelInput } from "./feeds.js";
import type { LoadedModel, ModelWarmup } from "./model.js";
import {
  describeOnnx,
  dimsOf,
  listWarnings,
  type OnnxDescription,
  type OnnxOutputDescription,
} from "./onnx-description.js";
import { makeExample, toExampleRows } from "./onnx-example.js";
import type { OnnxFacts, OnnxJob } from "./onnx-engine.js";
import type { OnnxSlot } from "./onnx-session.js";
import {
  refuseNaN,
  toOutputTensor,
  type Int64Output,
  type OutputTensor,
  type RawOutput,
} from "./output-tensor.js";
import { checkPadOptions, type PadOptions } from "./padding.js";
import { areOneRun, planRuns, runRows, takesAnyRows, type Feeds } from "./row-runs.js";
import { tryRowsApart } from "./row-trial.js";
import { createRunGate } from "./run-gate.js";
import type { Feed } from "./tensor-value.js";

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

/** How a model is run, whoever calls it. */
export interface OnnxModelOptions extends OnnxPredictOptions {
  /**
   * Whether rows may share a run. With `false` they are run one by one.
   * @default found out when the model loads: two rows are run alone and together
   */
  batchable?: boolean;
  /** The dimension that the file has its rows in. Handlers have them first. @default 0 */
  batchAxis?: BatchAxis;
  /**
   * Fills rows of several lengths. Without it rows of one shape share a run, and the others have
   * their own.
   */
  pad?: PadOptions;
  /** `"error"`: an output with NaN in it is MODEL_RUN_FAILED. @default "allow" */
  onNaN?: "allow" | "error";
  /**
   * What the model is run with when it is loaded, as `run` takes it.
   * @default made from the declared types and dimensions, where they say enough
   */
  example?: ModelInput;
}

/** A loaded ONNX model. */
export interface OnnxModel extends LoadedModel {
  readonly inputs: readonly TensorDescription[];
  readonly outputs: readonly OnnxOutputDescription[];
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
  warmup(): Promise<ModelWarmup | undefined>;
  execution(): ExecutionState;
  /** Frees the session once the runs that have begun are done. */
  release(): Promise<void>;
}

/** What a model is made of. */
export interface OnnxParts {
  /** The name in the service, for messages. */
  name: string;
  executor: Executor<OnnxFacts, OnnxJob, RawOutput[]>;
  operators: ReadonlySet<string>;
}

/**
 * A model on an open session, wherever that is; it is run a few times to see whether rows may share a run.
 * @throws SERVICE_INVALID for options that the model does not allow; MODEL_INPUT_INVALID and
 * MODEL_RUN_FAILED for an example that it does not take.
 */
export async function createOnnxModel(
  { name, executor, operators }: OnnxParts,
  defaults: OnnxModelOptions,
): Promise<OnnxModel> {
  const opened = executor.facts;
  const axes = findBatchAxes(name, opened, defaults.batchAxis);
  const turn = (slot: OnnxSlot): OnnxSlot => withRowsFirst(slot, axes.get(slot.name)!);
  const inputs = opened.inputs.map(turn);
  const outputs = opened.outputs.map(turn);
  const { pad, onNaN = "allow" } = defaults;
  checkColumnOptions(name, inputs, defaults);
  if (pad !== undefined) checkPadOptions(name, inputs, pad);
  if (defaults.output !== undefined) findOutput(name, outputs, defaults.output, "SERVICE_INVALID");

  const namesOf = (wanted: readonly TensorSlot[]): string[] => wanted.map((slot) => slot.name);
  const runOnce = (feeds: Feeds, wanted: readonly string[]): Promise<RawOutput[]> =>
    executor.run({ feeds, wanted });
  const allNames = namesOf(outputs);
  const size = findRowsPerRun(inputs);
  const { example } = defaults;
  const given =
    example === undefined
      ? undefined
      : toFeeds(name, inputs, example, { ...defaults, anyRows: true });
  const rows =
    given === undefined
      ? makeExample(inputs, operators, size)
      : toExampleRows(inputs, given, { size, shared: true });
  // An example that the model does not take is a mistake of its author, who should see it now.
  if (given !== undefined) await runOnce(rows!(fill(size)), allNames);
  const found =
    defaults.batchable ??
    (rows && (await tryRowsApart((feeds) => runOnce(feeds, allNames), rows, size)));
  // Of rows that nobody knows of, those given at once are one run, as they would be in Python.
  const policy = { size, shared: found ?? size === null };
  const anyRows = takesAnyRows(policy);

  const gate = createRunGate(name);

  const runAll = (
    feeds: Readonly<Record<string, Feed>>,
    { wanted, names }: Pick<RunPlan, "wanted" | "names">,
  ): Promise<RawOutput[]> => {
    if (areOneRun(feeds, policy)) return runOnce(feeds, names);
    const plan = planRuns(name, inputs, feeds, policy);
    return runRows(plan, wanted, (part) => runOnce(part, names));
  };

  const toPlan = (options: OnnxRunOptions): RunPlan => {
    if (options.features !== undefined || options.inputs !== undefined) {
      checkColumnOptions(name, inputs, options);
    }
    const wanted = options.outputs?.map((output) => findOutput(name, outputs, output)) ?? outputs;
    const columns = { ...defaults, ...options };
    return {
      wanted,
      names: namesOf(wanted),
      columns: { ...columns, anyRows },
      int64: columns.int64 ?? "number",
    };
  };
  // Nearly all runs are of no options of their own.
  const whole = toPlan({});
  const first = toPlan({ outputs: [defaults.output ?? outputs[0]!.name] });

  const compute = async (x: ModelInput, plan: RunPlan): Promise<OutputTensor[]> => {
    const raw = await runAll(toFeeds(name, inputs, x, plan.columns), plan);
    return plan.wanted.map((slot, i) => {
      if (onNaN === "error") refuseNaN(name, slot.name, raw[i]!);
      return toOutputTensor(slot.name, raw[i]!, plan.int64);
    });
  };

  const described = describeOnnx({
    inputs,
    outputs,
    axes,
    rowsPerRun: policy.size ?? (policy.shared ? null : 1),
    rowsApart: { value: found ?? null, by: defaults.batchable === undefined ? "trial" : "option" },
    session: opened.options,
  });
  return {
    inputs: described.inputs,
    outputs: described.outputs,
    async run(x, options) {
      const plan = options === undefined ? whole : toPlan(options);
      const answers = await gate.run(() => compute(x, plan));
      return Object.fromEntries(plan.names.map((output, i) => [output, answers[i]])) as never;
    },
    async predict(x, options) {
      let plan = first;
      if (options !== undefined) {
        const { output = first.names[0]! } = options;
        plan = toPlan({ ...options, outputs: [output] });
      }
      const [answer] = await gate.run(() => compute(x, plan));
      return answer as never;
    },
    describe: () => described,
    async warmup() {
      const feeds = given ?? rows?.(fill(size));
      if (feeds === undefined) return undefined;
      const began = performance.now();
      try {
        await gate.run(() => runAll(feeds, whole));
      } catch (error) {
        // What was made may well be nothing that the model takes; what was given has been tried.
        if (given === undefined) return undefined;
        throw error;
      }
      const ms = Math.round((performance.now() - began) * 1000) / 1000;
      return { ms, inputs: dimsOf(feeds), warnings: listWarnings(name, described, opened.absent) };
    },
    release: () => gate.close(() => executor.release()),
    execution: () => executor.state(),
  };
}

/** What a run is to do, of the options of the model and its own. */
interface RunPlan {
  readonly wanted: readonly TensorSlot[];
  /** Of the wanted outputs. */
  readonly names: readonly string[];
  readonly columns: FeedOptions;
  readonly int64: Int64Output;
}

/** As many rows of an example as one run takes. */
function fill(size: number | null): number[] {
  return Array.from({ length: size ?? 1 }, (_, row) => row % 3);
}

/** The batch size that every input is fixed to, when there is one. */
function findRowsPerRun(inputs: readonly TensorSlot[]): number | null {
  const sizes = new Set(inputs.map((slot) => slot.shape[0] ?? null));
  const [size] = sizes;
  return sizes.size === 1 && size !== undefined ? size : null;
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
