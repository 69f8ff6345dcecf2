import { expect, test } from "vitest";
import { EkibenError } from "../../../sdk/core/errors.js";
import {
  decodeInferenceRequest,
  type InferenceRequest,
} from "../../../sdk/http/protocols/inference-request.js";
import type { RequestBody } from "../../../sdk/inputs/input.js";
import { facts, toBinaryBody, toBody } from "./bodies.js";

function decode(body: RequestBody): InferenceRequest {
  return decodeInferenceRequest(body);
}

function decodeInput(input: object): InferenceRequest["inputs"][number] {
  return decode(
    toBody({ inputs: [{ name: "x", shape: [1], datatype: "INT32", data: [1], ...input }] }),
  ).inputs[0]!;
}

function refusal(body: RequestBody): EkibenError {
  try {
    decode(body);
  } catch (error) {
    if (error instanceof EkibenError) return error;
    throw error;
  }
  throw new Error("the request was not refused");
}

const refuseInput = (input: object): EkibenError =>
  refusal(toBody({ inputs: [{ name: "x", shape: [1], datatype: "INT32", data: [1], ...input }] }));

test("the example of the protocol is read, flat and nested", () => {
  const request = {
    id: "42",
    inputs: [
      { name: "input0", shape: [2, 2], datatype: "UINT32", data: [1, 2, 3, 4] },
      { name: "input1", shape: [3], datatype: "BOOL", data: [true, false, true] },
    ],
    outputs: [{ name: "output0" }],
  };
  const read = decode(toBody(request, { "content-type": "application/json" }));
  expect(read.inputs.map(facts)).toEqual([
    { name: "input0", type: "uint32", dims: [2, 2], data: [1, 2, 3, 4] },
    { name: "input1", type: "bool", dims: [3], data: [1, 0, 1] },
  ]);
  expect(read).toMatchObject({ id: "42", outputs: [{ name: "output0" }], binary: false });
  const [first, second] = request.inputs;
  const nested = {
    ...request,
    inputs: [
      {
        ...first,
        data: [
          [1, 2],
          [3, 4],
        ],
      },
      second,
    ],
  };
  expect(decode(toBody(nested)).inputs.map(facts)).toEqual(read.inputs.map(facts));
});

test("a tensor keeps what its sender says of the content", () => {
  const sent = { datatype: "BYTES", data: ["a"], parameters: { content_type: "str" } };
  expect(decodeInput(sent).parameters).toEqual({ content_type: "str" });
  const size = { binary_data_size: 5 };
  const { inputs } = decode(
    toBinaryBody(
      {
        inputs: [
          { name: "x", shape: [1], datatype: "BYTES", parameters: { ...sent.parameters, ...size } },
        ],
      },
      [Uint8Array.of(1, 0, 0, 0, 0x61)],
    ),
  );
  expect(inputs[0]).toMatchObject({ data: ["a"], parameters: { content_type: "str" } });
  expect(inputs[0]!.parameters).not.toHaveProperty("binary_data_size");
});

test("binary data of several tensors is read in the order of the inputs, between inputs of JSON", () => {
  const request = {
    inputs: [
      { name: "a", shape: [2], datatype: "INT16", parameters: { binary_data_size: 4 } },
      { name: "b", shape: [1], datatype: "FP64", data: [0.5] },
      {
        name: "c",
        shape: [0, 3],
        datatype: "FP32",
        parameters: { binary_data_size: 0 },
        data: null,
      },
      { name: "d", shape: [2, 1], datatype: "BYTES", parameters: { binary_data_size: 13 } },
      { name: "e", shape: [2], datatype: "FP16", parameters: { binary_data_size: 4 } },
    ],
  };
  const strings = Buffer.concat([
    Buffer.of(3, 0, 0, 0),
    Buffer.from("é!"),
    Buffer.of(2, 0, 0, 0),
    Buffer.from("ok"),
  ]);
  const body = toBinaryBody(request, [
    Buffer.of(1, 0, 0xff, 0xff),
    strings,
    Buffer.of(0, 0x3c, 0, 0xc0),
  ]);
  expect(decode(body).inputs.map(facts)).toEqual([
    { name: "a", type: "int16", dims: [2], data: [1, -1] },
    { name: "b", type: "float64", dims: [1], data: [0.5] },
    { name: "c", type: "float32", dims: [0, 3], data: [] },
    { name: "d", type: "string", dims: [2, 1], data: ["é!", "ok"] },
    { name: "e", type: "float32", dims: [2], data: [1, -2] },
  ]);
});

test("bytes that are no text come in base64, and say so", () => {
  const image = Buffer.of(0x89, 0x50, 0xff, 0x00);
  const { inputs } = decode(
    toBinaryBody(
      {
        inputs: [{ name: "x", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 8 } }],
      },
      [Buffer.of(4, 0, 0, 0), image],
    ),
  );
  expect(inputs[0]).toMatchObject({
    data: [image.toString("base64")],
    parameters: { content_type: "base64" },
  });
});

