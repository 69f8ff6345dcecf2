import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import type { EncodedBody, Input, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { tensor, type TensorOptions } from "../../sdk/inputs/tensor.js";
import { toLittleEndian } from "../../sdk/tensor/little-endian.js";
import { fromNested } from "../../sdk/tensor/nested.js";
import { toFlatJson, toNested, toNestedJson } from "../../sdk/tensor/print-nested.js";
import {
  createTensorArray,
  toTensorArray,
  type TensorArray,
} from "../../sdk/tensor/tensor-array.js";
import type { Tensor } from "../../sdk/tensor/tensor.js";
import { describeInput } from "../contracts/input.js";
import { anyTensor, tensorOf } from "../tensor/arbitrary.js";

const define = tensor as (options: TensorOptions) => Input;

function jsonBody(value: unknown): RequestBody {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return { bytes: Buffer.from(text), ...parseMediaType("application/json") };
}

function toBody({ bytes, mediaType, headers }: EncodedBody): RequestBody {
  return { bytes, ...parseMediaType(mediaType), headers: new Headers(headers) };
}

function rawBody(bytes: Uint8Array, headers: Record<string, string> = {}): RequestBody {
  const head = parseMediaType("application/octet-stream");
  return { bytes, ...head, headers: new Headers(headers) };
}

function parse(input: Input, body: RequestBody): Payload {
  return input.parse(body) as Payload;
}

function errorOf(run: () => unknown): EkibenError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(EkibenError);
    return error as EkibenError;
  }
  throw new Error("nothing was refused");
}

/** The rows of a stacked tensor, as tensors that can be compared. */
function rowsOf(argument: unknown): unknown[] {
  const stack = argument as TensorArray;
  const dims = stack.dims.slice(1);
  return Array.from({ length: stack.dims[0]! }, (_, i) =>
    createTensorArray(stack.row(i).slice() as never, dims),
  );
}

const broken = [
  jsonBody("[[1, 2], [3"),
  jsonBody([[1, 2], [3]]),
  jsonBody([
    [1, "2"],
    [3, 4],
  ]),
  jsonBody({ data: [1, 2, 3, 4] }),
  jsonBody({ b64: "!!!!", shape: [2, 2] }),
  jsonBody(null),
  rawBody(Buffer.alloc(3), { "x-tensor-shape": "2,2" }),
  rawBody(Buffer.alloc(16), { "x-tensor-dtype": "int32" }),
  { bytes: Buffer.from([0xff]), ...parseMediaType("application/json") },
];

const square = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [-0.5, 0],
    [1e-7, 9],
  ],
];

describeInput("tensor of one item", () => ({
  input: tensor({ shape: [2, 2], dtype: "float32" }),
  samples: square,
  itemsOf: rowsOf,
  broken,
}));

describeInput("tensor of many items", () => ({
  input: tensor({ shape: [2], dtype: "float32", many: true }),
  samples: [...square, [[7, 8]], []],
  itemsOf: rowsOf,
  broken: [...broken, rawBody(Buffer.alloc(12))],
}));

describeInput("tensor of free size", () => ({
  input: tensor({ shape: [null, 2], dtype: "float64" }),
  samples: [...square, [[7, 8]], []],
  itemsOf: (argument) => argument as unknown[],
  broken,
}));

describeInput("tensor of many items of free size", () => ({
  input: tensor({ shape: [null], dtype: "int16", many: true }),
  samples: [[[1, 2, 3]], [[4], [5]]],
  itemsOf: (argument) => {
    if (Array.isArray(argument)) return argument as unknown[];
    return rowsOf(argument);
  },
  broken,
}));

describeInput("tensor of strings", () => ({
  input: tensor({ shape: [2], dtype: "string" }),
  samples: [
    ["a", ""],
    ["駅弁", "\u0000"],
  ],
  itemsOf: rowsOf,
  broken: [jsonBody(["a"]), jsonBody(["a", 1])],
}));

/** The bodies in which one tensor can come. */
function bodiesOf(made: Tensor): RequestBody[] {
  const { type, dims } = made;
  const b64 = Buffer.from(toLittleEndian(made)).toString("base64");
  return [
    jsonBody(toNestedJson(made)),
    jsonBody(`{"data":${toNestedJson(made)},"shape":[${dims.join()}],"dtype":"${type}"}`),
    jsonBody({ b64, shape: dims, dtype: type }),
    jsonBody({ b64, shape: dims }),
    jsonBody({ b64 }),
    rawBody(toLittleEndian(made), {
      "x-tensor-shape": dims.join(","),
      "x-tensor-dtype": type,
    }),
    rawBody(toLittleEndian(made)),
    ...(dims.length === 0
      ? []
      : [jsonBody(`{"shape":[${dims.join()}],"data":${toFlatJson(made)}}`)]),
  ];
}

