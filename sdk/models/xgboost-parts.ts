import { parseLooseJson } from "./loose-json.js";
import type { Feature } from "./trees/feature.js";
import { createForest, type Forest } from "./trees/forest.js";
import { TreeFault } from "./trees/tree.js";
import { readCategories } from "./xgboost-categories.js";
import {
  hasField,
  readCount,
  readFloats,
  readIntegers,
  readList,
  readObject,
  readText,
  readTexts,
  toFields,
  XGBoostFault,
  type Fields,
} from "./xgboost-fields.js";
import { findObjective, toBaseMargin, type Objective } from "./xgboost-objective.js";
import { readTrees } from "./xgboost-trees.js";

export type XGBoostBooster = "gbtree" | "dart" | "gblinear";

/** Everything of a file that answers need. */
export interface XGBoostParts {
  /** The version of XGBoost that wrote the file, such as `[1, 7, 4]`. */
  readonly version: readonly number[];
  readonly booster: XGBoostBooster;
  readonly objective: Objective;
  readonly features: readonly Feature[];
  /** Whether the file has the names of the features; otherwise they are `f0`, `f1`, …. */
  readonly isNamed: boolean;
  /** Margins a row: classes, targets or quantiles. */
  readonly outputs: number;
  readonly baseMargins: Float32Array;
  readonly learned: Trees | Linear;
  /** How many rounds the best one and those before it are, when training noted it. */
  readonly bestRounds?: number;
  /** Whether a scikit-learn wrapper (XGBClassifier, …) wrote the file and not a Booster. */
  readonly isWrapped: boolean;
  /** What means missing besides NaN; wrappers before 2.0 wrote it down. */
  readonly missing?: number;
}

export interface Trees {
  readonly kind: "trees";
  readonly forest: Forest;
  /** Where the trees of each round of boosting begin, and, one further, where they end. */
  readonly rounds: Int32Array;
}

export interface Linear {
  readonly kind: "linear";
  /** Feature by feature one weight an output; the last ones are the biases. */
  readonly weights: Float32Array;
}

/**
 * Takes a model from a parsed document
 * (https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html).
 * @throws XGBoostFault
 */
export function readXGBoost(document: unknown): XGBoostParts {
  const root = toFields(document, "");
  const version = Array.from(readIntegers(root, "version"));
  const learner = readObject(root, "learner");
  const params = readObject(learner, "learner_model_param");
  const featureCount = checkMost(readCount(params, "num_feature"), MOST_FEATURES, "features");
  const classes = readCount(params, "num_class", 0);
  const targets = readCount(params, "num_target", 1);
  const outputs = checkMost(Math.max(classes, targets, 1), MOST_OUTPUTS, "outputs");
  const objective = findObjective(
    readText(readObject(learner, "objective"), "name"),
    outputs,
    version,
  );
  const gradientBooster = readObject(learner, "gradient_booster");
  const booster = readText(gradientBooster, "name");
  if (booster !== "gbtree" && booster !== "dart" && booster !== "gblinear") {
    throw new XGBoostFault(`the booster ${JSON.stringify(booster)} is unknown`);
  }
  // dart keeps the trees one level deeper, beside their weights.
  const owner = booster === "dart" ? readObject(gradientBooster, "gbtree") : gradientBooster;
  const model = readObject(owner, "model");
  const dropped = booster === "dart" ? readFloats(gradientBooster, "weight_drop") : undefined;
  const found =
    booster === "gblinear"
      ? readLinear(model, featureCount, outputs)
      : readForest(model, { featureCount, outputs, dropped });
  const names = readNames(learner, featureCount);
  return {
    version,
    booster,
    objective,
    features: toFeatures(learner, model, { featureCount, names, split: found.categorical }),
    isNamed: names.length > 0,
    outputs,
    baseMargins: readBaseMargins(params, { objective, outputs, version }),
    learned: found.learned,
    ...readAttributes(learner),
  };
}

/** Notes of Python: of early stopping, and of the scikit-learn wrappers. */
function readAttributes(
  learner: Fields,
): Pick<XGBoostParts, "bestRounds" | "isWrapped" | "missing"> {
  if (!hasField(learner, "attributes")) return { isWrapped: false };
  const { best_iteration, scikit_learn } = readObject(learner, "attributes").value;
  const best = Number(best_iteration ?? Number.NaN);
  return {
    ...(Number.isInteger(best) && best >= 0 && { bestRounds: best + 1 }),
    ...readWrapper(scikit_learn),
  };
}

function readWrapper(notes: unknown): Pick<XGBoostParts, "isWrapped" | "missing"> {
  if (typeof notes !== "string") return { isWrapped: false };
  try {
    const { missing } = parseLooseJson(notes) as { missing?: unknown };
    return { isWrapped: true, ...(typeof missing === "number" && { missing }) };
  } catch {
    return { isWrapped: true };
  }
}

