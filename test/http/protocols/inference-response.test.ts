import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeInferenceRequest } from "../../../sdk/http/protocols/inference-request.js";
import {
  encodeInferenceResponse,
  type AnsweredTensor,
} from "../../../sdk/http/protocols/inference-response.js";
import type { Written } from "../../../sdk/service/runtime.js";
import { DATATYPES, fromDatatype, type Datatype } from "../../../sdk/tensor/datatype.js";
import { fromFloat16 } from "../../../sdk/tensor/float16.js";
import { countElements, createElements } from "../../../sdk/tensor/tensor.js";
import { facts, toBody } from "./bodies.js";

const JSON_HEADERS = {
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
};

const ANSWER = { model: "m", version: "1" };

function encode(tensors: readonly AnsweredTensor[], request = {}): Written {
  return encodeInferenceResponse({ binary: false, ...request }, { ...ANSWER, tensors });
}

const LENGTH = "inference-header-content-length";

/** The JSON of an answer, and what follows it. */
function read({ headers, body }: Written): { json: Record<string, unknown>; rest: Buffer } {
  const bytes = Buffer.from(body as string);
  const length = headers[LENGTH] === undefined ? bytes.length : Number(headers[LENGTH]);
  const json = JSON.parse(bytes.subarray(0, length).toString()) as Record<string, unknown>;
  return { json, rest: bytes.subarray(length) };
}

/** An answer as if it were a request: its outputs are written as inputs are. */
function toRequest({ headers, body }: Written): ReturnType<typeof toBody> {
  const bytes = Buffer.from(body as string);
  const length = headers[LENGTH] === undefined ? bytes.length : Number(headers[LENGTH]);
  const text = bytes.subarray(0, length).toString().replace('"outputs":', '"inputs":');
  const json = Buffer.from(text);
  const sent: Record<string, string> = {};
  if (headers[LENGTH] !== undefined) sent[LENGTH] = String(json.length);
  return toBody(Buffer.concat([json, bytes.subarray(length)]), sent);
}

const FP32: AnsweredTensor = {
  name: "p",
  type: "float32",
  dims: [2, 1],
  data: Float32Array.of(0.5, -2),
};
const LABEL: AnsweredTensor = { name: "label", type: "string", dims: [2], data: ["a", "é"] };

test("an answer in JSON has the fields of the protocol", () => {
  const { headers, body } = encode([FP32, LABEL], { id: "42" });
  expect(headers).toEqual(JSON_HEADERS);
  expect(JSON.parse(body as string)).toEqual({
    model_name: "m",
    model_version: "1",
    id: "42",
    outputs: [
      { name: "p", shape: [2, 1], datatype: "FP32", data: [0.5, -2] },
      { name: "label", shape: [2], datatype: "BYTES", data: ["a", "é"] },
    ],
  });
});

test("without an id in the request there is none in the answer", () => {
  expect(read(encode([FP32])).json).not.toHaveProperty("id");
});

test("bytes follow the JSON in the order of the outputs, and their sizes stand in it", () => {
  const written = encode([FP32, LABEL], { binary: true });
  expect(written.headers["content-type"]).toBe("application/octet-stream");
  const { json, rest } = read(written);
  expect(json["outputs"]).toEqual([
    { name: "p", shape: [2, 1], datatype: "FP32", parameters: { binary_data_size: 8 } },
    { name: "label", shape: [2], datatype: "BYTES", parameters: { binary_data_size: 11 } },
  ]);
  const [floats, texts] = ["0000003f000000c0", "010000006102000000c3a9"];
  expect(rest.toString("hex")).toBe(`${floats}${texts}`);
});

test("the client chooses tensors, their order, and which of them are bytes", () => {
  const outputs = [{ name: "label" }, { name: "p", binary: true }];
  const { json, rest } = read(encode([FP32, LABEL], { outputs }));
  expect(json["outputs"]).toMatchObject([
    { name: "label", data: ["a", "é"] },
    { name: "p", parameters: { binary_data_size: 8 } },
  ]);
  expect(rest.length).toBe(8);
  const but = encode([FP32, LABEL], { binary: true, outputs: [{ name: "p", binary: false }] });
  expect(but.headers).toEqual(JSON_HEADERS);
});

test("a tensor that is not there is refused by name", () => {
  expect(() => encode([FP32], { outputs: [{ name: "q" }] })).toThrow(/no output "q".*Ask for p/);
});

test("an empty tensor as bytes still says where its JSON ends", () => {
  const empty: AnsweredTensor = {
    name: "p",
    type: "float32",
    dims: [0, 1],
    data: new Float32Array(),
  };
  const written = encode([empty], { binary: true });
  expect(written.headers[LENGTH]).toBe(String((written.body as Uint8Array).length));
  expect(read(written).json["outputs"]).toEqual([
    { name: "p", shape: [0, 1], datatype: "FP32", parameters: { binary_data_size: 0 } },
  ]);
});

test("64-bit integers are numbers in full, NaN and infinities text", () => {
  const wide: AnsweredTensor = {
    name: "n",
    type: "int64",
    dims: [1],
    data: BigInt64Array.of(2n ** 62n),
  };
  expect(encode([wide]).body).toContain('"data":[4611686018427387904]');
  const floats: AnsweredTensor = {
    name: "f",
    type: "float64",
    dims: [3],
    data: Float64Array.of(Number.NaN, Infinity, -0),
  };
  expect(encode([floats]).body).toContain('"data":["NaN","Infinity",-0]');
});

test("what is said of the content of a tensor is kept beside its size", () => {
  const json: AnsweredTensor = { ...LABEL, parameters: { content_type: "json" } };
  const { outputs } = read(encode([json], { binary: true })).json;
  expect(outputs).toMatchObject([{ parameters: { content_type: "json", binary_data_size: 11 } }]);
});

describe("what is written is read again, bit for bit", () => {
  const ELEMENTS: Record<Datatype, fc.Arbitrary<unknown>> = {
    BOOL: fc.constantFrom(0, 1),
    UINT8: fc.integer({ min: 0, max: 255 }),
    UINT16: fc.integer({ min: 0, max: 65_535 }),
    UINT32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    INT8: fc.integer({ min: -128, max: 127 }),
    INT16: fc.integer({ min: -32_768, max: 32_767 }),
    INT32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    FP16: fc.integer({ min: 0, max: 65_535 }).map(fromFloat16),
    FP32: fc.float(),
    FP64: fc.double(),
    BYTES: fc.string({ unit: "binary" }),
  };

  const tensorOf = (datatype: Datatype): fc.Arbitrary<AnsweredTensor> =>
    fc
      .tuple(
        fc.string({ minLength: 1 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      )
      .chain(([name, dims]) => {
        const length = countElements(dims);
        const list = fc.array(ELEMENTS[datatype], { minLength: length, maxLength: length });
        return list.map((elements) => {
          const type = fromDatatype(datatype);
          const data = createElements(type, length);
          elements.forEach((element, at) => {
            data[at] = element as never;
          });
          return { name, type, dims, data, datatype };
        });
      });

  test.each(DATATYPES)("%s", (datatype) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(tensorOf(datatype), {
          minLength: 1,
          maxLength: 3,
          selector: (one) => one.name,
        }),
        fc.boolean(),
        (tensors, binary) => {
          const again = decodeInferenceRequest(toRequest(encode(tensors, { binary }))).inputs;
          expect(again.map(facts)).toEqual(tensors.map(facts));
        },
      ),
    );
  });
});
