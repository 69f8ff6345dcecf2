import { EkibenError } from "../core/errors.js";
import { createTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import type { TensorDescription } from "../tensor/tensor.js";
import {
  addCategories,
  createBinder,
  toFeatures,
  type LightgbmFeatureOptions,
} from "./lightgbm-features.js";
import type { ExecutionState, Executor } from "./engine.js";
import type { LightgbmParts } from "./lightgbm-check.js";
import {
  computeRows,
  type LightgbmAnswer,
  type LightgbmJob,
  type LightgbmTask,
} from "./lightgbm-engine.js";
import { toObjective, type LightgbmObjective } from "./lightgbm-objective.js";
import { fillSlots, toBlockSize } from "./lightgbm-slots.js";
import type { TreeRange } from "./lightgbm-walk.js";
import type { LoadedModel, ModelDescription } from "./model.js";
import { toFeatureSource, type FeatureInput } from "./trees/feature-source.js";
import type { Feature } from "./trees/feature.js";

/** Iterations of boosting: all of them, the first `n`, or from one up to, without, another. */
export type LightgbmIterations = "all" | number | readonly [from: number, to: number];

export interface LightgbmRunOptions {
  /**
   * The iterations to use. After early stopping the file holds those up to the best one only.
   * @default "all"
   */
  iterations?: LightgbmIterations;
}

export interface LightgbmModelOptions extends LightgbmRunOptions, LightgbmFeatureOptions {}

export interface LightgbmDescription extends ModelDescription {
  kind: "lightgbm";
  /** The version of the format: `v2`, `v3` or `v4`. */
  version: string;
  /** With its parameters: `binary sigmoid:1`. */
  objective: string;
  /** `gbdt`, `dart`, `rf` or `goss`; left out where the file does not say it. */
  boosting?: string;
  features: readonly Feature[];
  /** How many classes a classifier tells apart; left out for other models. */
  classes?: number;
  trees: number;
  /** The iterations in the file, and those that answers come from. */
  iterations: { all: number; used: number };
  /** The size of the file in bytes. */
  bytes: number;
  inputs: readonly TensorDescription[];
  outputs: readonly TensorDescription[];
}

/** A loaded LightGBM model. It computes in double precision and in LightGBM's own order. */
export interface LightgbmModel extends LoadedModel {
  readonly features: readonly Feature[];
  /**
   * What `Booster.predict` answers: one value a row, `[N]` (for `binary` the probability of class 1),
   * or `[N, classes]`.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take
   * @example const [probability] = await model.predict({ age: 41, plan: "basic" });
   */
  predict(x: FeatureInput, options?: LightgbmRunOptions): Promise<TensorArray<number>>;
  /** The sums of leaves before any transformation: `predict(raw_score=True)`, `[N]` or `[N, classes]`. */
  margin(x: FeatureInput, options?: LightgbmRunOptions): Promise<TensorArray<number>>;
  /** The leaf that a row ends in, for each tree: `predict(pred_leaf=True)`, `[N, trees]`. */
  leaves(x: FeatureInput, options?: LightgbmRunOptions): Promise<TensorArray<number>>;
  describe(): LightgbmDescription;
  execution(): ExecutionState;
  /** Frees the trees once the runs that have begun are done. */
  release(): Promise<void>;
}

/** @throws SERVICE_INVALID for options that do not fit the model. */
export function createLightgbmModel(
  name: string,
  executor: Executor<LightgbmParts, LightgbmJob, LightgbmAnswer>,
  options: LightgbmModelOptions,
): LightgbmModel {
  const parts = executor.facts;
  const { forest, text } = parts;
  const outputs = text.treesPerIteration;
  const objective = toObjective(text.objective, outputs);
  const features = addCategories(name, toFeatures(text), options.categories);
  const bind = createBinder(name, features, options);
  const usual = findRange(name, parts, options.iterations ?? "all", "SERVICE_INVALID");
  const { slots } = forest;
  const blockSize = toBlockSize(slots);
  const width = slots.features.length;
  // One block for all runs: a run on this thread ends before another begins.
  const block = new Float64Array(blockSize * width);
  let released: Promise<void> | undefined;

  const rangeOf = ({ iterations }: LightgbmRunOptions): TreeRange => {
    if (released !== undefined) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} has been released.`,
        hint: "Load it again before running it.",
      });
    }
    return iterations === undefined ? usual : findRange(name, parts, iterations);
  };

  const compute = (
    want: LightgbmTask["want"],
    x: FeatureInput,
    range: TreeRange,
  ): LightgbmAnswer | Promise<LightgbmAnswer> => {
    const began = performance.now();
    const source = toFeatureSource(bind(x), x);
    const { rows } = source;
    const task: LightgbmTask = { want, rows, range };
    if (executor.isApart) {
      const values = new Float64Array(rows * width);
      fillSlots(values, source, slots, { from: 0, to: rows });
      return executor.run({ task, values }, { owned: true });
    }
    const answer = computeRows(parts, blockSize, task, (from, to) => {
      fillSlots(block, source, slots, { from, to });
      return block;
    });
    executor.note(performance.now() - began);
    return answer;
  };

  const shape = (values: LightgbmAnswer): TensorArray<number> =>
    createTensorArray(values, outputs === 1 ? [values.length] : [values.length / outputs, outputs]);

  const described = describe(parts, objective, features, usual);
  return {
    features,
    async predict(x, run = {}) {
      const range = rangeOf(run);
      const computed = compute("margins", x, range);
      const margins = (
        computed instanceof Promise ? await computed : computed
      ) as Float64Array<ArrayBuffer>;
      if (text.average) {
        const iterations = (range.to - range.from) / outputs;
        for (let i = 0; i < margins.length; i += 1) margins[i]! /= iterations;
      }
      objective.transform(margins, outputs);
      return shape(margins);
    },
    async margin(x, run = {}) {
      const computed = compute("margins", x, rangeOf(run));
      return shape(computed instanceof Promise ? await computed : computed);
    },
    async leaves(x, run = {}) {
      const range = rangeOf(run);
      const trees = range.to - range.from;
      const values = await compute("leaves", x, range);
      return createTensorArray(values, [values.length / trees, trees]);
    },
    describe: () => described,
    execution: () => executor.state(),
    release() {
      released ??= executor.release();
      return released;
    },
  };
}

function findRange(
  model: string,
  { text, forest }: LightgbmParts,
  iterations: LightgbmIterations,
  code: "SERVICE_INVALID" | "MODEL_INPUT_INVALID" = "MODEL_INPUT_INVALID",
): TreeRange {
  const perIteration = text.treesPerIteration;
  const all = forest.roots.length / perIteration;
  const [from, to] =
    iterations === "all" ? [0, all] : typeof iterations === "number" ? [0, iterations] : iterations;
  if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= all) {
    return { from: (from * perIteration) | 0, to: (to * perIteration) | 0 };
  }
  throw new EkibenError(code, {
    detail: `The iterations ${JSON.stringify(iterations)} are not to be had: the model ${JSON.stringify(model)} has ${all}.`,
    hint: 'Use "all", a number of iterations from 1 on, or [from, to].',
    expected: `1 to ${all}`,
    received: JSON.stringify(iterations),
  });
}

function describe(
  { text, forest, bytes }: LightgbmParts,
  objective: LightgbmObjective,
  features: readonly Feature[],
  usual: TreeRange,
): LightgbmDescription {
  const outputs = text.treesPerIteration;
  const trees = forest.roots.length;
  return {
    kind: "lightgbm",
    version: text.version,
    objective: objective.text,
    ...(text.boosting !== undefined && { boosting: text.boosting }),
    features,
    ...(objective.classes !== null && { classes: objective.classes }),
    trees,
    iterations: { all: trees / outputs, used: (usual.to - usual.from) / outputs },
    bytes,
    inputs: [{ name: "features", dtype: "float64", shape: [null, features.length] }],
    outputs: [
      { name: "prediction", dtype: "float64", shape: outputs === 1 ? [null] : [null, outputs] },
    ],
  };
}
