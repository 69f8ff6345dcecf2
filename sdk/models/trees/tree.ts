/** Why nodes are no tree. */
export class TreeFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TreeFault";
  }
}

/** One decision tree as a file describes it: everything by the number of the node; 0 is the root. */
export interface TreeNodes {
  /** The child for `x < threshold` and for categories outside the node's set; -1 makes a leaf. */
  readonly left: ArrayLike<number>;
  readonly right: ArrayLike<number>;
  readonly feature: ArrayLike<number>;
  /** Rounded to float32, as the values that it is compared with. */
  readonly threshold: Float32Array;
  /** 1: a missing value goes left. */
  readonly missingLeft: ArrayLike<number | boolean>;
  /** The categories that go right, for the nodes that split on categories. */
  readonly categories: ReadonlyMap<number, ArrayLike<number>>;
  /** The value of a leaf, or, when leaves are vectors, where its vector begins in `vectors`. */
  readonly leaf: ArrayLike<number>;
  readonly vectors?: Float32Array;
  /** The output that the tree adds to. */
  readonly output: number;
}

/**
 * The nodes from the root down, level by level, the two children of a node side by side; nodes that
 * no path reaches (deleted ones) are left out.
 * @throws TreeFault when children are out of range or reached twice.
 */
export function orderNodes(
  { left, right }: Pick<TreeNodes, "left" | "right">,
  isLeftFirst: (node: number) => boolean,
): { order: number[]; depth: number } {
  const size = left.length;
  const seen = new Uint8Array(size);
  const order: number[] = [];
  const visit = (parent: number, child: number): void => {
    if (!(Number.isInteger(child) && child >= 0 && child < size)) {
      throw new TreeFault(`node ${parent} has the child ${child}, and there are ${size} nodes`);
    }
    if (seen[child] === 1) {
      throw new TreeFault(`node ${child} is the child of two nodes or of itself`);
    }
    seen[child] = 1;
    order.push(child);
  };
  if (size === 0) throw new TreeFault("there is no node");
  seen[0] = 1;
  order.push(0);
  let depth = 0;
  for (let at = 0, levelEnd = 1; at < order.length; at += 1) {
    if (at === levelEnd) {
      depth += 1;
      levelEnd = order.length;
    }
    const node = order[at]!;
    if (left[node] === -1) continue;
    const leftFirst = isLeftFirst(node);
    visit(node, leftFirst ? left[node]! : right[node]!);
    visit(node, leftFirst ? right[node]! : left[node]!);
  }
  return { order, depth };
}
