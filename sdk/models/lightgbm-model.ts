import { EkibenError } from "../core/errors.js";
import { createTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import type { TensorDescription } from "../tensor/tensor.js";
import {
  addCategories,
  createBinder,
  toFeatures,
  type LightgbmFeatureOptions,
} from "./lightgbm-features.js";
import type { LightgbmText } from "./lightgbm-file.js";
import type { LightgbmForest } from "./lightgbm-forest.js";
import type { LightgbmObjective } from "./lightgbm-objective.js";
import { fillSlots, toBlockSize } from "./lightgbm-slots.js";
import { addLeaves, writeLeaves, type SlotRows, type TreeRange } from "./lightgbm-walk.js";
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

/** A loaded LightGBM model. It computes at once, in double precision and in LightGBM's own order. */
export interface LightgbmModel extends LoadedModel {
  readonly features: readonly Feature[];
  /**
   * What `Booster.predict` answers: one value a row, `[N]` (for `binary` the probability of class 1),
   * or `[N, classes]`.
   * @throws MODEL_INPUT_INVALID for data that the model cannot take
   * @example const [probability] = model.predict({ age: 41, plan: "basic" });
   */
  predict(x: FeatureInput, options?: LightgbmRunOptions): TensorArray<number>;
  /** The sums of leaves before any transformation: `predict(raw_score=True)`, `[N]` or `[N, classes]`. */
  margin(x: FeatureInput, options?: LightgbmRunOptions): TensorArray<number>;
  /** The leaf that a row ends in, for each tree: `predict(pred_leaf=True)`, `[N, trees]`. */
  leaves(x: FeatureInput, options?: LightgbmRunOptions): TensorArray<number>;
  describe(): LightgbmDescription;
  release(): void;
}

/** What a file of a model holds, made ready to compute. */
export interface LightgbmParts {
  readonly text: Omit<LightgbmText, "trees">;
  readonly forest: LightgbmForest;
  readonly objective: LightgbmObjective;
  /** The size of the file. */
  readonly bytes: number;
}

/** @throws SERVICE_INVALID for options that do not fit the model. */
export function createLightgbmModel(
  name: string,
  parts: LightgbmParts,
  options: LightgbmModelOptions,
): LightgbmModel {
  const { forest, objective } = parts;
  // `| 0`: numbers that were parsed or divided are doubles to the compiler, and would make doubles
  // of all places that are counted with them.
  const outputs = parts.text.treesPerIteration | 0;
  const features = addCategories(name, toFeatures(parts.text), options.categories);
  const bind = createBinder(name, features, options);
  const usual = findRange(name, parts, options.iterations ?? "all", "SERVICE_INVALID");
  const { slots } = forest;
  const blockSize = toBlockSize(slots);
  // One block for all runs: a run ends before another begins.
  const block = new Float64Array(blockSize * slots.features.length);
  let released = false;

  const rangeOf = ({ iterations }: LightgbmRunOptions): TreeRange => {
    if (released) {
      throw new EkibenError("MODEL_RUN_FAILED", {
        detail: `The model ${JSON.stringify(name)} has been released.`,
        hint: "Load it again before running it.",
      });
    }
    return iterations === undefined ? usual : findRange(name, parts, iterations);
  };

  /** Answers `size` values a row, which `work` writes block by block. */
  const run = <Values>(
    x: FeatureInput,
    create: (rows: number) => Values,
    work: (rows: SlotRows, values: Values, row: number) => void,
  ): Values => {
    const source = toFeatureSource(bind(x), x);
    const count = source.rows | 0;
    const values = create(count);
    for (let from = 0; from < count; from += blockSize) {
      const to = Math.min(count, from + blockSize);
      fillSlots(block, source, slots, { from, to });
      work({ values: block, count: to - from }, values, from);
    }
    return values;
  };

  const sum = (x: FeatureInput, range: TreeRange): Float64Array =>
    run(
      x,
      (rows) => new Float64Array(rows * outputs),
      (rows, values, row) =>
        addLeaves(forest, rows, { values, start: row * outputs, width: outputs }, range),
    );

  const shape = (values: Float64Array): TensorArray<number> =>
    createTensorArray(values, outputs === 1 ? [values.length] : [values.length / outputs, outputs]);

  const described = describe(parts, features, usual);
  return {
    features,
    predict(x, options = {}) {
      const range = rangeOf(options);
      const margins = sum(x, range);
      if (parts.text.average) {
        const iterations = (range.to - range.from) / outputs;
        for (let i = 0; i < margins.length; i += 1) margins[i]! /= iterations;
      }
      objective.transform(margins, outputs);
      return shape(margins);
    },
    margin: (x, options = {}) => shape(sum(x, rangeOf(options))),
    leaves(x, options = {}) {
      const range = rangeOf(options);
      const trees = range.to - range.from;
      const values = run(
        x,
        (rows) => new Int32Array(rows * trees),
        (rows, values, row) =>
          writeLeaves(forest, rows, { values, start: row * trees, width: trees }, range),
      );
      return createTensorArray(values, [values.length / trees, trees]);
    },
    describe: () => described,
    release() {
      released = true;
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
  { text, forest, objective, bytes }: LightgbmParts,
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
