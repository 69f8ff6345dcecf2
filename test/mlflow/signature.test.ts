import { describe, expect, it } from "vitest";
import { z } from "zod";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { tensor } from "../../sdk/inputs/tensor.js";
import { parseMlModel } from "../../sdk/mlflow/mlmodel.js";
import { readSignature } from "../../sdk/mlflow/signature.js";
import { open } from "./open.js";
import { createMlflowServer } from "./server.js";

async function read(inputs: unknown[] | undefined, more: { params?: unknown } = {}) {
  const yaml = JSON.stringify({
    flavors: { python_function: null },
    ...(inputs === undefined
      ? {}
      : {
          signature: {
            inputs: JSON.stringify(inputs),
            outputs: null,
            params: more.params === undefined ? null : JSON.stringify(more.params),
          },
        }),
  });
  return readSignature(await parseMlModel(yaml, "MLmodel"), "churn version 1", undefined);
}

describe("the signature of a model", () => {
  it("gives the schema of a row and an example that fits it", async () => {
    for (const generation of [2, 3] as const) {
      await using server = await createMlflowServer({ generation });
      // Its model is in a format that is refused, and that is no reason to refuse its signature.
      const { row, example, inputs, outputs } = await open(
        server,
        "models:/iris-xgb/1",
      ).signature();
      expect(Object.keys(row.shape)).toEqual([
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
      ]);
      expect(z.array(row).parse(example)).toEqual(example);
      expect(example).toHaveLength(2);
      expect(inputs[0]).toEqual({ name: "sepal length (cm)", type: "double", required: true });
      expect(outputs).toEqual([{ dtype: "int64", shape: [null] }]);
      expect(dataframe(row).cardinality).toBe("many");
    }
  });

  it("gives what tensor() takes, without the dimension that counts items", async () => {
    await using server = await createMlflowServer();
    const signature = await open(server, "models:/iris-onnx/1").signature();
    expect(signature.tensor).toEqual({ shape: [4], dtype: "float32", many: true });
    expect(tensor(signature.tensor).cardinality).toBe("many");
    expect(() => signature.row).toThrow(/tensors instead of columns: X: float32\[N, 4\]/);
  });

  it("knows every type of a column", async () => {
    const { row } = await read([
      { type: "long", name: "id" },
      { type: "integer", name: "age" },
      { type: "float", name: "score" },
      { type: "boolean", name: "new" },
      { type: "string", name: "plan", required: true },
      { type: "datetime", name: "since" },
      { type: "binary", name: "photo" },
      { type: "double", name: "extra", required: false },
      { type: "array", name: "tags", items: { type: "string" } },
      { type: "map", name: "counts", values: { type: "long" } },
      {
        type: "object",
        name: "place",
        properties: { city: { type: "string" }, zip: { type: "string", required: false } },
      },
      { type: "any", name: "rest" },
    ]);
    const good = {
      id: 2 ** 52,
      age: 41,
      score: 0.5,
      new: true,
      plan: "basic",
      since: new Date(0),
      photo: "aGk=",
      tags: ["a"],
      counts: { a: 1 },
      place: { city: "Bern" },
      rest: [1],
    };
    expect(row.parse(good)).toEqual(good);
    expect(row.parse({ ...good, extra: null })).toEqual({ ...good, extra: null });
    for (const wrong of [
      { id: 2 ** 53 },
      { age: 1.5 },
      { age: 2 ** 31 },
      { score: "1" },
      { new: 1 },
      { since: "yesterday" },
      { photo: "%" },
      { tags: [1] },
      { counts: { a: 0.5 } },
      { place: {} },
      { plan: undefined },
    ]) {
      expect(row.safeParse({ ...good, ...wrong }).success).toBe(false);
    }
    const input = dataframe(row.omit({ rest: true }));
    expect(input.cardinality).toBe("many");
  });

  it("notes parameters, which are the handler's to deal with", async () => {
    const params = [
      { name: "temperature", default: 0.5, shape: null, type: "double" },
      { name: "stop", default: ["a"], shape: [-1], type: "string" },
    ];
    const signature = await read([{ type: "double", name: "x" }], { params });
    expect(signature.params).toEqual([
      { name: "temperature", type: "double", default: 0.5 },
      { name: "stop", type: "string", default: ["a"] },
    ]);
  });

  it("that is missing, damaged, or of several tensors is explained", async () => {
    await expect(read(undefined)).rejects.toThrow(/without a signature.*infer_signature/);
    const two = await read([
      { type: "tensor", name: "a", "tensor-spec": { dtype: "float32", shape: [-1, 2] } },
      { type: "tensor", name: "b", "tensor-spec": { dtype: "int64", shape: [-1] } },
    ]);
    expect(() => two.tensor).toThrow(/not that of a single tensor/);
    expect(() => two.row).toThrow(/a: float32\[N, 2\], b: int64\[N\]/);
    const odd = await read([
      { type: "tensor", "tensor-spec": { dtype: "complex64", shape: [-1] } },
    ]);
    expect(() => odd.tensor).toThrow(/complex64/);
    await expect(parseMlModel("a: [", "The MLmodel")).rejects.toThrow(/is not YAML/);
    await expect(parseMlModel("[]", "The MLmodel")).rejects.toThrow(/is not one of MLflow/);
    const broken = await parseMlModel("flavors: {}\nsignature: {inputs: '[{'}", "x");
    expect(() => readSignature(broken, "x", undefined)).toThrow(/cannot be read/);
  });
});
