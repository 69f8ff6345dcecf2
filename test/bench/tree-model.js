/**
 * Writes ensembles of decision trees in the format of XGBoost or LightGBM, and the same ones as an ONNX
 * TreeEnsembleClassifier: https://onnx.ai/onnx/operators/onnx_aionnxml_TreeEnsembleClassifier.html.
 * Fields by their numbers in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const FLOAT = 1;
const INT64 = 7;
const ML_DOMAIN = "ai.onnx.ml";

/**
 * @typedef {object} Tree
 * @property {number[]} left by node; -1 makes a leaf
 * @property {number[]} right
 * @property {number[]} feature
 * @property {number[]} value the threshold of a split, or the value of a leaf
 * @property {number[]} missingLeft
 */

/**
 * Trees that are full but for a tenth of their nodes, with thresholds where normally distributed
 * features lie.
 * @param {{ trees: number, depth: number, features: number, random: () => number }} shape
 * @returns {Tree[]}
 */
export function createTrees({ trees, depth, features, random }) {
  return Array.from({ length: trees }, () => {
    const tree = { left: [], right: [], feature: [], value: [], missingLeft: [] };
    const levels = [0];
    for (let node = 0; node < levels.length; node++) {
      const level = levels[node];
      const isLeaf = level === depth || (level > 1 && random() < 0.1);
      const next = levels.length;
      if (!isLeaf) levels.push(level + 1, level + 1);
      tree.left.push(isLeaf ? -1 : next);
      tree.right.push(isLeaf ? -1 : next + 1);
      tree.feature.push(isLeaf ? 0 : Math.floor(random() * features));
      tree.value.push(Math.fround(isLeaf ? 0.1 * (random() - 0.5) : 2 * random() - 1));
      tree.missingLeft.push(random() < 0.5 ? 1 : 0);
    }
    return tree;
  });
}

/**
 * Trees with a number of leaves, each split at one of its leaves after the other, so that some of
 * their paths are far longer than others: LightGBM grows such trees.
 * @param {{ trees: number, leaves: number, features: number, random: () => number }} shape
 * @returns {Tree[]}
 */
export function createUnevenTrees({ trees, leaves, features, random }) {
  return Array.from({ length: trees }, () => {
    const tree = { left: [-1], right: [-1], feature: [0], value: [0], missingLeft: [0] };
    const open = [0];
    while (open.length < leaves) {
      const at = Math.floor(random() * open.length);
      const node = open[at];
      const next = tree.left.length;
      tree.left[node] = next;
      tree.right[node] = next + 1;
      tree.feature[node] = Math.floor(random() * features);
      tree.value[node] = Math.fround(2 * random() - 1);
      tree.missingLeft[node] = random() < 0.5 ? 1 : 0;
      for (const child of [next, next + 1]) {
        tree.left[child] = -1;
        tree.right[child] = -1;
        tree.feature[child] = 0;
        tree.value[child] = Math.fround(0.1 * (random() - 0.5));
        tree.missingLeft[child] = 0;
      }
      open.splice(at, 1, next, next + 1);
    }
    return tree;
  });
}

/** @param {Tree[]} trees @param {number} features @returns {string} */
export function toXGBoost(trees, features) {
  const model = {
    gbtree_model_param: { num_parallel_tree: "1", num_trees: String(trees.length) },
    tree_info: trees.map(() => 0),
    trees: trees.map(({ left, right, feature, value, missingLeft }) => ({
      left_children: left,
      right_children: right,
      split_indices: feature,
      split_conditions: value,
      default_left: missingLeft,
      split_type: left.map(() => 0),
      tree_param: { size_leaf_vector: "0" },
    })),
  };
  return JSON.stringify({
    learner: {
      attributes: {},
      feature_names: [],
      feature_types: [],
      gradient_booster: { name: "gbtree", model },
      learner_model_param: { base_score: "5E-1", num_class: "0", num_feature: String(features) },
      objective: { name: "binary:logistic" },
    },
    version: [2, 1, 0],
  });
}

/**
 * A value up to the threshold goes left here, and missing values are NaN.
 * @param {Tree[]} trees @param {number} features @returns {string}
 */
export function toLightGBM(trees, features) {
  const columns = Array.from({ length: features }, (_, i) => `Column_${i}`);
  const texts = trees.map((tree, t) => {
    // Splits and leaves have numbers of their own; a leaf's is written as its complement.
    const number = [];
    const splits = [];
    const leaves = [];
    tree.left.forEach((child, node) => {
      number[node] = child === -1 ? ~(leaves.push(node) - 1) : splits.push(node) - 1;
    });
    const line = (name, nodes, read) => `${name}=${nodes.map(read).join(" ")}`;
    return [
      `Tree=${t}`,
      `num_leaves=${leaves.length}`,
      "num_cat=0",
      line("split_feature", splits, (node) => tree.feature[node]),
      line("threshold", splits, (node) => tree.value[node]),
      line("decision_type", splits, (node) => 8 + 2 * tree.missingLeft[node]),
      line("left_child", splits, (node) => number[tree.left[node]]),
      line("right_child", splits, (node) => number[tree.right[node]]),
      line("leaf_value", leaves, (node) => tree.value[node]),
      "is_linear=0",
      "shrinkage=0.1",
      "\n",
    ].join("\n");
  });
  const head = [
    "tree",
    "version=v4",
    "num_class=1",
    "num_tree_per_iteration=1",
    "label_index=0",
    `max_feature_idx=${features - 1}`,
    "objective=binary sigmoid:1",
    `feature_names=${columns.join(" ")}`,
    `feature_infos=${columns.map(() => "[-5:5]").join(" ")}`,
    `tree_sizes=${texts.map((text) => text.length).join(" ")}`,
  ];
  const tail = ["end of trees", "", "parameters:", "[boosting: gbdt]", "end of parameters", ""];
  return `${head.join("\n")}\n\n${texts.join("")}${tail.join("\n")}`;
}

