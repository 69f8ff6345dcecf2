import { expect, test } from "vitest";
import {
  createOutputTensors,
  toMetadataTensor,
} from "../../../sdk/http/protocols/output-tensors.js";
import { ArraySlice } from "../../../sdk/outputs/output-slice.js";
import type { NamedTensor } from "../../../sdk/tensor/named-tensor.js";

test("outputs that are no tensors are JSON texts", () => {
  const tensors = createOutputTensors({}, "many");
  const outputs = new ArraySlice([{ a: [1, null] }, "b", new Date(0)], 0, 3);
  expect(tensors.from(outputs)).toEqual([
    {
      name: "output",
      type: "string",
      dims: [3],
      data: ['{"a":[1,null]}', '"b"', '"1970-01-01T00:00:00.000Z"'],
      parameters: { content_type: "json" },
    },
  ]);
  expect(tensors.describe().map(toMetadataTensor)).toEqual([
    { name: "output", datatype: "BYTES", shape: [-1] },
  ]);
});

test("half floats are answered as such where the output says so", () => {
  const tensor: NamedTensor = {
    name: "p",
    type: "float32",
    dims: [1, 2],
    data: Float32Array.of(1, 2),
  };
  const described = { name: "p", dtype: "float16", shape: [null, 2] };
  const halves = createOutputTensors(
    {
      toTensors: () => [tensor, { ...tensor, name: "q" }],
      describeTensors: () => [described],
    },
    "many",
  );
  const outputs = new ArraySlice([1], 0, 1);
  expect(halves.from(outputs).map(({ name, datatype }) => [name, datatype])).toEqual([
    ["p", "FP16"],
    ["q", undefined],
  ]);
  expect(halves.describe().map(toMetadataTensor)).toEqual([
    { name: "p", datatype: "FP16", shape: [-1, 2] },
  ]);
});
