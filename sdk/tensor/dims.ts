import { printCell } from "./cells.js";
import { countElements } from "./tensor.js";
import { TensorFault } from "./tensor-fault.js";

/** More dimensions than any model has; deeper lists are a mistake or an attack. */
export const MOST_DIMS = 32;

/** Dimensions or a declared shape for messages: `[2, any, 3]`. */
export function printDims(dims: readonly (number | null)[]): string {
  return `[${dims.map((size) => size ?? "any").join(", ")}]`;
}

const MOST_SHOWN = 8;

/** What came in place of dimensions; lists in it may be nested without end, and are not printed. */
function printSent(dims: unknown): string {
  if (!Array.isArray(dims)) return printCell(dims);
  const shown = dims.slice(0, MOST_SHOWN).map(printCell);
  return `[${[...shown, ...(dims.length > MOST_SHOWN ? ["…"] : [])].join(", ")}]`;
}

/**
 * Checks that dimensions are sizes whose product counts something.
 * @throws TensorFault
 */
export function checkDims(dims: unknown): asserts dims is readonly number[] {
  if (!Array.isArray(dims) || !dims.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new TensorFault("the shape is not a list of sizes", {
      expected: "whole numbers from 0 on, such as [1, 28, 28]",
      received: printSent(dims),
    });
  }
  if (dims.length > MOST_DIMS) {
    throw new TensorFault(`the shape has ${dims.length} dimensions`, {
      expected: `at most ${MOST_DIMS} dimensions`,
      received: `${dims.length} dimensions`,
    });
  }
  // A size 0 would hide the others, however large, from the product.
  if (Number.isSafeInteger(countElements(dims.filter((size) => size !== 0)))) return;
  throw new TensorFault(`the shape ${printDims(dims)} is larger than anything can be`, {
    received: printDims(dims),
  });
}

/** Whether dimensions are those of a declared shape, where `null` is any size. */
export function fitsShape(dims: readonly number[], shape: readonly (number | null)[]): boolean {
  return (
    dims.length === shape.length && shape.every((size, i) => size === null || size === dims[i])
  );
}

/**
 * Checks dimensions against a declared shape, where `null` is any size.
 * @throws TensorFault
 */
export function checkShape(dims: readonly number[], shape: readonly (number | null)[]): void {
  if (fitsShape(dims, shape)) return;
  throw new TensorFault(`the shape is ${printDims(dims)}, not ${printDims(shape)}`, {
    expected: printDims(shape),
    received: printDims(dims),
  });
}

/** A place in nested lists: `[2][0]`. */
export function printIndex(index: readonly number[]): string {
  return index.map((i) => `[${i}]`).join("");
}

/** The place in nested lists of an element in row-major order. */
export function printPlace(at: number, dims: readonly number[]): string {
  const index: number[] = [];
  let rest = at;
  for (let k = dims.length - 1; k >= 0; k -= 1) {
    index.unshift(rest % dims[k]!);
    rest = Math.floor(rest / dims[k]!);
  }
  return printIndex(index);
}
