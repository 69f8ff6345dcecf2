import {
  countElements,
  createElements,
  sliceRows,
  type NumberArray,
  type Tensor,
  type TensorElements,
} from "../tensor/tensor.js";

/** Tensors of one shape but for their rows, one below the other. */
export function stackRows(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (tensors.length === 1) return first!;
  const { type, dims } = first!;
  const rows = tensors.reduce((sum, tensor) => sum + tensor.dims[0]!, 0);
  const joined = [rows, ...dims.slice(1)];
  const data = createElements(type, countElements(joined));
  let at = 0;
  for (const tensor of tensors) {
    place(data, tensor.data, at);
    at += tensor.data.length;
  }
  return { type, dims: joined, data };
}

/** Some rows of a tensor in the order of their list; a view where they follow each other. */
export function takeRows(tensor: Tensor, rows: readonly number[]): Tensor {
  const [first] = rows;
  if (rows.every((row, i) => row === first! + i)) {
    return sliceRows(tensor, first!, first! + rows.length);
  }
  return stackRows(rows.map((row) => sliceRows(tensor, row, row + 1)));
}

/** Elements of one list into another from `at` on. */
export function place(target: TensorElements, source: TensorElements, at: number): void {
  if (!Array.isArray(target)) (target as NumberArray).set(source as NumberArray, at);
  else for (let i = 0; i < source.length; i += 1) target[at + i] = source[i] as string;
}

/**
 * A tensor in the upper left corner of a larger one, which begins at `at` of its list; the elements
 * around it stay as they are. Both have as many dimensions.
 */
export function placeCorner(
  target: { data: TensorElements; dims: readonly number[]; at: number },
  source: Pick<Tensor, "data" | "dims">,
): void {
  const rank = source.dims.length;
  const copy = (axis: number, from: number, to: number): void => {
    if (axis >= rank - 1) {
      const length = rank === 0 ? 1 : source.dims[axis]!;
      const row = source.data.slice(from, from + length) as TensorElements;
      place(target.data, row, to);
      return;
    }
    const step = countElements(source.dims.slice(axis + 1));
    const stride = countElements(target.dims.slice(axis + 1));
    for (let i = 0; i < source.dims[axis]!; i += 1)
      copy(axis + 1, from + i * step, to + i * stride);
  };
  copy(0, 0, target.at);
}
