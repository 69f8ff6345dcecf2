import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { DATATYPES, fromDatatype, isDatatype, toDatatype } from "../../sdk/tensor/datatype.js";
import { checkDims } from "../../sdk/tensor/dims.js";
import {
  fromFloat16,
  fromFloat16Bytes,
  toFloat16,
  toFloat16Bytes,
} from "../../sdk/tensor/float16.js";
import { fromLittleEndian, sizeOfType, toLittleEndian } from "../../sdk/tensor/little-endian.js";
import { fromFlat, fromNested } from "../../sdk/tensor/nested.js";
import { toFlatJson, toNested, toNestedJson } from "../../sdk/tensor/print-nested.js";
import { createTensorArray, toTensorArray } from "../../sdk/tensor/tensor-array.js";
import { TensorFault, toTensorError } from "../../sdk/tensor/tensor-fault.js";
import type { TensorType } from "../../sdk/tensor/tensor.js";
import { anyTensor, TENSOR_TYPES, tensorOf } from "./arbitrary.js";

function faultOf(run: () => unknown): TensorFault {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(TensorFault);
    return error as TensorFault;
  }
  throw new Error("nothing was refused");
}

describe("nested lists", () => {
  it("give back the tensor that was printed, for all types", () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const { type, dims } = tensor;
        const value: unknown = JSON.parse(toNestedJson(tensor));
        expect(fromNested(value, type)).toEqual(tensor);
        expect(fromNested(value, type, { shape: dims })).toEqual(tensor);
        expect(fromNested(toNested(tensor), type)).toEqual(tensor);
        expect(fromFlat(JSON.parse(toFlatJson(tensor)) as unknown[], type, dims)).toEqual(tensor);
      }),
    );
  });

  it.each(["float32", "float64"] as const)("carry NaN and the infinities of %s as text", (type) => {
    fc.assert(
      fc.property(tensorOf(type, { nonFinite: true }), (tensor) => {
        const value: unknown = JSON.parse(toNestedJson(tensor, { nonFinite: "text" }));
        expect(fromNested(value, type, { nonFinite: true })).toEqual(tensor);
        JSON.parse(toNestedJson(tensor));
      }),
    );
  });

  it("take the elements of typed arrays and TensorArrays as lists", () => {
    const expected = {
      type: "float32",
      dims: [2, 1, 2],
      data: Float32Array.of(1, 2, 3, 4),
    };
    const rows = [Float64Array.of(1, 2), Float32Array.of(3, 4)];
    expect(fromNested([[rows[0]], [rows[1]]], "float32")).toEqual(expected);
    const items = rows.map((row) => createTensorArray(row, [1, 2]));
    expect(fromNested(items, "float32")).toEqual(expected);
    const whole = createTensorArray(Float32Array.of(1, 2, 3, 4), [2, 1, 2]);
    expect(fromNested(whole, "float32", { shape: [null, 1, 2] })).toEqual(expected);
    expect(fromNested(createTensorArray(Float32Array.of(7), []), "float32").dims).toEqual([]);
  });

  it("have no more elements than their empty lists, whatever the shape says of the rest", () => {
    expect(fromNested([], "int8", { shape: [null, 10 ** 12] }).dims).toEqual([0, 10 ** 12]);
    expect(fromNested([[]], "int8").dims).toEqual([1, 0]);
  });

  it.each<[unknown, TensorType, (number | null)[] | undefined, string]>([
    [
      [[[1, 2, 3, 4]], [[1, 2, 3, 4]], [[1, 2, 3]]],
      "float32",
      undefined,
      "[2][0] has 3 numbers, not 4",
    ],
    [[[1], 2], "float32", undefined, "[1] is number 2, not a list of 1 number"],
    [[1, [2]], "float32", undefined, "[1] is array of 1, not a number"],
    [[[1, 2]], "float32", [2, 2], "the outer list has 1 list, not 2"],
    [[[1, 2, 3]], "float32", [null, 2], "[0] has 3 numbers, not 2"],
    [7, "float32", [1], "the value is number 7, not a list of 1 number"],
    [[7], "float32", [], "the value is array of 1, not a number"],
    [[[1, null]], "float32", undefined, "[0][1] is null, not a number"],
    [["NaN"], "float32", undefined, '[0] is string "NaN", not a number'],
    [
      [0, 1e39],
      "float32",
      undefined,
      "[1] is number 1e+39, not a number of float32, at most 3.4028234663852886e+38",
    ],
    [[0, Infinity], "float64", undefined, "[1] is number Infinity, not a finite number"],
    [[[0], [256]], "uint8", undefined, "[1][0] is number 256, not a whole number from 0 to 255"],
    [
      [0.5],
      "int32",
      undefined,
      "[0] is number 0.5, not a whole number from -2147483648 to 2147483647",
    ],
    [
      [2 ** 53],
      "int64",
      undefined,
      "[0] is number 9007199254740992, not a whole number of 64 bits; beyond 2^53 as decimal text",
    ],
    [
      ["9223372036854775808"],
      "int64",
      undefined,
      '[0] is string "9223372036854775808", not a whole number of 64 bits',
    ],
    [["-1"], "uint64", undefined, '[0] is string "-1", not a whole number of 64 bits from 0 on'],
    [["0x10"], "int64", undefined, '[0] is string "0x10", not a whole number of 64 bits'],
    [[1], "bool", undefined, "[0] is number 1, not true or false"],
    [[[{}]], "string", undefined, "[0][0] is object, not a string"],
    [[[true], [true, false]], "bool", undefined, "[1] has 2 booleans, not 1"],
  ])("refuse %j as %s %j", (value, type, shape, message) => {
    expect(faultOf(() => fromNested(value, type, { ...(shape && { shape }) })).message).toBe(
      message,
    );
  });

  it("refuse lists that are nested without end", () => {
    let value: unknown = 1;
    for (let i = 0; i < 100_000; i += 1) value = [value];
    expect(faultOf(() => fromNested(value, "float32")).message).toContain("more than 32 deep");
  });

  it("allocate nothing for lists that claim more than they hold", () => {
    const row = Array.from({ length: 1000 }, () => 0);
    const claims = [[row, ...row.map(() => [])], ...row.map(() => [])];
    // The first lists claim 10^9 elements.
    expect(faultOf(() => fromNested(claims, "float64")).message).toBe(
      "[0][1] has 0 numbers, not 1000",
    );
  });

  it("refuse a flat list that is shorter than its shape", () => {
    expect(faultOf(() => fromFlat([1, 2, 3], "int8", [2, 2])).message).toBe(
      "the shape [2, 2] has 4 numbers, and 3 came",
    );
  });
});

