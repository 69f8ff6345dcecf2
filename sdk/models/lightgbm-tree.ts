import { LightgbmFault, toCutFault } from "./lightgbm-fault.js";
import { readIntegers, readNumbers } from "./lightgbm-numbers.js";

/** A tree as the file holds it: nodes and leaves in the order of the file. */
export interface LightgbmTree {
  readonly leaves: number;
  /** The feature that a node asks for. */
  readonly features: Float64Array;
  /** The threshold of a node, or the number of its set of categories. */
  readonly thresholds: Float64Array;
  readonly decisions: Float64Array;
  /** Children of a node: another node, or `~leaf`. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly values: Float64Array;
  /** Set `i` is the words `boundaries[i]` up to, without, `boundaries[i + 1]`. */
  readonly boundaries: Float64Array;
  /** Sets of categories, 32 to a word. */
  readonly words: Float64Array;
  /** The linear models in the leaves, when the tree has them. */
  readonly linear: LinearLeaves | undefined;
}

/** Linear models: `constants[leaf]` plus the sum of coefficient times feature. */
export interface LinearLeaves {
  readonly constants: Float64Array;
  /** How many features each leaf has. */
  readonly counts: Float64Array;
  /** Features and coefficients of all leaves, one leaf after the other. */
  readonly features: Float64Array;
  readonly coefficients: Float64Array;
}

const MOST_LEAVES = 2 ** 27;
const CATEGORICAL = 1;

/**
 * Reads the lines `key=value` below a line `Tree=`.
 * @param featureCount how many features the model has
 * @throws LightgbmFault when a line is missing, has another number of values, or points outside.
 */
export function readTree(
  lines: ReadonlyMap<string, string>,
  tree: number,
  featureCount: number,
): LightgbmTree {
  const where = (key: string): string => `${key} of tree ${tree}`;
  const line = (key: string): string => {
    const text = lines.get(key);
    if (text === undefined) throw toCutFault(`without the line ${where(key)}`);
    return text;
  };
  const one = (key: string, most: number, absent: string): number =>
    readIntegers(lines.get(key) ?? absent, 1, where(key), [0, most])[0]!;

  if (line("num_leaves").trim() === "0") {
    throw new LightgbmFault(`tree ${tree} has no leaf`);
  }
  const leaves = one("num_leaves", MOST_LEAVES, "");
  const nodes = leaves - 1;
  const list = (key: string, count: number): Float64Array =>
    count === 0 ? new Float64Array(0) : readNumbers(line(key), count, where(key));
  const integers = (key: string, count: number, range: readonly [number, number]): Float64Array =>
    count === 0 ? new Float64Array(0) : readIntegers(line(key), count, where(key), range);

  const sets = one("num_cat", MOST_LEAVES, "0");
  const boundaries =
    sets === 0 ? new Float64Array(1) : integers("cat_boundaries", sets + 1, [0, 2 ** 31 - 1]);
  if (boundaries[0] !== 0 || boundaries.some((value, i) => i > 0 && value < boundaries[i - 1]!)) {
    throw new LightgbmFault(`${where("cat_boundaries")} does not ascend from 0`);
  }
  const features = integers("split_feature", nodes, [0, featureCount - 1]);
  const thresholds = list("threshold", nodes);
  const decisions =
    lines.has("decision_type") || nodes === 0
      ? integers("decision_type", nodes, [0, 15])
      : new Float64Array(nodes);
  thresholds.forEach((threshold, node) => {
    if (Number.isNaN(threshold)) {
      throw new LightgbmFault(`${where("threshold")} holds a value that is not a number`);
    }
    if ((decisions[node]! & CATEGORICAL) === 0) return;
    if (Number.isInteger(threshold) && threshold >= 0 && threshold < sets) return;
    throw new LightgbmFault(
      `node ${node} of tree ${tree} asks for set ${threshold} of categories, and there are ${sets}`,
    );
  });
  return {
    leaves,
    features,
    thresholds,
    decisions,
    left: integers("left_child", nodes, [-leaves, nodes - 1]),
    right: integers("right_child", nodes, [-leaves, nodes - 1]),
    values: list("leaf_value", leaves),
    boundaries,
    words: integers("cat_threshold", boundaries[sets]!, [0, 2 ** 32 - 1]),
    linear: one("is_linear", 1, "0") === 1 ? readLinear() : undefined,
  };

  function readLinear(): LinearLeaves {
    const counts = integers("num_features", leaves, [0, featureCount]);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return {
      constants: list("leaf_const", leaves),
      counts,
      features: integers("leaf_features", total, [0, featureCount - 1]),
      coefficients: list("leaf_coeff", total),
    };
  }
}

/**
 * The nodes and leaves (`~leaf`) of a tree from the root down, level by level, the two children of a
 * node side by side; without recursion, since trees may be deeper than the stack.
 * @throws LightgbmFault when not every node and leaf is reached once.
 */
export function orderTree(
  { leaves, left, right }: Pick<LightgbmTree, "leaves" | "left" | "right">,
  tree: number,
  isLeftFirst: (node: number) => boolean,
): Int32Array {
  const nodes = leaves - 1;
  const order = new Int32Array(nodes + leaves);
  const seen = new Uint8Array(nodes + leaves);
  let end = 0;
  const visit = (child: number): void => {
    const place = child < 0 ? nodes + ~child : child;
    if (seen[place] === 1) {
      const what = child < 0 ? `leaf ${~child}` : `node ${child}`;
      throw new LightgbmFault(`${what} of tree ${tree} has two parents or is in a cycle`);
    }
    seen[place] = 1;
    order[end] = child;
    end += 1;
  };
  visit(nodes === 0 ? ~0 : 0);
  for (let at = 0; at < end; at += 1) {
    const node = order[at]!;
    if (node < 0) continue;
    const leftFirst = isLeftFirst(node);
    visit(leftFirst ? left[node]! : right[node]!);
    visit(leftFirst ? right[node]! : left[node]!);
  }
  if (end === order.length) return order;
  throw new LightgbmFault(`tree ${tree} has nodes that no path reaches`);
}