test("64-bit integers are read in full from JSON", () => {
  const text = (data: string, datatype = "INT64"): RequestBody =>
    toBody(`{"inputs":[{"name":"x","shape":[2],"datatype":"${datatype}","data":${data}}]}`);
  const read = (body: RequestBody): unknown => decode(body).inputs[0]!.data;
  expect(read(text("[9007199254740993, -9223372036854775808]"))).toEqual(
    BigInt64Array.of(9007199254740993n, -(2n ** 63n)),
  );
  expect(read(text("[18446744073709551615, 1]", "UINT64"))).toEqual(
    BigUint64Array.of(2n ** 64n - 1n, 1n),
  );
  expect(refusal(text("[9223372036854775808, 0]"))).toMatchObject({ code: "BODY_MALFORMED" });
  expect(refusal(text("[1e30, 0]"))).toMatchObject({ code: "BODY_MALFORMED" });
});

test("FP16 in JSON is rounded to halves, and refused where it has none", () => {
  expect(Array.from(decodeInput({ datatype: "FP16", data: [0.1] }).data as Float32Array)).toEqual([
    0.0999755859375,
  ]);
  expect(refuseInput({ datatype: "FP16", data: [70000] }).message).toContain("65504");
});

test("NaN is null or text in JSON, as clients of other languages write it", () => {
  const { data } = decodeInput({ datatype: "FP32", shape: [3], data: [null, "NaN", "-Infinity"] });
  expect(data).toEqual(Float32Array.of(Number.NaN, Number.NaN, -Infinity));
});

test("what the client wants is read: all tensors, some, as JSON or as bytes", () => {
  const inputs = [{ name: "x", shape: [1], datatype: "INT32", data: [1] }];
  expect(decode(toBody({ inputs, parameters: { binary_data_output: true } }))).toMatchObject({
    binary: true,
  });
  expect(decode(toBody({ inputs, outputs: [] })).outputs).toBeUndefined();
  const outputs = [
    { name: "a", parameters: { binary_data: false } },
    { name: "b", parameters: {} },
  ];
  expect(decode(toBody({ inputs, outputs })).outputs).toEqual([
    { name: "a", binary: false },
    { name: "b" },
  ]);
});

test("a body without a type is JSON, one of octets may be", () => {
  const request = { inputs: [] };
  expect(decode(toBody(request)).inputs).toEqual([]);
  const octets = { "content-type": "application/octet-stream" };
  expect(decode(toBody(request, octets)).inputs).toEqual([]);
  expect(refusal(toBody(request, { "content-type": "text/csv" })).code).toBe(
    "MEDIA_TYPE_UNSUPPORTED",
  );
});

test.each([
  ["beyond the body", "99999"],
  ["negative", "-1"],
  ["a float", "1.5"],
  ["no number", "abc"],
  ["empty", " "],
  ["hexadecimal", "0x10"],
  ["longer than any body", "9".repeat(400)],
])("a header length that is %s is refused", (_, length) => {
  const error = refusal(toBinaryBody({ inputs: [] }, [], length));
  expect(error.code).toBe("BODY_MALFORMED");
});

test("a header length inside of the JSON is refused as JSON that ends too early", () => {
  expect(refusal(toBinaryBody({ inputs: [] }, [], "5")).code).toBe("BODY_MALFORMED");
  expect(refusal(toBinaryBody({ inputs: [] }, [], "0")).code).toBe("BODY_MALFORMED");
});

const BINARY = { name: "x", shape: [2], datatype: "INT16" };

test.each([
  ["more than is there", 5, 4],
  ["less than is there", 2, 4],
  ["far more than is there", 2 ** 53 - 2, 4],
  ["negative", -4, 4],
  ["a fraction", 3.5, 4],
  ["text", "4", 4],
  ["null", null, 4],
  ["true", true, 4],
])("a binary_data_size that is %s is refused", (_, size, length) => {
  const request = { inputs: [{ ...BINARY, parameters: { binary_data_size: size } }] };
  expect(refusal(toBinaryBody(request, [new Uint8Array(length)])).code).toBe("BODY_MALFORMED");
});

test("bytes that nobody claims are refused", () => {
  const error = refusal(toBinaryBody({ inputs: [] }, [new Uint8Array(3)]));
  expect(error.message).toContain("3 bytes follow");
});

test("binary data without its header is refused", () => {
  const request = { inputs: [{ ...BINARY, parameters: { binary_data_size: 4 } }] };
  expect(refusal(toBody(request)).message).toContain("Inference-Header-Content-Length");
});