describe("little-endian bytes", () => {
  it("give back the tensor that was written, for all types", () => {
    fc.assert(
      fc.property(anyTensor, fc.nat({ max: 9 }), (tensor, start) => {
        const bytes = toLittleEndian(tensor);
        const shifted = Buffer.concat([Buffer.alloc(start), bytes]).subarray(start);
        expect(fromLittleEndian(shifted, tensor.type, tensor.dims)).toEqual(tensor);
        const size = sizeOfType(tensor.type);
        if (size !== undefined) expect(bytes.length).toBe(size * tensor.data.length);
      }),
    );
  });

  it("are written as the formats say", () => {
    const bytes = (tensor: Parameters<typeof toLittleEndian>[0]): number[] => [
      ...toLittleEndian(tensor),
    ];
    expect(bytes({ type: "int32", dims: [1], data: Int32Array.of(-2) })).toEqual([
      254, 255, 255, 255,
    ]);
    expect(bytes({ type: "float32", dims: [1], data: Float32Array.of(1) })).toEqual([
      0, 0, 128, 63,
    ]);
    expect(bytes({ type: "string", dims: [2], data: ["é", ""] })).toEqual([
      2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0,
    ]);
  });

  it("are copied, both ways", () => {
    const tensor = { type: "uint8", dims: [2], data: Uint8Array.of(1, 2) } as const;
    const bytes = toLittleEndian(tensor);
    bytes[0] = 9;
    expect(tensor.data[0]).toBe(1);
    const read = fromLittleEndian(bytes, "uint8", [2]);
    bytes[0] = 7;
    expect(read.data[0]).toBe(9);
  });

  it.each<[number[], TensorType, number[], string]>([
    [[0, 0, 0], "float32", [1], "float32 [1] takes 4 bytes, and 3 came"],
    [[], "float64", [1024, 1024, 1024, 1024], "takes 8796093022208 bytes, and 0 came"],
    [[], "int8", [2 ** 52, 2 ** 52], "is larger than anything can be"],
    [[], "int8", [0, 2 ** 52, 2 ** 52], "is larger than anything can be"],
    [[], "int8", [-1], "the shape is not a list of sizes"],
    [[1, 2], "bool", [2], "[1] is the byte 2, and a boolean is 0 or 1"],
    [[5, 0, 0, 0, 65], "string", [1], "the bytes end inside of string [0]"],
    [[5, 0], "string", [1], "the bytes end inside of string [0]"],
    [[0, 0, 0, 0], "string", [2], "the bytes hold 1 strings, not 2"],
    [[0, 0, 0, 0, 0, 0, 0, 0], "string", [1], "the bytes hold more than 1 strings"],
    [[1, 0, 0, 0, 255], "string", [1], "the string [0] is not UTF-8"],
  ])("refuse %j as %s %j", (bytes, type, dims, message) => {
    const fault = faultOf(() => fromLittleEndian(Uint8Array.from(bytes), type, dims));
    expect(fault.message).toContain(message);
  });

  it("take little memory for millions of empty strings", () => {
    const count = 3_000_000;
    const before = process.resourceUsage().maxRSS;
    const { data } = fromLittleEndian(new Uint8Array(count * 4), "string", [count]);
    expect(data).toHaveLength(count);
    expect((data as string[]).every((text) => text === "")).toBe(true);
    // In KiB.
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024);
  });
});

