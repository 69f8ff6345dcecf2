import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A decision tree as nested objects, the way the format is explained. */
export type WrittenTree =
  | {
      leaf: number;
      linear?: {
        constant: number;
        terms: readonly (readonly [feature: number, coefficient: number])[];
      };
    }
  | {
      feature: number;
      /** A number to compare with, or the categories that go left. */
      test: number | readonly number[];
      missing: "none" | "zero" | "nan";
      defaultLeft: boolean;
      left: WrittenTree;
      right: WrittenTree;
    };

export interface WrittenModel {
  version?: string;
  objective?: string;
  classes?: number;
  average?: boolean;
  features: readonly string[];
  /** How the file describes the features. @default a range of numbers */
  infos?: readonly string[];
  trees: readonly WrittenTree[];
  /** The categories of pandas. @default none */
  pandas?: unknown;
}

const MISSING = { none: 0, zero: 4, nan: 8 };

export function print(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value).replace("Infinity", "inf");
}

function writeTree(tree: WrittenTree, index: number): string {
  const nodes: Exclude<WrittenTree, { leaf: number }>[] = [];
  const leaves: Extract<WrittenTree, { leaf: number }>[] = [];
  const children: [number, number][] = [];
  const boundaries = [0];
  const words: number[] = [];
  const place = (node: WrittenTree): number => {
    if ("leaf" in node) return ~(leaves.push(node) - 1);
    const at = nodes.push(node) - 1;
    children.push([0, 0]);
    children[at] = [place(node.left), place(node.right)];
    return at;
  };
  place(tree);
  const thresholds = nodes.map(({ test }) => {
    if (typeof test === "number") return print(test);
    const set = Array.from({ length: Math.floor(Math.max(0, ...test) / 32) + 1 }, () => 0);
    for (const category of test) set[category >> 5]! |= 1 << (category & 31);
    words.push(...set.map((word) => word >>> 0));
    return String(boundaries.push(words.length) - 2);
  });
  const line = (key: string, values: readonly (number | string)[]): string =>
    `${key}=${values.map((value) => (typeof value === "number" ? print(value) : value)).join(" ")}`;
  const isLinear = leaves.some((leaf) => leaf.linear !== undefined);
  const terms = leaves.map((leaf) => leaf.linear?.terms ?? []);
  const lines = [
    `Tree=${index}`,
    line("num_leaves", [leaves.length]),
    line("num_cat", [boundaries.length - 1]),
    line(
      "split_feature",
      nodes.map(({ feature }) => feature),
    ),
    line(
      "split_gain",
      nodes.map(() => 1),
    ),
    line("threshold", thresholds),
    line(
      "decision_type",
      nodes.map(
        ({ test, missing, defaultLeft }) =>
          (typeof test === "number" ? 0 : 1) + (defaultLeft ? 2 : 0) + MISSING[missing],
      ),
    ),
    line(
      "left_child",
      children.map(([left]) => left),
    ),
    line(
      "right_child",
      children.map(([, right]) => right),
    ),
    line(
      "leaf_value",
      leaves.map(({ leaf }) => leaf),
    ),
    ...(boundaries.length > 1
      ? [line("cat_boundaries", boundaries), line("cat_threshold", words)]
      : []),
    line("is_linear", [isLinear ? 1 : 0]),
    ...(isLinear
      ? [
          line(
            "leaf_const",
            leaves.map(({ linear }) => linear?.constant ?? 0),
          ),
          line(
            "num_features",
            terms.map((list) => list.length),
          ),
          line(
            "leaf_features",
            terms.map((list) => list.map(([feature]) => `${feature} `).join("")),
          ),
          line(
            "leaf_coeff",
            terms.map((list) => list.map(([, coefficient]) => `${print(coefficient)} `).join("")),
          ),
        ]
      : []),
    line("shrinkage", [0.1]),
  ];
  return `${lines.join("\n")}\n\n\n`;
}

/** A model in the text format of `Booster.save_model`. */
export function writeModel(model: WrittenModel): string {
  const trees = model.trees.map(writeTree);
  const classes = model.classes ?? 1;
  return [
    "tree",
    `version=${model.version ?? "v4"}`,
    `num_class=${classes}`,
    `num_tree_per_iteration=${classes}`,
    "label_index=0",
    `max_feature_idx=${model.features.length - 1}`,
    ...(model.objective === undefined ? [] : [`objective=${model.objective}`]),
    ...(model.average === true ? ["average_output"] : []),
    `feature_names=${model.features.join(" ")}`,
    `feature_infos=${(model.infos ?? model.features.map(() => "[0:1]")).join(" ")}`,
    `tree_sizes=${trees.map((tree) => tree.length).join(" ")}`,
    "",
    `${trees.join("")}end of trees`,
    "",
    "feature_importances:",
    "",
    "parameters:",
    "[boosting: gbdt]",
    "end of parameters",
    "",
    `pandas_categorical:${JSON.stringify(model.pandas ?? null)}`,
    "",
  ].join("\n");
}

/** Writes a file that is removed after the test. */
export function toFile(content: string | Uint8Array, name = "model.txt"): string {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-lightgbm-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}