test.each([
  ["whose product overflows", [2 ** 40, 2 ** 40]],
  ["whose product overflows behind a 0", [0, 2 ** 40, 2 ** 40]],
  ["of a billion elements", [1_000_000_000]],
  ["with a negative size", [-1]],
  ["with a fraction", [1.5]],
  ["of text", ["1"]],
  ["that is no list", 1],
  ["that is missing", undefined],
  ["of many dimensions", Array.from({ length: 1000 }, () => 1)],
])("a shape %s is refused at once", (_, shape) => {
  const before = process.memoryUsage().arrayBuffers;
  for (const datatype of ["INT8", "FP16", "BYTES", "INT64"]) {
    const data = datatype === "BYTES" ? ["a"] : [1];
    expect(refuseInput({ shape, datatype, data }).code).toBe("BODY_MALFORMED");
    const sent = { name: "x", shape, datatype, parameters: { binary_data_size: 4 } };
    expect(refusal(toBinaryBody({ inputs: [sent] }, [Buffer.alloc(4)])).code).toBe(
      "BODY_MALFORMED",
    );
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
});

test.each([
  ["a length beyond the data", Buffer.of(9, 0, 0, 0, 1), 1],
  ["the largest length", Buffer.of(255, 255, 255, 255), 1],
  ["half of a length", Buffer.of(0, 0), 1],
  ["a second string that is missing", Buffer.of(0, 0, 0, 0), 2],
  ["a string too many", Buffer.alloc(12), 2],
])("strings with %s are refused", (_, bytes, count) => {
  const input = {
    name: "x",
    shape: [count],
    datatype: "BYTES",
    parameters: { binary_data_size: bytes.length },
  };
  expect(refusal(toBinaryBody({ inputs: [input] }, [bytes])).code).toBe("BODY_MALFORMED");
});

test.each([
  ["an unknown datatype", { datatype: "FLOAT" }],
  ["a datatype that every object has", { datatype: "constructor" }],
  ["a datatype that is no text", { datatype: 1 }],
  ["no datatype", { datatype: undefined }],
  ["no name", { name: undefined }],
  ["an empty name", { name: "" }],
  ["a name that is no text", { name: 1 }],
  ["no data", { data: undefined }],
  ["data that is no list", { data: { 0: 1 } }],
  ["too little data", { shape: [2] }],
  ["too much data", { data: [1, 2] }],
  ["ragged data", { shape: [2, 2], data: [[1, 2], [3]] }],
  ["data deeper than its shape", { data: [[1]] }],
  ["an integer out of range", { datatype: "INT8", data: [128] }],
  ["a fraction for an integer", { data: [0.5] }],
  ["text for a number", { data: ["1"] }],
  ["a number for a truth value", { datatype: "BOOL", data: [1] }],
  ["a number for text", { datatype: "BYTES" }],
  ["parameters that are no object", { parameters: [1] }],
  ["shared memory", { data: undefined, parameters: { shared_memory_region: "r" } }],
  ["data twice", { parameters: { binary_data_size: 4 } }],
])("an input with %s is refused", (_, input) => {
  expect(refuseInput(input).code).toBe("BODY_MALFORMED");
});

test.each([
  ["nothing", ""],
  ["no JSON", "inputs"],
  ["a list", []],
  ["a text", '"inputs"'],
  ["no inputs", {}],
  ["inputs that are no list", { inputs: {} }],
  ["an input that is no object", { inputs: [1] }],
  ["an id that is no text", { id: 1, inputs: [] }],
  ["outputs that are no list", { inputs: [], outputs: {} }],
  ["an output without a name", { inputs: [], outputs: [{}] }],
  ["an output twice", { inputs: [], outputs: [{ name: "a" }, { name: "a" }] }],
  ["a classification", { inputs: [], outputs: [{ name: "a", parameters: { classification: 2 } }] }],
  ["parameters that are no object", { inputs: [], parameters: "a" }],
])("a body of %s is refused", (_, content) => {
  expect(refusal(toBody(content)).code).toBe("BODY_MALFORMED");
});

test.each(["shape", "datatype", "data", "name", "parameters"])(
  "lists nested without end are refused as a %s",
  (field) => {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    const fields = { name: '"x"', shape: "[1]", datatype: '"INT32"', data: "[1]", [field]: nested };
    const input = Object.entries(fields).map(([key, value]) => `"${key}":${value}`);
    expect(refusal(toBody(`{"inputs":[{${input.join(",")}}]}`)).code).toBe("BODY_MALFORMED");
  },
);

test("a name that comes twice is refused", () => {
  const input = { name: "x", shape: [1], datatype: "INT32", data: [1] };
  expect(refusal(toBody({ inputs: [input, input] })).message).toContain("twice");
});

test("names that every object inherits are names like any other", () => {
  const inputs = ["__proto__", "constructor", "toString"].map((name) => ({
    name,
    shape: [1],
    datatype: "INT32",
    data: [1],
  }));
  expect(decode(toBody({ inputs })).inputs.map(({ name }) => name)).toEqual([
    "__proto__",
    "constructor",
    "toString",
  ]);
  const text =
    '{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":[1],"parameters":{"__proto__":{"binary_data_size":4}}}],"__proto__":{"parameters":{"binary_data_output":true}}}';
  expect(decode(toBody(text))).toMatchObject({ binary: false });
  expect(({} as { binary_data_size?: number }).binary_data_size).toBeUndefined();
});

test("an error names the input and says what came", () => {
  const error = refuseInput({ name: "age", shape: [2, 2], data: [1, 2, 3] });
  expect(error.message).toContain('The input "age"');
  expect(error.message).toContain("[2, 2]");
  expect(error.message).toContain("3 came");
});