describe("halves", () => {
  it("keep every bit pattern there is", () => {
    const wrong = Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => {
      const value = fromFloat16(bits);
      const nan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      return nan ? !Number.isNaN(value) : toFloat16(value) !== bits;
    });
    expect(wrong).toEqual([]);
  });

  it("take the nearest half, and of two the even one", () => {
    fc.assert(
      fc.property(fc.double({ min: -70_000, max: 70_000, noNaN: true }), (value) => {
        const bits = toFloat16(value);
        const half = fromFloat16(bits);
        if (!Number.isFinite(half)) {
          expect(Math.abs(value)).toBeGreaterThanOrEqual(65_520);
          return;
        }
        for (const other of [bits - 1, bits + 1]) {
          if (other < 0 || other > 0xffff || (other & 0x7c00) === 0x7c00) continue;
          const distance = Math.abs(fromFloat16(other) - value);
          expect(Math.abs(half - value)).toBeLessThanOrEqual(distance);
        }
      }),
    );
    // 2049 lies between 2048 and 2050, 2051 between 2050 and 2052.
    expect([2049, 2051].map((value) => fromFloat16(toFloat16(value)))).toEqual([2048, 2052]);
    expect(fromFloat16(toFloat16(65_519))).toBe(65_504);
    expect(fromFloat16(toFloat16(-65_520))).toBe(-Infinity);
    expect(toFloat16(-0)).toBe(0x8000);
  });

  it("are two bytes each, little-endian", () => {
    const bytes = toFloat16Bytes([1, -2]);
    expect([...bytes]).toEqual([0x00, 0x3c, 0x00, 0xc0]);
    const shifted = Buffer.concat([Buffer.alloc(1), bytes]).subarray(1);
    expect(fromFloat16Bytes(shifted)).toEqual(Float32Array.of(1, -2));
  });
});

describe("datatypes", () => {
  it("name every element type, and no other", () => {
    for (const type of TENSOR_TYPES) {
      const datatype = toDatatype(type);
      expect(isDatatype(datatype)).toBe(true);
      expect(fromDatatype(datatype)).toBe(type);
    }
    expect(new Set(DATATYPES).size).toBe(TENSOR_TYPES.length + 1);
    expect(fromDatatype("FP16")).toBe("float32");
    expect(["constructor", "fp32", "", 3, null].some(isDatatype)).toBe(false);
  });
});

describe("a TensorArray of a tensor", () => {
  it("has its elements, its dimensions and its type", () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const array = toTensorArray(tensor);
        expect(array.dims).toEqual(tensor.dims);
        expect(fromNested(array, tensor.type)).toEqual(tensor);
      }),
    );
  });
});

describe("a fault", () => {
  it("becomes an error of the catalogue that says where it lies", () => {
    const fault = faultOf(() => fromNested([["x"]], "int8"));
    const error = toTensorError("OUTPUT_INVALID", "The output is not valid", fault) as EkibenError;
    expect(error).toBeInstanceOf(EkibenError);
    expect(error.code).toBe("OUTPUT_INVALID");
    expect(error.message).toBe(
      'The output is not valid: [0][0] is string "x", not a whole number from -128 to 127.',
    );
    expect(error.facts.issues).toEqual([
      {
        message: '[0][0] is string "x", not a whole number from -128 to 127',
        path: "[0][0]",
        expected: "a whole number from -128 to 127",
        received: 'string "x"',
      },
    ]);
  });

  it("is told from any other error, which is left as it is", () => {
    const error = new RangeError("other");
    expect(toTensorError("INPUT_INVALID", "The body", error)).toBe(error);
  });

  it("tells of a shape that is nested without end", () => {
    let nested: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) nested = [nested];
    const fault = faultOf(() => checkDims([2, nested, "x".repeat(100), null, {}]));
    expect(fault.message).toBe("the shape is not a list of sizes");
    expect(fault.facts.received).toMatch(
      /^\[number 2, array of 1, string "x{40}…", null, object\]$/,
    );
    const long = faultOf(() => checkDims(Array.from({ length: 1000 }, () => "a")));
    expect(long.facts.received!.length).toBeLessThan(200);
  });

  it("names a shape that has too many dimensions", () => {
    const dims = Array.from({ length: 33 }, () => 1);
    expect(faultOf(() => checkDims(dims)).message).toBe("the shape has 33 dimensions");
  });
});