describe("a tensor that comes", () => {
  it("is the tensor that was written, in every form and of every type", () => {
    fc.assert(
      fc.property(anyTensor, (made) => {
        const input = define({ shape: made.dims, dtype: made.type });
        const expected = toTensorArray(made);
        for (const body of [
          ...bodiesOf(made),
          toBody(input.encode(expected)),
          toBody(input.encode(toNested(made))),
        ]) {
          const argument = input.toArgument(parse(input, body)) as TensorArray;
          expect(argument).toEqual(expected);
          expect(argument.dims).toEqual(made.dims);
          expect(argument.constructor).toBe(expected.constructor);
        }
        for (const dims of [made.dims, [1, ...made.dims]]) {
          const payload = input.parseTensors!([{ ...made, dims, name: "x" }]) as Payload;
          expect(input.toArgument(payload)).toEqual(expected);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("is the same alone and in a batch, whatever shared it", () => {
    fc.assert(
      fc.property(
        fc.array(tensorOf("float64", { dims: [2, 3] }), { minLength: 1, maxLength: 5 }),
        (made) => {
          const input = tensor({ shape: [2, 3], dtype: "float64" });
          const payloads = made.map((one, i) => {
            const bodies = bodiesOf(one);
            return parse(input, bodies[i % bodies.length]!);
          });
          const stack = input.merge(payloads);
          expect(stack.dims).toEqual([made.length, 2, 3]);
          expect(rowsOf(stack)).toEqual(payloads.map((payload) => input.toArgument(payload)));
        },
      ),
    );
  });

  it("may hold NaN and infinities where the author says so", () => {
    fc.assert(
      fc.property(tensorOf("float32", { dims: [4], nonFinite: true }), (made) => {
        const input = define({ shape: [4], dtype: "float32", nonFinite: true });
        const bodies = [
          jsonBody(toNestedJson(made, { nonFinite: "text" })),
          rawBody(toLittleEndian(made)),
          toBody(input.encode(toTensorArray(made))),
        ];
        for (const body of bodies) {
          expect(input.toArgument(parse(input, body))).toEqual(made.data);
        }
      }),
    );
    const input = tensor({ shape: [2], dtype: "float32", nonFinite: true });
    expect(input.toArgument(parse(input, jsonBody([null, 1])))).toEqual(
      Float32Array.of(Number.NaN, 1),
    );
  });

  it("has a free size from the number of its bytes, when one alone is free", () => {
    const input = tensor({ shape: [null, 2], dtype: "uint8" });
    const payload = parse(input, rawBody(Buffer.from([1, 2, 3, 4, 5, 6])));
    expect(input.toArgument(payload).dims).toEqual([3, 2]);
    const many = tensor({ shape: [2], dtype: "uint8", many: true });
    expect(parse(many, rawBody(Buffer.from([1, 2, 3, 4]))).items).toBe(2);
  });

  it("is never padded to the shape of another", () => {
    const input = tensor({ shape: [null], dtype: "int32" });
    const merged = input.merge([parse(input, jsonBody([1, 2, 3])), parse(input, jsonBody([4]))]);
    expect(merged).toEqual([Int32Array.of(1, 2, 3), Int32Array.of(4)]);
    expect(merged.map((one) => one.dims)).toEqual([[3], [1]]);
  });

  it("holds integers of 64 bits as bigints, from integers and decimal text", () => {
    const input = tensor({ shape: [3], dtype: "uint64" });
    const payload = parse(input, jsonBody('[1, "18446744073709551615", 9007199254740991]'));
    expect(input.toArgument(payload)).toEqual(
      BigUint64Array.of(1n, 18_446_744_073_709_551_615n, 9_007_199_254_740_991n),
    );
  });

  it("is encoded from a flat typed array of the declared shape", () => {
    const input = tensor({ shape: [2, 2], dtype: "float32" });
    const { bytes } = input.encode(Float64Array.of(1, 2, 3, 0.5));
    expect(Buffer.from(bytes).toString()).toBe("[[1,2],[3,0.5]]");
    const many = tensor({ shape: [2], dtype: "float32", many: true });
    expect(Buffer.from(many.encode(Float32Array.of(1, 2, 3, 4)).bytes).toString()).toBe(
      "[[1,2],[3,4]]",
    );
  });

  it("may be sent as one of the objects of JSON too", () => {
    const input = define({ shape: [2], dtype: "uint8" });
    const body = toBody(input.encode({ b64: "AQI=" }));
    expect(input.toArgument(parse(input, body))).toEqual(Uint8Array.of(1, 2));
  });
});

describe("a tensor that is refused", () => {
  const image = define({ shape: [2, 2], dtype: "float32" });
  const bytes = define({ shape: [null, null], dtype: "uint8" });
  it.each<[string, Input, RequestBody, string]>([
    ["a ragged list", image, jsonBody([[1, 2], [3]]), "[1] has 1 number, not 2"],
    [
      "a wrong type",
      image,
      jsonBody([
        [1, 2],
        [3, null],
      ]),
      "[1][1] is null, not a number",
    ],
    [
      "another shape",
      image,
      jsonBody({ data: [1, 2], shape: [2] }),
      "the shape is [2], not [2, 2]",
    ],
    [
      "a shape that is none",
      image,
      jsonBody({ data: [1], shape: "2,2" }),
      "the shape is not a list of sizes",
    ],
    [
      "a shape that its lists do not have",
      define({ shape: [null], dtype: "int8" }),
      jsonBody({ data: [1, 2], shape: [3] }),
      "the shape [3] has 3 numbers, and 2 came",
    ],
    [
      "flat data without its shape",
      image,
      jsonBody({ data: [1, 2, 3, 4] }),
      "the outer list has 4 lists, not 2",
    ],
    [
      "a field that there is not",
      image,
      jsonBody({ data: [], dims: [] }),
      'there is no field "dims" in a tensor',
    ],
    ["a misspelt field", image, jsonBody({ data: [], shap: [] }), 'Did you mean "shape"?'],
    [
      "an object without data",
      image,
      jsonBody({ shape: [2, 2] }),
      "a tensor has one of the fields data and b64",
    ],
    [
      "two data",
      image,
      jsonBody({ data: [], b64: "" }),
      "a tensor has one of the fields data and b64",
    ],
    [
      "an element type",
      image,
      jsonBody({ data: [], dtype: "int8" }),
      "the element type is int8, not float32",
    ],
    ["base64 that is none", image, jsonBody({ b64: "AQI=AQ*=" }), "b64 is not base64"],
    [
      "base64 of too few bytes",
      image,
      jsonBody({ b64: "AQI=" }),
      "float32 [2, 2] takes 16 bytes, and 2 came",
    ],
    ["b64 that is no text", image, jsonBody({ b64: [1] }), "b64 is array of 1, not text"],
    [
      "bytes of another number",
      image,
      rawBody(Buffer.alloc(15)),
      "float32 [2, 2] takes 16 bytes, and 15 came",
    ],
    [
      "a claim beyond its bytes",
      bytes,
      rawBody(Buffer.alloc(9), { "x-tensor-shape": "100000,100000" }),
      "takes 10000000000 bytes, and 9 came",
    ],
    [
      "a claim beyond all numbers",
      bytes,
      rawBody(Buffer.alloc(0), { "x-tensor-shape": "999999999999999,999999999999999" }),
      "is larger than anything can be",
    ],
    [
      "bytes of an open shape",
      bytes,
      rawBody(Buffer.alloc(9)),
      "Say it in the header X-Tensor-Shape",
    ],
    [
      "a header that is no shape",
      bytes,
      rawBody(Buffer.alloc(9), { "x-tensor-shape": "3x3" }),
      "the header X-Tensor-Shape is not a list of sizes",
    ],
    [
      "bytes that fill no row",
      define({ shape: [null, 2], dtype: "uint8" }),
      rawBody(Buffer.alloc(9)),
      "9 elements do not fill [any, 2]",
    ],
    [
      "a NaN among bytes",
      image,
      rawBody(Buffer.from(Float32Array.of(0, 1, NaN, 2).buffer)),
      "[1][0] is number NaN, not a finite number",
    ],
  ])("names %s", (_, input, body, message) => {
    const error = errorOf(() => parse(input, body));
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain(message);
  });

  it("says where an element lies, and what came", () => {
    const error = errorOf(() =>
      parse(
        image,
        jsonBody([
          [1, 2],
          [3, "x"],
        ]),
      ),
    );
    expect(error.facts.issues).toEqual([
      {
        message: '[1][1] is string "x", not a number',
        path: "[1][1]",
        expected: "a number",
        received: 'string "x"',
      },
    ]);
  });

  it("is refused by encode too", () => {
    const error = errorOf(() =>
      image.encode([
        [1, 2],
        [Number.NaN, 4],
      ]),
    );
    expect([error.code, error.message]).toEqual([
      "INPUT_INVALID",
      "The tensor is not valid: [1][0] is number NaN, not a finite number.",
    ]);
  });

  it("may name its type as the Open Inference Protocol does", () => {
    const named = parse(image, rawBody(Buffer.alloc(16), { "x-tensor-dtype": "FP32" }));
    expect(named.items).toBe(1);
    const half = rawBody(Buffer.alloc(16), { "x-tensor-dtype": "FP16" });
    expect(errorOf(() => parse(image, half)).message).toContain("is FP16, not float32");
  });
});

describe("named tensors", () => {
  const float = fromNested([[1, 2]], "float32");

  it("are described with a free first dimension", () => {
    expect(tensor({ shape: [null, 3], dtype: "int64", name: "ids" }).describeTensors!()).toEqual([
      { name: "ids", dtype: "int64", shape: [null, null, 3] },
    ]);
    expect(tensor({ shape: [], dtype: "bool", many: true }).describeTensors!()).toEqual([
      { name: "input", dtype: "bool", shape: [null] },
    ]);
  });

  it("hold many items in one tensor", () => {
    const input = tensor({ shape: [2], dtype: "float32", many: true });
    const made = { ...fromNested(square[0], "float32"), name: "any" };
    const payload = input.parseTensors!([made]) as Payload;
    expect(payload.items).toBe(2);
    expect(input.toArgument(payload).dims).toEqual([2, 2]);
  });

  it.each([
    ["another name", [{ ...float, name: "y" }], 'with the name "x", and "y" came'],
    ["none", [], "and none came"],
    [
      "two",
      [
        { ...float, name: "x" },
        { ...float, name: "y" },
      ],
      '"x", "y" came',
    ],
    [
      "another type",
      [{ ...fromNested([1, 2], "int8"), name: "x" }],
      "the element type is int8, not float32",
    ],
    [
      "several items",
      [{ ...fromNested(square[0], "float32"), name: "x" }],
      "the shape is [2, 2], not [1, 2]",
    ],
    [
      "another rank",
      [{ ...fromNested([square[0]], "float32"), name: "x" }],
      "the shape is [1, 2, 2], not [2]",
    ],
    [
      "fewer elements",
      [{ ...float, dims: [2], data: new Float32Array(1), name: "x" }],
      "and 1 elements came",
    ],
    ["NaN", [{ ...float, data: Float32Array.of(1, Number.NaN), name: "x" }], "[1] is number NaN"],
  ])("are refused: %s", (_, tensors, message) => {
    const input = tensor({ shape: [2], dtype: "float32", name: "x" });
    const error = errorOf(() => input.parseTensors!(tensors));
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain(message);
  });
});

describe("the definition of a tensor", () => {
  it.each<[unknown, string]>([
    [undefined, "it takes an object"],
    [{ dtype: "float32" }, "`shape` is undefined"],
    [{ shape: [0], dtype: "float32" }, "`shape` is [0], not a list of sizes"],
    [{ shape: [1.5], dtype: "float32" }, "`shape` is [1.5]"],
    [{ shape: [2], dtype: "float" }, 'there is no dtype "float"'],
    [{ shape: [2], dtype: "flaot32" }, 'Did you mean "float32"?'],
    [{ shape: [2], dtype: "int8", name: "" }, "`name` is not a name"],
    [{ shape: [2], dtype: "int8", many: "yes" }, "`many` is string"],
    [{ shape: [2], dtype: "int8", shpae: [] }, 'Did you mean "shape"?'],
  ])("refuses %j", (options, message) => {
    const error = errorOf(() => define(options as TensorOptions));
    expect(error.code).toBe("SERVICE_INVALID");
    expect(error.message).toContain(message);
  });

  it("describes what it reads, and nothing else, in JSON Schema", () => {
    fc.assert(
      fc.property(anyTensor, (made) => {
        const input = define({ shape: made.dims, dtype: made.type });
        const json = z.fromJSONSchema(input.content()["application/json"]!.schema as never);
        for (const body of bodiesOf(made)) {
          if (body.mediaType !== "application/json") continue;
          expect(
            json.safeParse(JSON.parse(Buffer.from(body.bytes).toString())).error,
          ).toBeUndefined();
        }
        for (const value of [{}, [[[[[[1]]]]]], { data: 1, extra: 1 }]) {
          expect(json.safeParse(value).success).toBe(false);
        }
      }),
    );
  });
});
