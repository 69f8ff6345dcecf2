import { frameOf } from "../frame/lazy-data-frame.js";
import { isTypedArray } from "../tensor/tensor.js";
import type { ShapedElements } from "./output.js";

/**
 * The elements and dimensions of a TensorArray, of an object that has both, such as a tensor of a
 * model, or of a plain typed array, which has one dimension; `undefined` for other values.
 */
export function findShaped(value: unknown): ShapedElements | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  // To ask a DataFrame for its dimensions would load danfojs.
  if (!Array.isArray(value) && frameOf(value) !== undefined) return undefined;
  const { dims, data } = value as Partial<ShapedElements>;
  const isList = Array.isArray(value) || isTypedArray(value);
  if (!Array.isArray(dims)) {
    return isTypedArray(value) ? { data: value, dims: [value.length] } : undefined;
  }
  const elements = isList ? (value as ArrayLike<unknown>) : data;
  return Array.isArray(elements) || isTypedArray(elements) ? { data: elements, dims } : undefined;
}
