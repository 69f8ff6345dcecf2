import { createRequire } from "node:module";
import { inspect } from "node:util";
import { Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import type { Tfjs } from "../../sdk/models/tfjs-runtime.js";
import { createTensorArray, fromTensorArray } from "../../sdk/tensor/tensor-array.js";

const ELEMENTS = [
  Float32Array.of(1, 2, 3, 4, 5, 6),
  Float64Array.of(1, 2, 3, 4, 5, 6),
  Int32Array.of(1, 2, 3, 4, 5, 6),
  Uint8Array.of(1, 2, 3, 4, 5, 6),
  BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n),
  ["1", "2", "3", "4", "5", "6"],
  [true, false, true, false, true, false],
];

describe("a tensor of", () => {
  it.each(ELEMENTS.map((data) => [data.constructor.name, typeof data[0], data] as const))(
    "%s of %s has dimensions, rows and columns, and otherwise is its elements",
    (_name, _type, data) => {
      const plain = data.slice();
      const tensor = createTensorArray(data, [3, 2]);
      expect(tensor.dims).toEqual([3, 2]);
      expect(Array.from(tensor.row(1))).toEqual([plain[2], plain[3]]);
      expect(Array.from(tensor.column(1))).toEqual([plain[1], plain[3], plain[5]]);
      expect(tensor).toBe(data);
      expect(tensor.constructor).toBe(plain.constructor);
      expect(tensor).toStrictEqual(plain);
      expect(Object.keys(tensor)).toEqual(Object.keys(plain));
      expect(inspect(tensor)).toBe(inspect(plain));
      expect(structuredClone(tensor)).toStrictEqual(plain);
      // What is made of it has other dimensions, and does not claim to know them.
      expect("dims" in tensor.slice(1)).toBe(false);
      expect(fromTensorArray(tensor)).toEqual({ data: plain, dims: [3, 2] });
      expect(fromTensorArray(plain)).toBe(undefined);
    },
  );

  it("floats is taken by other libraries", () => {
    const tensor: unknown = createTensorArray(Float32Array.of(1, 2, 3, 4), [2, 2]);
    expect(new Tensor(tensor as Float32Array, [2, 2]).type).toBe("float32");
    const tf = createRequire(import.meta.url)("@tensorflow/tfjs") as Tfjs;
    const copy = tf.tensor(tensor, [2, 2], "float32").dataSync();
    expect(copy).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it("any kind says which row or column is not there", () => {
    const tensor = createTensorArray(Float32Array.of(1, 2), [1, 2]);
    expect(() => tensor.row(1)).toThrow("There is no row 1: the tensor has 1 rows");
    expect(() => tensor.column(2)).toThrow("There is no column 2: a row has 2 elements");
  });
});