/** More would be a damaged file, and no memory would hold them. */
const MOST_FEATURES = 1 << 24;
const MOST_OUTPUTS = 1 << 20;

function checkMost(count: number, most: number, what: string): number {
  if (count <= most) return count;
  throw new XGBoostFault(`it says that it has ${count} ${what}, more than any model has`);
}

function readNames(learner: Fields, featureCount: number): readonly string[] {
  const names = readTexts(learner, "feature_names");
  if (names.length > 0 && names.length !== featureCount) {
    throw new XGBoostFault(
      `learner.feature_names has ${names.length} names, and there are ${featureCount} features`,
    );
  }
  return names;
}

interface FeatureFacts {
  featureCount: number;
  names: readonly string[];
  /** The features that trees split by category. */
  split: ReadonlySet<number>;
}

function toFeatures(learner: Fields, model: Fields, facts: FeatureFacts): Feature[] {
  const types = readTexts(learner, "feature_types");
  const categories = hasField(model, "cats") ? readCategories(readObject(model, "cats")) : [];
  return Array.from({ length: facts.featureCount }, (_, i) => {
    const name = facts.names[i] ?? `f${i}`;
    if (types[i] !== "c" && !facts.split.has(i)) return { name, type: "number" };
    const known = categories[i];
    return { name, type: "category", ...(known !== undefined && { categories: known }) };
  });
}

/** Up to 3.0 one number, since then a list of them; always text. */
function readBaseMargins(
  params: Fields,
  { objective, outputs, version }: { objective: Objective; outputs: number; version: number[] },
): Float32Array {
  const text = readText(params, "base_score");
  const scores = text.replace(/^\s*\[|\]\s*$/g, "").split(",");
  const numbers = scores.map((score) => (score.trim() === "" ? Number.NaN : Number(score)));
  if (numbers.some(Number.isNaN) || (numbers.length !== 1 && numbers.length !== outputs)) {
    throw new XGBoostFault(
      `the base score ${JSON.stringify(text)} is not a number for each of ${outputs} outputs`,
    );
  }
  return Float32Array.from({ length: outputs }, (_, i) =>
    toBaseMargin(objective, numbers[numbers.length === 1 ? 0 : i]!, version),
  );
}

function readLinear(
  model: Fields,
  featureCount: number,
  outputs: number,
): { learned: Linear; categorical: ReadonlySet<number> } {
  const weights = readFloats(model, "weights", (featureCount + 1) * outputs);
  return { learned: { kind: "linear", weights }, categorical: new Set() };
}

interface ForestFacts {
  featureCount: number;
  outputs: number;
  /** The weight of each tree in dart. */
  dropped: Float32Array | undefined;
}

function readForest(
  model: Fields,
  { featureCount, outputs, dropped }: ForestFacts,
): { learned: Trees; categorical: ReadonlySet<number> } {
  const params = readObject(model, "gbtree_model_param");
  const list = readList(model, "trees");
  const count = list.length;
  if (dropped !== undefined && dropped.length !== count) {
    throw new XGBoostFault(`weight_drop has ${dropped.length} weights for ${count} trees`);
  }
  const info = readIntegers(model, "tree_info");
  const trees = readTrees(list, { info, outputs, dropped });
  const categorical = new Set<number>();
  for (const { categories, feature } of trees) {
    for (const node of categories.keys()) categorical.add(feature[node]!);
  }
  const isVector = trees.some((tree) => tree.vectors !== undefined);
  const treesPerRound = readCount(params, "num_parallel_tree", 1) * (isVector ? 1 : outputs);
  try {
    const forest = createForest(trees, featureCount);
    const told = readCount(params, "num_trees", count);
    if (told !== count || info.length !== count) {
      throw new XGBoostFault(
        `it has ${count} trees, and should have ${Math.max(told, info.length)}`,
      );
    }
    const rounds = readRounds(model, count, Math.max(1, treesPerRound));
    return { learned: { kind: "trees", forest, rounds }, categorical };
  } catch (error) {
    if (error instanceof TreeFault) throw new XGBoostFault(error.message);
    throw error;
  }
}

function readRounds(model: Fields, count: number, treesPerRound: number): Int32Array {
  if (!hasField(model, "iteration_indptr")) {
    const rounds = Math.ceil(count / treesPerRound);
    return Int32Array.from({ length: rounds + 1 }, (_, i) => Math.min(count, i * treesPerRound));
  }
  const rounds = Int32Array.from(readIntegers(model, "iteration_indptr"));
  const isRising = rounds.every((start, i) => start >= (i === 0 ? 0 : rounds[i - 1]!));
  if (rounds[0] === 0 && rounds.at(-1) === count && isRising) return rounds;
  throw new XGBoostFault(`iteration_indptr does not lead from 0 to ${count} trees`);
}
