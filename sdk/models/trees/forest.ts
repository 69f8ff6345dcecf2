import { CategorySetList, type CategorySets } from "./category-sets.js";
import { SlotList, type Slots } from "./slots.js";
import { orderNodes, TreeFault, type TreeNodes } from "./tree.js";

/**
 * Trees in one block of memory, made for walking. A node takes four words of 32 bits, at
 * `STRIDE · number`:
 *
 * - `ints[n]`: where the first of its two children begins, the second follows it; a leaf's own place
 * - `ints[n + 1]`: the slot of a row that it looks at, or `~slot` when it looks a category up itself
 * - `floats[n + 2]`: a value at or above goes to the second child. NaN in a leaf, which keeps a walk
 *   there. To look up: `ints[n + 2]` is the step for a missing value.
 * - `floats[n + 3]`: a leaf's value. `ints[n + 3]`: where its vector begins, or the set to look in.
 *
 * A comparison with NaN is false, so a missing value goes to the first child: for nodes that send
 * missing values right the children are exchanged and the test turned around, `-x >= next(-t)`,
 * which is `x < t`. Hence the slots: a feature, as it is or negated.
 *
 * A split on categories is a comparison too, when a slot of the row tells 1 or 0, whether the value
 * is in the set. Forests with very many sets look them up on the way instead: a row would have to
 * have a slot for each.
 */
export interface Forest {
  readonly ints: Int32Array;
  readonly floats: Float32Array;
  readonly roots: Int32Array;
  readonly depths: Int32Array;
  /** The output that each tree adds to. */
  readonly outputs: Int32Array;
  /** 1: all nodes compare, none looks a category up. */
  readonly plain: Uint8Array;
  readonly slots: Slots;
  readonly sets: CategorySets;
  /** The number of a node in its tree, by its number here. */
  readonly nodeIds: Int32Array;
  readonly vectors?: Float32Array;
}

export const STRIDE = 4;

/** Sets a tree up to which a slot for each costs less than what it saves on the way. */
const MOST_SETS = 64;

export interface ForestOptions {
  /** How many sets of categories a tree may have, on average, for each to get a slot. @default 64 */
  mostSets?: number;
}

/** @throws TreeFault, naming the tree, for nodes that are no tree or features that do not exist. */
export function createForest(
  trees: readonly TreeNodes[],
  featureCount: number,
  { mostSets = MOST_SETS }: ForestOptions = {},
): Forest {
  const splits = trees.reduce((sum, { categories }) => sum + categories.size, 0);
  const looksUp = splits > mostSets * trees.length;
  const orders = trees.map((tree, t) =>
    inTree(t, () => orderNodes(tree, (node) => isLeftFirst(tree, node, looksUp))),
  );
  const total = orders.reduce((sum, { order }) => sum + order.length, 0);
  // Shared, so that worker threads walk the same trees.
  const memory = new SharedArrayBuffer(total * STRIDE * 4);
  const nodes: Nodes = {
    ints: new Int32Array(memory),
    floats: new Float32Array(memory),
    slots: new SlotList(),
    sets: new CategorySetList(),
    featureCount,
    looksUp,
  };
  const roots = new Int32Array(trees.length);
  const nodeIds = new Int32Array(new SharedArrayBuffer(total * 4));
  let start = 0;
  let vectorStart = 0;
  trees.forEach((tree, t) => {
    const { order } = orders[t]!;
    nodeIds.set(order, start);
    roots[t] = start * STRIDE;
    inTree(t, () => writeTree(nodes, { tree, order, start, vectorStart }));
    start += order.length;
    vectorStart += tree.vectors?.length ?? 0;
  });
  const vectors = trees.some((tree) => tree.vectors !== undefined) && joinVectors(trees);
  return {
    ints: nodes.ints,
    floats: nodes.floats,
    roots,
    depths: Int32Array.from(orders, ({ depth }) => depth),
    outputs: Int32Array.from(trees, (tree) => tree.output),
    plain: Uint8Array.from(trees, ({ categories }) => (looksUp && categories.size > 0 ? 0 : 1)),
    slots: nodes.slots.finish(),
    sets: nodes.sets.finish(),
    nodeIds,
    ...(vectors && { vectors }),
  };
}

interface Nodes extends Pick<Forest, "ints" | "floats"> {
  slots: SlotList;
  sets: CategorySetList;
  featureCount: number;
  looksUp: boolean;
}

interface Placed {
  tree: TreeNodes;
  order: readonly number[];
  start: number;
  vectorStart: number;
}

function isLeftFirst(
  { categories, missingLeft }: TreeNodes,
  node: number,
  looksUp: boolean,
): boolean {
  return (looksUp && categories.has(node)) || Boolean(missingLeft[node]);
}

function writeTree(nodes: Nodes, { tree, order, start, vectorStart }: Placed): void {
  const { ints, floats, slots, sets } = nodes;
  // In this order the children of the nodes with children come one pair after the other.
  let pair = start + 1;
  order.forEach((node, i) => {
    const n = (start + i) * STRIDE;
    if (tree.left[node] === -1) {
      ints[n] = n;
      floats[n + 2] = Number.NaN;
      if (tree.vectors === undefined) floats[n + 3] = tree.leaf[node]!;
      else ints[n + 3] = vectorStart + tree.leaf[node]!;
      return;
    }
    const feature = tree.feature[node]!;
    if (!(feature >= 0 && feature < nodes.featureCount)) {
      throw new TreeFault(
        `node ${node} looks at feature ${feature}, and there are ${nodes.featureCount} features`,
      );
    }
    ints[n] = pair * STRIDE;
    pair += 2;
    const missingLeft = Boolean(tree.missingLeft[node]);
    const categories = tree.categories.get(node);
    const set = categories === undefined ? -1 : sets.add(categories);
    if (set !== -1 && nodes.looksUp) {
      ints[n + 1] = ~slots.find(feature, false);
      ints[n + 2] = missingLeft ? 0 : STRIDE;
      ints[n + 3] = set;
      return;
    }
    // What is in the set goes right: its slot holds 1, not less than one half.
    const threshold = set === -1 ? tree.threshold[node]! : 0.5;
    ints[n + 1] = slots.find(feature, !missingLeft, set);
    if (!missingLeft) floats[n + 2] = nextUp(-threshold);
    // Nothing is less than NaN: all values go right, and only missing ones left.
    else floats[n + 2] = Number.isNaN(threshold) ? -Infinity : threshold;
  });
}

function inTree<Result>(t: number, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof TreeFault) throw new TreeFault(`tree ${t}: ${error.message}`);
    throw error;
  }
}

function joinVectors(trees: readonly TreeNodes[]): Float32Array {
  const size = trees.reduce((sum, tree) => sum + tree.vectors!.length, 0);
  const joined = new Float32Array(new SharedArrayBuffer(size * 4));
  let at = 0;
  for (const { vectors } of trees) {
    joined.set(vectors!, at);
    at += vectors!.length;
  }
  return joined;
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The least float32 greater than a float32; NaN when there is none. */
export function nextUp(value: number): number {
  if (value === Infinity) return Number.NaN;
  float[0] = value;
  if (value === 0) bits[0] = 1;
  else if (value > 0) bits[0]! += 1;
  else if (value < 0) bits[0]! -= 1;
  return float[0]!;
}
