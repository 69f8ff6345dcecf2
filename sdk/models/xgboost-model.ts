import { EkibenError } from "../core/errors.js";
import { createTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import type { TensorDescription } from "../tensor/tensor.js";
import type { ExecutionState, Executor } from "./engine.js";
import type { LoadedModel, ModelDescription, ModelWarmup } from "./model.js";
import {
  toFeatureReader,
  withCategories,
  type CategoryValue,
  type Feature,
  type UnknownCategory,
} from "./trees/feature.js";
import { toFeatureSource, type FeatureBinding, type FeatureInput } from "./trees/feature-source.js";
import { fillSlots, toBlockSize } from "./trees/slot-rows.js";
import {
  computeRows,
  toLayout,
  type XGBoostAnswer,
  type XGBoostFacts,
  type XGBoostJob,
  type XGBoostTask,
} from "./xgboost-engine.js";
import { transformMargins } from "./xgboost-objective.js";
import type { XGBoostBooster, XGBoostParts } from "./xgboost-parts.js";
import { findRange, type Iterations, type RoundRange } from "./xgboost-rounds.js";

export interface XGBoostRunOptions {
  /**
   * The rounds of boosting to use: all of them, those up to the best one that early stopping found,
   * a number of them, or from one to before another.
   * @default as the object that wrote the file: a scikit-learn wrapper answers with the best rounds, a Booster with all
   */
  iterations?: Iterations;
}

export interface XGBoostModelOptions extends XGBoostRunOptions {
  /**
   * The columns of a table that hold the features, in the order of training.
   * @default the names in the file; without them the columns in their order
   */
  features?: readonly string[];
  /**
   * The values of categories, in the order of their codes, by feature.
   * @default those in the file, which XGBoost writes since 3.1
   */
  categories?: Readonly<Record<string, readonly CategoryValue[]>>;
  /** What becomes of a category that training did not know. @default "missing" */
  unknownCategory?: UnknownCategory;
  /**
   * A number that means missing, besides NaN and `null`, as in `DMatrix(X, missing=-999)`.
   * @default that of the scikit-learn wrapper, if it is in the file (before XGBoost 2.0)
   */
  missing?: number;
}

export interface XGBoostDescription extends ModelDescription {
  kind: "xgboost";
  /** The version of XGBoost that wrote the file. */
  version: string;
  booster: XGBoostBooster;
  objective: string;
  features: readonly Feature[];
  /** How many classes a classifier tells apart; left out for other models. */
  classes?: number;
  /** How many trees there are; 0 in a linear model. */
  trees: number;
  /** The rounds of boosting in the file, and those that answers come from. */
  rounds: { all: number; used: number };
  /** The size of the file in bytes. */
  bytes: number;
  inputs: readonly TensorDescription[];
  outputs: readonly TensorDescription[];
}

/** A loaded XGBoost model. It computes in float32 and in XGBoost's own order. */
export interface XGBoostModel extends LoadedModel {
  readonly features: readonly Feature[];
  /**
   * What `Booster.predict` answers: one value a row, `[N]` (for `binary:logistic` the probability of
   * class 1, for `multi:softmax` the class), or `[N, outputs]` for several classes, targets or
   * quantiles.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take
   * @example const [probability] = await model.predict({ age: 41, plan: "basic" });
   */
  predict(x: FeatureInput, options?: XGBoostRunOptions): Promise<TensorArray<number>>;
  /** The sums before any transformation: `predict(output_margin=True)`, `[N]` or `[N, outputs]`. */
  margin(x: FeatureInput, options?: XGBoostRunOptions): Promise<TensorArray<number>>;
  /**
   * The leaf that a row ends in, for each tree: `predict(pred_leaf=True)`, `[N, trees]`.
   * @throws MODEL_RUN_FAILED for a linear model, which has no leaves
   */
  leaves(x: FeatureInput, options?: XGBoostRunOptions): Promise<TensorArray<number>>;
  describe(): XGBoostDescription;
  /** Predicts rows in which everything is missing, so that the first request finds compiled code. */
  warmup(): Promise<ModelWarmup>;
  execution(): ExecutionState;
  /** Frees the trees once the runs that have begun are done. */
  release(): Promise<void>;
}

/** @throws SERVICE_INVALID for options that do not fit the model. */
export function createXGBoostModel(
  name: string,
  executor: Executor<XGBoostFacts, XGBoostJob, XGBoostAnswer>,
  options: XGBoostModelOptions,
): XGBoostModel {
  const parts = executor.facts;
  const { learned, outputs, objective } = parts;
  const features = withCategories(name, parts.features, options.categories ?? {});
  const binding = toBinding(name, parts, features, options);
  const usual = findRange(name, parts, options.iterations, "SERVICE_INVALID");
  const layout = toLayout(parts);
  const blockSize = toBlockSize(layout.slots);
  const width = layout.slots.features.length;
  // One block for all runs: a run on this thread ends before another begins.
  const block = new Float32Array(blockSize * width);
  const missing = Math.fround(options.missing ?? parts.missing ?? Number.NaN);
  let released: Promise<void> | undefined;

  const rangeOf = ({ iterations }: XGBoostRunOptions): RoundRange => {
    if (released !== undefined) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} has been released.`,
        hint: "Load it again before running it.",
      });
    }
    return iterations === undefined ? usual : findRange(name, parts, iterations);
  };

  const compute = (
    want: XGBoostTask["want"],
    x: FeatureInput,
    range: RoundRange,
  ): XGBoostAnswer | Promise<XGBoostAnswer> => {
    const began = performance.now();
    const source = toFeatureSource(binding, x);
    const { rows } = source;
    const task: XGBoostTask = { want, rows, range };
    if (executor.isApart) {
      const values = new Float32Array(rows * width);
      fillSlots(values, source, layout, { from: 0, to: rows, missing });
      return executor.run({ task, values }, { owned: true });
    }
    const answer = computeRows(parts, blockSize, task, (from, to) => {
      fillSlots(block, source, layout, { from, to, missing });
      return block;
    });
    executor.note(performance.now() - began);
    return answer;
  };

  const shape = (values: XGBoostAnswer, size: number): TensorArray<number> =>
    createTensorArray(values, size === 1 ? [values.length] : [values.length / size, size]);

  const described = describe(parts, features, usual);
  return {
    features,
    async predict(x, run = {}) {
      const computed = compute("margins", x, rangeOf(run));
      const margins = computed instanceof Promise ? await computed : computed;
      const answers = transformMargins(
        objective.transform,
        margins as Float32Array<ArrayBuffer>,
        outputs,
      );
      return shape(answers, objective.transform === "softmax" ? 1 : outputs);
    },
    async margin(x, run = {}) {
      const computed = compute("margins", x, rangeOf(run));
      return shape(computed instanceof Promise ? await computed : computed, outputs);
    },
    async leaves(x, run = {}) {
      const range = rangeOf(run);
      if (learned.kind === "linear") {
        throw new EkibenError("MODEL_RUN_FAILED", {
          detail: `The model ${JSON.stringify(name)} is linear and has no leaves.`,
          hint: "Use predict() or margin().",
        });
      }
      const trees = range.to - range.from;
      const values = await compute("leaves", x, range);
      return createTensorArray(values, [trees === 0 ? 0 : values.length / trees, trees]);
    },
    describe: () => described,
    async warmup() {
      const dims = [blockSize, features.length];
      const data = new Float32Array(blockSize * features.length).fill(Number.NaN);
      const began = performance.now();
      await this.predict({ data, dims });
      return { ms: performance.now() - began, inputs: { features: dims } };
    },
    execution: () => executor.state(),
    release() {
      released ??= executor.release();
      return released;
    },
  };
}

function toBinding(
  name: string,
  parts: XGBoostParts,
  features: readonly Feature[],
  { features: columns, unknownCategory = "missing" }: XGBoostModelOptions,
): FeatureBinding {
  if (columns !== undefined && columns.length !== features.length) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The model ${JSON.stringify(name)} has ${features.length} features, and the option \`features\` names ${columns.length}.`,
      hint: "Name one column for every feature that the model was trained with, in their order.",
      expected: features.length,
      received: columns.length,
    });
  }
  return {
    model: name,
    readers: features.map(toFeatureReader),
    names: columns ?? features.map((feature) => feature.name),
    isNamed: columns !== undefined || parts.isNamed,
    unknown: unknownCategory,
  };
}

function describe(
  parts: XGBoostParts & { bytes: number },
  features: readonly Feature[],
  usual: RoundRange,
): XGBoostDescription {
  const { learned, objective, outputs } = parts;
  const isClassifier = /^(binary|multi):/.test(objective.name);
  const width = objective.transform === "softmax" ? 1 : outputs;
  return {
    kind: "xgboost",
    version: parts.version.join("."),
    booster: parts.booster,
    objective: objective.name,
    features,
    ...(isClassifier && {
      classes: objective.name.startsWith("multi:") ? outputs : 2,
    }),
    trees: learned.kind === "trees" ? learned.forest.roots.length : 0,
    rounds: {
      all: learned.kind === "trees" ? learned.rounds.length - 1 : 0,
      used: usual.rounds,
    },
    bytes: parts.bytes,
    inputs: [{ name: "features", dtype: "float32", shape: [null, features.length] }],
    outputs: [
      { name: "prediction", dtype: "float32", shape: width === 1 ? [null] : [null, width] },
    ],
  };
}
