import { findClosestName, printNames } from "../core/closest-name.js";
import { fromDatatype, isDatatype } from "../tensor/datatype.js";
import { checkDims, checkShape, printDims, printPlace } from "../tensor/dims.js";
import { fromLittleEndian, sizeOfType } from "../tensor/little-endian.js";
import { printCell, toCellFault } from "../tensor/cells.js";
import { fromFlat, fromNested } from "../tensor/nested.js";
import { countElements, isTypedArray, type Tensor, type TensorType } from "../tensor/tensor.js";
import { TensorFault } from "../tensor/tensor-fault.js";
import { fromBase64 } from "./base64.js";

/** What every request of a tensor has to be. */
export interface TensorRule {
  readonly type: TensorType;
  /** `null` where any size will do; the first dimension counts the items where there are many. */
  readonly shape: readonly (number | null)[];
  readonly nonFinite: boolean;
}

const KEYS = ["data", "b64", "shape", "dtype"];

/**
 * A tensor from a JSON value: nested lists, `{ data, shape }` with nested or flat lists, or
 * `{ b64, shape }` with little-endian bytes.
 * @throws TensorFault
 */
export function readTensorValue(value: unknown, rule: TensorRule): Tensor {
  if (typeof value !== "object" || value === null || Array.isArray(value) || isTypedArray(value)) {
    return fromNested(value, rule.type, rule);
  }
  checkKeys(value);
  const { data, b64, shape, dtype } = value as Record<string, unknown>;
  if (dtype !== undefined) checkType(dtype, rule.type);
  if (shape !== undefined) checkClaim(shape, rule);
  if (b64 === undefined) return readData(data, shape as number[] | undefined, rule);
  if (typeof b64 !== "string") {
    throw new TensorFault(`b64 is ${printCell(b64)}, not text`, {
      path: "b64",
      expected: "base64",
    });
  }
  const bytes = fromBase64(b64);
  if (bytes === undefined) {
    throw new TensorFault("b64 is not base64", { path: "b64", expected: "base64" });
  }
  return readTensorBytes(bytes, shape as number[] | undefined, rule);
}

function checkKeys(value: object): void {
  const keys = Object.keys(value);
  const unknown = keys.find((key) => !KEYS.includes(key));
  if (unknown !== undefined) {
    const similar = findClosestName(unknown, KEYS);
    throw new TensorFault(`there is no field ${JSON.stringify(unknown.slice(0, 40))} in a tensor`, {
      expected: printNames(KEYS),
      hint:
        similar === undefined
          ? 'Send nested lists, { "data", "shape" } or { "b64", "shape", "dtype" }.'
          : `Did you mean ${JSON.stringify(similar)}?`,
    });
  }
  if (keys.includes("data") !== keys.includes("b64")) return;
  throw new TensorFault("a tensor has one of the fields data and b64", {
    expected: "nested lists, { data, shape } or { b64, shape, dtype }",
    received: keys.length === 0 ? "an object without fields" : `the fields ${printNames(keys)}`,
  });
}

function readData(data: unknown, claimed: number[] | undefined, rule: TensorRule): Tensor {
  const flat = Array.isArray(data) && !Array.isArray(data[0]);
  if (flat && claimed !== undefined) return fromFlat(data, rule.type, claimed, rule);
  const tensor = fromNested(data, rule.type, rule);
  if (claimed !== undefined) checkShape(tensor.dims, claimed);
  return tensor;
}

/**
 * A tensor from little-endian bytes. Without `claimed` dimensions, those of the rule are taken: one
 * of them may be free, and follows from the number of bytes.
 * @throws TensorFault
 */
export function readTensorBytes(
  bytes: Uint8Array,
  claimed: readonly number[] | undefined,
  rule: TensorRule,
): Tensor {
  const { type, shape, nonFinite } = rule;
  const size = sizeOfType(type);
  const dims = claimed ?? inferDims(size === undefined ? undefined : bytes.length / size, shape);
  const tensor = fromLittleEndian(bytes, type, dims);
  if (!nonFinite) refuseNonFinite(tensor);
  return tensor;
}

/**
 * The dimensions of so many elements, where a declared shape leaves at most one open.
 * @throws TensorFault
 */
export function inferDims(count: number | undefined, shape: TensorRule["shape"]): number[] {
  const fixed = shape.filter((size) => size !== null);
  if (fixed.length === shape.length) return fixed;
  const row = countElements(fixed);
  if (shape.length - fixed.length > 1 || count === undefined) {
    throw new TensorFault(`the shape is not said, and ${printDims(shape)} leaves it open`, {
      expected: printDims(shape),
      hint: 'Say it in the header X-Tensor-Shape, or in the field "shape".',
    });
  }
  if (count % row === 0) return shape.map((size) => size ?? count / row);
  throw new TensorFault(`${count} elements do not fill ${printDims(shape)}`, {
    expected: `a multiple of ${row} elements`,
    received: `${count} elements`,
  });
}

/** Refuses NaN and the infinities, which only bytes can bring. @throws TensorFault */
export function refuseNonFinite({ type, dims, data }: Tensor): void {
  if (type !== "float32" && type !== "float64") return;
  const floats = data as Float64Array;
  for (let at = 0; at < floats.length; at += 1) {
    if (Number.isFinite(floats[at])) continue;
    throw toCellFault(printPlace(at, dims), floats[at], "a finite number");
  }
}

/** Checks dimensions that a request claims. @throws TensorFault */
export function checkClaim(claimed: unknown, { shape }: TensorRule): void {
  checkDims(claimed);
  checkShape(claimed, shape);
}

/**
 * Checks an element type that a request names, as `float32` or as the Open Inference Protocol does.
 * @throws TensorFault
 */
export function checkType(named: unknown, type: TensorType): void {
  if (named === type) return;
  const upper = typeof named === "string" ? named.toUpperCase() : "";
  if (isDatatype(upper) && upper !== "FP16" && fromDatatype(upper) === type) return;
  const received = typeof named === "string" ? named.slice(0, 40) : printCell(named);
  throw new TensorFault(`the element type is ${received}, not ${type}`, {
    path: "dtype",
    expected: type,
    received,
  });
}

/** The dimensions in a header: `1,28,28`, also in brackets. @throws TensorFault */
export function readShapeHeader(text: string): number[] {
  const inside = text
    .trim()
    .replace(/^\[(.*)\]$/, "$1")
    .trim();
  if (inside === "") return [];
  const parts = inside.split(",").map((part) => part.trim());
  const sizes = parts.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : Number.NaN));
  if (!sizes.some(Number.isNaN)) return sizes;
  throw new TensorFault("the header X-Tensor-Shape is not a list of sizes", {
    expected: "whole numbers with commas, such as 1,28,28",
    received: text.slice(0, 60),
  });
}
