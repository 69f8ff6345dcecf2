import { toTensorArray, type TensorArray } from "../tensor/tensor-array.js";
import {
  countElements,
  createElements,
  sliceRows,
  type Tensor,
  type TensorType,
} from "../tensor/tensor.js";

/** A tensor for a handler, which may change it: a request can be asked for again. */
export function copyTensor({ type, dims, data }: Tensor): TensorArray {
  if (type === "string") return toTensorArray({ type, dims, data: [...(data as string[])] });
  // The `slice` of a Buffer would be a view.
  const copy = createElements(type, data.length) as Float64Array;
  copy.set(data as Float64Array);
  return toTensorArray({ type, dims, data: copy });
}

/**
 * The items of several tensors along one first dimension. Each tensor is one item of the shape, or
 * has a first dimension that counts its items.
 */
export function stackTensors(
  type: TensorType,
  shape: readonly number[],
  tensors: readonly Tensor[],
): TensorArray {
  const size = countElements(shape);
  const total = tensors.reduce((sum, { data }) => sum + data.length, 0);
  const dims = [total / size, ...shape];
  if (type === "string") {
    return toTensorArray({ type, dims, data: tensors.flatMap(({ data }) => data as string[]) });
  }
  const data = createElements(type, total) as Float64Array;
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data as Float64Array, at);
    at += tensor.data.length;
  }
  return toTensorArray({ type, dims, data });
}

/** The items of several tensors, each as a tensor of its own shape. */
export function listTensors(tensors: readonly Tensor[], many: boolean): TensorArray[] {
  if (!many) return tensors.map(copyTensor);
  return tensors.flatMap((tensor) =>
    Array.from({ length: tensor.dims[0]! }, (_, i) => {
      const row = sliceRows(tensor, i, i + 1);
      return copyTensor({ ...row, dims: row.dims.slice(1) });
    }),
  );
}
