import { orderNodes, TreeFault, type TreeNodes } from "./tree.js";

/**
 * Trees in one block of memory, made for walking. A node takes four words of 32 bits, at
 * `STRIDE · number`:
 *
 * - `ints[n]`: where the first of its two children begins, the second follows it; a leaf's own place
 * - `ints[n + 1]`: the slot of a row that it looks at, or `~slot` when it splits on categories
 * - `floats[n + 2]`: a value at or above goes to the second child. NaN in a leaf, which keeps a walk
 *   there. For categories, `ints[n + 2]`: the step for a missing value.
 * - `floats[n + 3]`: a leaf's value. `ints[n + 3]`: where its vector begins, or, for categories,
 *   which of the sets is the node's.
 *
 * A comparison with NaN is false, so a missing value goes to the first child: for nodes that send
 * missing values right the children are exchanged and the test turned around, `-x >= next(-t)`,
 * which is `x < t`. Hence the slots: a feature, as it is or negated.
 */
export interface Forest {
  readonly ints: Int32Array;
  readonly floats: Float32Array;
  readonly roots: Int32Array;
  readonly depths: Int32Array;
  /** The output that each tree adds to. */
  readonly outputs: Int32Array;
  /** 1: neither categories nor so deep that a walk of fixed length would be wasted. */
  readonly plain: Uint8Array;
  readonly slots: Slots;
  /** Sets of categories as bits: where each begins in `words`, and, one further, where it ends. */
  readonly sets: Int32Array;
  readonly words: Uint32Array;
  /** The number of a node in its tree, by its number here. */
  readonly nodeIds: Int32Array;
  readonly vectors?: Float32Array;
}

/** What a row must have to be walked with: the values of features, some of them negated. */
export interface Slots {
  readonly features: Int32Array;
  /** 1, or -1 for the negated value. */
  readonly signs: Float32Array;
}

export const STRIDE = 4;
const DEEPEST_PLAIN = 12;

/** Categories are smaller: a float32 holds no odd number beyond. */
export const CATEGORY_LIMIT = 1 << 24;

/** @throws TreeFault, naming the tree, for nodes that are no tree or features that do not exist. */
export function createForest(trees: readonly TreeNodes[], featureCount: number): Forest {
  const orders = trees.map((tree, t) =>
    inTree(t, () => orderNodes(tree, (node) => isLeftFirst(tree, node))),
  );
  const total = orders.reduce((sum, { order }) => sum + order.length, 0);
  const memory = new ArrayBuffer(total * STRIDE * 4);
  const nodes: Nodes = {
    ints: new Int32Array(memory),
    floats: new Float32Array(memory),
    slots: new SlotList(),
    sets: new SetList(),
    featureCount,
  };
  const roots = new Int32Array(trees.length);
  const nodeIds = new Int32Array(total);
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
    plain: Uint8Array.from(trees, ({ categories }, t) =>
      categories.size > 0 || orders[t]!.depth > DEEPEST_PLAIN ? 0 : 1,
    ),
    slots: nodes.slots.finish(),
    ...nodes.sets.finish(),
    nodeIds,
    ...(vectors && { vectors }),
  };
}

interface Nodes extends Pick<Forest, "ints" | "floats"> {
  slots: SlotList;
  sets: SetList;
  featureCount: number;
}

interface Placed {
  tree: TreeNodes;
  order: readonly number[];
  start: number;
  vectorStart: number;
}

function isLeftFirst({ categories, missingLeft }: TreeNodes, node: number): boolean {
  return categories.has(node) || Boolean(missingLeft[node]);
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
    if (categories !== undefined) {
      ints[n + 1] = ~slots.find(feature, false);
      ints[n + 2] = missingLeft ? 0 : STRIDE;
      ints[n + 3] = sets.add(categories);
      return;
    }
    const threshold = tree.threshold[node]!;
    ints[n + 1] = slots.find(feature, !missingLeft);
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
  const joined = new Float32Array(trees.reduce((sum, tree) => sum + tree.vectors!.length, 0));
  let at = 0;
  for (const { vectors } of trees) {
    joined.set(vectors!, at);
    at += vectors!.length;
  }
  return joined;
}

class SlotList {
  readonly #places = new Map<number, number>();
  readonly #features: number[] = [];
  readonly #signs: number[] = [];

  find(feature: number, negated: boolean): number {
    const key = feature * 2 + Number(negated);
    let slot = this.#places.get(key);
    if (slot === undefined) {
      slot = this.#features.push(feature) - 1;
      this.#signs.push(negated ? -1 : 1);
      this.#places.set(key, slot);
    }
    return slot;
  }

  finish(): Slots {
    // A leaf reads slot 0 without using it.
    if (this.#features.length === 0) this.find(0, false);
    return {
      features: Int32Array.from(this.#features),
      signs: Float32Array.from(this.#signs),
    };
  }
}

class SetList {
  readonly #starts: number[] = [0];
  readonly #words: number[] = [];

  add(categories: ArrayLike<number>): number {
    let most = -1;
    for (let i = 0; i < categories.length; i += 1) {
      const category = categories[i]!;
      if (!(Number.isInteger(category) && category >= 0 && category < CATEGORY_LIMIT)) {
        throw new TreeFault(`${category} is no category`);
      }
      most = Math.max(most, category);
    }
    const start = this.#words.length;
    for (let word = 0; word <= most >> 5; word += 1) this.#words.push(0);
    for (let i = 0; i < categories.length; i += 1) {
      const category = categories[i]!;
      this.#words[start + (category >> 5)]! |= 1 << (category & 31);
    }
    return this.#starts.push(this.#words.length) - 2;
  }

  finish(): Pick<Forest, "sets" | "words"> {
    return { sets: Int32Array.from(this.#starts), words: Uint32Array.from(this.#words) };
  }
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
