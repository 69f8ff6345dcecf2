import { EkibenError } from "../core/errors.js";
import { createTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import type { TensorDescription } from "../tensor/tensor.js";
import type { LoadedModel, ModelDescription, ModelWarmup } from "./model.js";
import {
  toFeatureReader,
  withCategories,
  type CategoryValue,
  type Feature,
  type UnknownCategory,
} from "./trees/feature.js";
import { toFeatureSource, type FeatureBinding, type FeatureInput } from "./trees/feature-source.js";
import { fillSlots, toBlockSize, type RowLayout } from "./trees/slot-rows.js";
import { addLeaves, findLeaves } from "./trees/walk.js";
import { addLinear, toLinearLayout } from "./xgboost-linear.js";
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

/** A loaded XGBoost model. It computes at once, in float32 and in XGBoost's own order. */
export interface XGBoostModel extends LoadedModel {
  readonly features: readonly Feature[];
  /**
   * What `Booster.predict` answers: one value a row, `[N]` (for `binary:logistic` the probability of
   * class 1, for `multi:softmax` the class), or `[N, outputs]` for several classes, targets or
   * quantiles.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take
   * @example const [probability] = model.predict({ age: 41, plan: "basic" });
   */
  predict(x: FeatureInput, options?: XGBoostRunOptions): TensorArray<number>;
  /** The sums before any transformation: `predict(output_margin=True)`, `[N]` or `[N, outputs]`. */
  margin(x: FeatureInput, options?: XGBoostRunOptions): TensorArray<number>;
  /**
   * The leaf that a row ends in, for each tree: `predict(pred_leaf=True)`, `[N, trees]`.
   * @throws MODEL_RUN_FAILED for a linear model, which has no leaves
   */
  leaves(x: FeatureInput, options?: XGBoostRunOptions): TensorArray<number>;
  describe(): XGBoostDescription;
  /** Predicts rows in which everything is missing, so that the first request finds compiled code. */
  warmup(): Promise<ModelWarmup>;
  release(): void;
}

/** @throws SERVICE_INVALID for options that do not fit the model. */
export function createXGBoostModel(
  name: string,
  parts: XGBoostParts & { bytes: number },
  options: XGBoostModelOptions,
): XGBoostModel {
  const { learned, outputs, objective } = parts;
  const features = withCategories(name, parts.features, options.categories ?? {});
  const binding = toBinding(name, parts, features, options);
  const usual = findRange(name, parts, options.iterations, "SERVICE_INVALID");
  const layout: RowLayout =
    learned.kind === "trees" ? learned.forest : toLinearLayout(features.length);
  const blockSize = toBlockSize(layout.slots);
  // One block for all runs: a run ends before another begins.
  const block = new Float32Array(blockSize * layout.slots.features.length);
  const missing = Math.fround(options.missing ?? parts.missing ?? Number.NaN);
  let released = false;

  const rangeOf = ({ iterations }: XGBoostRunOptions): RoundRange => {
    if (released) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} has been released.`,
        hint: "Load it again before running it.",
      });
    }
    return iterations === undefined ? usual : findRange(name, parts, iterations);
  };

  const eachBlock = (
    x: FeatureInput,
    begin: (rows: number) => void,
    work: (row: number, count: number) => void,
  ): void => {
    const source = toFeatureSource(binding, x);
    begin(source.rows);
    for (let from = 0; from < source.rows; from += blockSize) {
      const to = Math.min(source.rows, from + blockSize);
      fillSlots(block, source, layout, { from, to, missing });
      work(from, to - from);
    }
  };

  const sum = (x: FeatureInput, range: RoundRange): Float32Array => {
    let values = new Float32Array(0);
    eachBlock(
      x,
      (rows) => {
        values = new Float32Array(rows * outputs);
        for (let i = 0; i < values.length; i += 1) values[i] = parts.baseMargins[i % outputs]!;
      },
      (row, count) => {
        const sums = { values, start: row * outputs, width: outputs };
        const rows = { values: block, count };
        if (learned.kind === "trees") addLeaves(learned.forest, rows, sums, range);
        else addLinear(learned.weights, rows, sums);
      },
    );
    return values;
  };

  const shape = (values: Float32Array, width: number): TensorArray<number> =>
    createTensorArray(values, width === 1 ? [values.length] : [values.length / width, width]);

  const described = describe(parts, features, usual);
  return {
    features,
    predict(x, run = {}) {
      const answers = transformMargins(objective.transform, sum(x, rangeOf(run)), outputs);
      return shape(answers, objective.transform === "softmax" ? 1 : outputs);
    },
    margin: (x, run = {}) => shape(sum(x, rangeOf(run)), outputs),
    leaves(x, run = {}) {
      const range = rangeOf(run);
      if (learned.kind === "linear") {
        throw new EkibenError("MODEL_RUN_FAILED", {
          detail: `The model ${JSON.stringify(name)} is linear and has no leaves.`,
          hint: "Use predict() or margin().",
        });
      }
      const width = range.to - range.from;
      let values = new Int32Array(0);
      eachBlock(
        x,
        (rows) => (values = new Int32Array(rows * width)),
        (row, count) =>
          findLeaves(
            learned.forest,
            { values: block, count },
            { values, start: row * width },
            range,
          ),
      );
      return createTensorArray(values, [width === 0 ? 0 : values.length / width, width]);
    },
    describe: () => described,
    async warmup() {
      const dims = [blockSize, features.length];
      const data = new Float32Array(blockSize * features.length).fill(Number.NaN);
      const began = performance.now();
      this.predict({ data, dims });
      return { ms: performance.now() - began, inputs: { features: dims } };
    },
    release() {
      released = true;
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
