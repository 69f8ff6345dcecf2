import * as fc from "fast-check";
import {
  countElements,
  createElements,
  type Tensor,
  type TensorType,
} from "../../sdk/tensor/tensor.js";

export const TENSOR_TYPES = [
  "float32",
  "float64",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
  "string",
] as const satisfies readonly TensorType[];

function elementOf(type: TensorType, nonFinite: boolean): fc.Arbitrary<unknown> {
  const finite = { noNaN: !nonFinite, noDefaultInfinity: !nonFinite };
  switch (type) {
    case "float32":
      return fc.float(finite);
    case "float64":
      return fc.double(finite);
    case "int64":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case "uint64":
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case "bool":
      return fc.nat({ max: 1 });
    case "string":
      // Half a surrogate pair is no text that UTF-8 could write.
      return fc.string({ unit: "grapheme", maxLength: 5 });
    default: {
      const bits = Number(type.replace(/^\D+/, ""));
      const low = type.startsWith("u") ? 0 : -(2 ** (bits - 1));
      return fc.integer({ min: low, max: low + 2 ** bits - 1 });
    }
  }
}

/** Tensors of a type with 0 to 3 dimensions, each of at most 4. */
export function tensorOf(
  type: TensorType,
  { dims, nonFinite = false }: { dims?: readonly number[]; nonFinite?: boolean } = {},
): fc.Arbitrary<Tensor> {
  const shapes =
    dims === undefined
      ? fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 })
      : fc.constant(dims);
  return shapes.chain((dims) => {
    const length = countElements(dims);
    return fc
      .array(elementOf(type, nonFinite), { minLength: length, maxLength: length })
      .map((values) => {
        const data = createElements(type, length);
        values.forEach((value, i) => (data[i] = value as never));
        return { type, dims, data };
      });
  });
}

export const anyTensor = fc.constantFrom(...TENSOR_TYPES).chain((type) => tensorOf(type));
