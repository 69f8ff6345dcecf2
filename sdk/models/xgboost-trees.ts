import type { TreeNodes } from "./trees/tree.js";
import {
  hasField,
  readCount,
  readFloats,
  readIntegers,
  readObject,
  toFields,
  XGBoostFault,
  type Fields,
} from "./xgboost-fields.js";

export interface TreeFacts {
  /** The output that each tree adds to. */
  readonly info: ArrayLike<number>;
  readonly outputs: number;
  readonly dropped: Float32Array | undefined;
}

/** @throws XGBoostFault */
export function readTrees(list: readonly unknown[], facts: TreeFacts): TreeNodes[] {
  const trees = list.map((tree, t) => readTree(toFields(tree, `tree ${t}`), t, facts));
  const vectors = trees.filter((tree) => tree.vectors !== undefined).length;
  if (vectors === 0 || vectors === trees.length) return trees;
  throw new XGBoostFault("some trees have vectors in their leaves, and some have not");
}

function readTree(fields: Fields, t: number, { info, outputs, dropped }: TreeFacts): TreeNodes {
  const left = readIntegers(fields, "left_children");
  const size = left.length;
  const output = info[t]!;
  if (!(output >= 0 && output < outputs)) {
    throw new XGBoostFault(`tree ${t} adds to output ${output}, and there are ${outputs}`);
  }
  // The condition of a leaf is its value.
  const threshold = readFloats(fields, "split_conditions", size);
  const nodes = {
    left,
    right: readIntegers(fields, "right_children", size),
    feature: readIntegers(fields, "split_indices", size),
    threshold,
    missingLeft: readIntegers(fields, "default_left", size),
    categories: readCategorySets(fields, size),
    output,
  };
  const width = hasField(fields, "tree_param")
    ? readCount(readObject(fields, "tree_param"), "size_leaf_vector", 0)
    : 0;
  if (width > 1) return { ...nodes, ...readVectors(fields, nodes, { width, outputs }) };
  const weight = dropped?.[t];
  if (weight === undefined) return { ...nodes, leaf: threshold };
  // XGBoost rounds the product before it adds it.
  return { ...nodes, leaf: threshold.map((value) => value * weight) };
}

/**
 * Vectors in leaves: from 3.1 on a list of their own, in which a leaf finds its place by its right
 * child, before that among the weights of all nodes.
 */
function readVectors(
  fields: Fields,
  { left, right }: Pick<TreeNodes, "left" | "right">,
  { width, outputs }: { width: number; outputs: number },
): Pick<TreeNodes, "leaf" | "vectors"> {
  const isOwnList = hasField(fields, "leaf_weights");
  const vectors = readFloats(fields, isOwnList ? "leaf_weights" : "base_weights");
  if (width !== outputs) {
    throw new XGBoostFault(`${fields.path} has vectors of ${width} for ${outputs} outputs`);
  }
  const leaf = Int32Array.from({ length: left.length }, (_, node) => {
    if (left[node] !== -1) return -1;
    const at = (isOwnList ? right[node]! : node) * width;
    if (at >= 0 && at + width <= vectors.length) return at;
    throw new XGBoostFault(`${fields.path}: leaf ${node} has no vector`);
  });
  return { leaf, vectors };
}

/** The categories of a node that go right, by node: a part of one list each. */
function readCategorySets(fields: Fields, size: number): Map<number, ArrayLike<number>> {
  const sets = new Map<number, ArrayLike<number>>();
  // Files from before 1.3 know no categories.
  if (!hasField(fields, "categories_nodes")) return sets;
  const nodes = readIntegers(fields, "categories_nodes");
  if (nodes.length === 0) return sets;
  const starts = readIntegers(fields, "categories_segments", nodes.length);
  const sizes = readIntegers(fields, "categories_sizes", nodes.length);
  const all = Array.from(readIntegers(fields, "categories"));
  const types = readIntegers(fields, "split_type", size);
  for (let i = 0; i < nodes.length; i += 1) {
    const end = starts[i]! + sizes[i]!;
    if (!(starts[i]! >= 0 && sizes[i]! >= 0 && end <= all.length)) {
      throw new XGBoostFault(`${fields.path}: node ${nodes[i]} has categories beyond the list`);
    }
    if (types[nodes[i]!] === 1) sets.set(nodes[i]!, all.slice(starts[i]!, end));
  }
  const missing = Array.prototype.findIndex.call(
    types,
    (type, node) => type === 1 && !sets.has(node),
  );
  if (missing !== -1) throw new XGBoostFault(`${fields.path}: node ${missing} has no categories`);
  return sets;
}
