import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { xgboost, type XGBoostModel, type XGBoostOptions } from "../../sdk/models/xgboost.js";

/** What differs from one feature, one tree and `reg:squarederror`. */
export interface DocumentFacts {
  version?: number[];
  objective?: string;
  baseScore?: string;
  numClass?: number;
  numTarget?: number;
  features?: string[];
  types?: string[];
  trees?: object[];
  treeInfo?: number[];
  attributes?: Record<string, string>;
  model?: object;
}

/** `x < 1` goes to the first value, missing values with it. */
export function toStump(first: number, second: number, more: object = {}): object {
  return {
    left_children: [1, -1, -1],
    right_children: [2, -1, -1],
    split_indices: [0, 0, 0],
    split_conditions: [1, first, second],
    split_type: [0, 0, 0],
    default_left: [1, 0, 0],
    categories: [],
    categories_nodes: [],
    categories_segments: [],
    categories_sizes: [],
    tree_param: { size_leaf_vector: "0" },
    ...more,
  };
}

/** A model as XGBoost's JSON has it. */
export function toDocument(facts: DocumentFacts = {}): object {
  const features = facts.features ?? ["x"];
  const trees = facts.trees ?? [toStump(-1, 1)];
  return {
    learner: {
      attributes: facts.attributes ?? {},
      feature_names: features,
      feature_types: facts.types ?? [],
      gradient_booster: {
        name: "gbtree",
        model: {
          gbtree_model_param: { num_parallel_tree: "1", num_trees: String(trees.length) },
          tree_info: facts.treeInfo ?? trees.map(() => 0),
          trees,
          ...facts.model,
        },
      },
      learner_model_param: {
        base_score: facts.baseScore ?? "0E0",
        num_class: String(facts.numClass ?? 0),
        num_feature: String(features.length),
        num_target: String(facts.numTarget ?? 1),
      },
      objective: { name: facts.objective ?? "reg:squarederror" },
    },
    version: facts.version ?? [2, 1, 0],
  };
}

/** Writes a file that is gone when the test is. */
export function writeModel(content: string | Uint8Array, name = "model.json"): string {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-xgboost-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

export function loadDocument(
  document: object,
  options: XGBoostOptions = {},
): Promise<XGBoostModel> {
  return xgboost(writeModel(JSON.stringify(document)), options).load({ name: "made" });
}