/** @param {number} value a whole number from 0 */
function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** @param {number} number @param {number} value */
const int = (number, value) => Buffer.concat([varint(number * 8), varint(value)]);

/** @param {number} number @param {string | Uint8Array | Uint8Array[]} content */
function bytes(number, content) {
  const body =
    typeof content === "string"
      ? Buffer.from(content)
      : Array.isArray(content)
        ? Buffer.concat(content)
        : content;
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
}

/** @param {number} number @param {number} value */
function float(number, value) {
  const body = Buffer.alloc(4);
  body.writeFloatLE(value);
  return Buffer.concat([varint(number * 8 + 5), body]);
}

const ints = (name, values) =>
  bytes(5, [bytes(1, name), ...values.map((value) => int(8, value)), int(20, 7)]);
const floats = (name, values) =>
  bytes(5, [bytes(1, name), ...values.map((value) => float(7, value)), int(20, 6)]);
const texts = (name, values) =>
  bytes(5, [bytes(1, name), ...values.map((value) => bytes(9, value)), int(20, 8)]);
const text = (name, value) => bytes(5, [bytes(1, name), bytes(4, value), int(20, 3)]);

/** @param {string} name @param {number} type @param {number} [width] */
function value(name, type, width) {
  const dims = [bytes(1, bytes(2, "N")), ...(width === undefined ? [] : [bytes(1, int(1, width))])];
  return [bytes(1, name), bytes(2, bytes(1, [int(1, type), bytes(2, dims)]))];
}

/**
 * @param {Tree[]} trees
 * @param {number} features
 * @param {"BRANCH_LT" | "BRANCH_LEQ"} split whether a value at the threshold goes right or left
 * @returns {Buffer}
 */
export function toOnnx(trees, features, split) {
  /** One entry a node, over all trees. @param {(tree: Tree, node: number, t: number) => number} read */
  const nodes = (read) => trees.flatMap((tree, t) => tree.left.map((_, n) => read(tree, n, t)));
  const leaves = trees.flatMap(({ left, value }, t) =>
    left.flatMap((child, node) => (child === -1 ? [{ t, node, weight: value[node] }] : [])),
  );
  const splits = (read) => nodes((tree, n) => (tree.left[n] === -1 ? 0 : read(tree, n)));
  const ensemble = [
    bytes(1, "x"),
    bytes(2, "label"),
    bytes(2, "probabilities"),
    bytes(4, "TreeEnsembleClassifier"),
    bytes(7, ML_DOMAIN),
    ints(
      "nodes_treeids",
      nodes((_tree, _n, t) => t),
    ),
    ints(
      "nodes_nodeids",
      nodes((_tree, n) => n),
    ),
    ints(
      "nodes_featureids",
      splits((tree, n) => tree.feature[n]),
    ),
    floats(
      "nodes_values",
      splits((tree, n) => tree.value[n]),
    ),
    texts(
      "nodes_modes",
      nodes((tree, n) => (tree.left[n] === -1 ? "LEAF" : split)),
    ),
    ints(
      "nodes_truenodeids",
      splits((tree, n) => tree.left[n]),
    ),
    ints(
      "nodes_falsenodeids",
      splits((tree, n) => tree.right[n]),
    ),
    ints(
      "nodes_missing_value_tracks_true",
      splits((tree, n) => tree.missingLeft[n]),
    ),
    ints(
      "class_treeids",
      leaves.map(({ t }) => t),
    ),
    ints(
      "class_nodeids",
      leaves.map(({ node }) => node),
    ),
    ints(
      "class_ids",
      leaves.map(() => 0),
    ),
    floats(
      "class_weights",
      leaves.map(({ weight }) => weight),
    ),
    ints("classlabels_int64s", [0, 1]),
    text("post_transform", "LOGISTIC"),
  ];
  const graph = [
    bytes(1, ensemble),
    bytes(2, "trees"),
    bytes(11, value("x", FLOAT, features)),
    bytes(12, value("label", INT64)),
    bytes(12, value("probabilities", FLOAT, 2)),
  ];
  return Buffer.concat([
    int(1, 8),
    bytes(2, "ekiben-bench"),
    bytes(7, graph),
    bytes(8, [bytes(1, ""), int(2, 13)]),
    bytes(8, [bytes(1, ML_DOMAIN), int(2, 1)]),
  ]);
}
