import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { findForeignKind } from "../../sdk/models/file-kind.js";
import { readOnnxFile } from "../../sdk/models/onnx-file.js";
import { onnx } from "../../sdk/models/onnx.js";
import { ProtobufError } from "../../sdk/models/protobuf-reader.js";
import { FIXTURES } from "./fixture.js";
import { buildOnnx, createFolder, writeModel, type Graph } from "./onnx-builder.js";

async function refusal(file: string): Promise<EkibenError> {
  const error = await onnx(file)
    .load({ name: "net" })
    .then(
      (model) => model.release(),
      (reason: unknown) => reason,
    );
  expect(error).toBeInstanceOf(EkibenError);
  return error as EkibenError;
}

const BROKEN: Record<string, { code?: string; says: RegExp; hint: RegExp }> = {
  "custom-op.onnx": {
    says: /has no operator com\.example:MagicOp \(opset 1\)/,
    hint: /standard ONNX operators/,
  },
  "empty.onnx": { says: /an empty file/, hint: /again/ },
  "external-data-missing.onnx": {
    code: "MODEL_FILE_MISSING",
    says: /keeps its weights in "weights\.bin", and .*weights\.bin does not exist/,
    hint: /next to the model/,
  },
  "keras-v3-like.keras": { says: /a Keras 3 model/, hint: /format="onnx"/ },
  "lfs-pointer.onnx": { says: /a Git LFS pointer/, hint: /git lfs pull/ },
  "lgb-truncated.txt": { says: /a LightGBM model/, hint: /with lightgbm\("model.txt"\)/ },
  "opset-999.onnx": {
    says: /pytorch, ai\.onnx 999.*opset 999 of the domain ai\.onnx.*till opset \d+/,
    hint: /opset_version=\d+/,
  },
  "sklearn.pkl": { says: /a Python pickle of a scikit-learn model/, hint: /skl2onnx/ },
  "text.onnx": { says: /a text file that begins with "this is not a model"/, hint: /ONNX file/ },
  "torch-state-dict.pt": { says: /a PyTorch checkpoint/, hint: /torch\.onnx\.export/ },
  "truncated.onnx": {
    says: /is cut off: field 7 needs 2306 bytes and 1144 are left/,
    hint: /again/,
  },
  "xgb-child-out-of-range.json": {
    says: /an XGBoost model in JSON/,
    hint: /xgboost\("model.json"\)/,
  },
  "xgb-config.json": { says: /configuration \(save_config\) without trees/, hint: /model itself/ },
  "xgb-cycle.json": { says: /an XGBoost model in JSON/, hint: /xgboost\("model.json"\)/ },
  "xgb-dump.json": { says: /a dump of XGBoost trees/, hint: /model itself/ },
  "xgb-legacy-binary.model": {
    says: /XGBoost model in the old binary/,
    hint: /xgboost\("model.json"\)/,
  },
  "xgb-truncated.json": { says: /an XGBoost model in JSON/, hint: /xgboost\("model.json"\)/ },
  "xgb-truncated.ubj": { says: /an XGBoost model in UBJSON/, hint: /xgboost\("model.json"\)/ },
  "xgb-unknown-objective.json": {
    says: /an XGBoost model in JSON/,
    hint: /xgboost\("model.json"\)/,
  },
};

describe("a file that is no servable ONNX model", () => {
  it("is covered here for every broken fixture", () => {
    const names = readdirSync(join(FIXTURES, "broken")).filter((name) => name !== "README.json");
    expect(names.sort()).toEqual(Object.keys(BROKEN).sort());
  });

  it.each(Object.entries(BROKEN))(
    "is refused by what it is: %s",
    async (name, { code, says, hint }) => {
      const file = join(FIXTURES, "broken", name);
      const error = await refusal(file);
      expect(error.code).toBe(code ?? "MODEL_FILE_INVALID");
      expect(error.facts.detail).toContain(file);
      expect(error.facts.detail).toMatch(says);
      expect(error.facts.hint).toMatch(hint);
    },
  );

  it.each([
    ["\x89HDF\r\n\x1a\n", "m.h5", /an HDF5 file/],
    ["PK\x03\x04" + "\0".repeat(26) + "archive/data.pkl", "m.zip", /a PyTorch checkpoint/],
    ["PK\x03\x04" + "\0".repeat(26) + "a.npy", "m.zip", /a NumPy archive/],
    ["PK\x03\x04" + "\0".repeat(26) + "readme", "m.zip", /a zip archive/],
    ["\x93NUMPY\x01\0", "m.npy", /a NumPy array/],
    ["\x1c\0\0\0TFL3\x14\0", "m.tflite", /a TensorFlow Lite model/],
    ['\x40\0\0\0\0\0\0\0{"w":', "m.safetensors", /a safetensors file/],
    ["CBM1\0\0\0\0", "m.cbm", /a CatBoost model/],
    ["GGUF\x03\0\0\0", "m.gguf", /a GGUF language model/],
    ["\x1f\x8b\x08\0", "m.onnx.gz", /packed with gzip/],
    ["\x78\x9c\x03\0", "m.joblib", /joblib\.dump/],
    ["\x80\x04\x95xgboost.core", "m.pkl", /a Python pickle of an XGBoost model/],
    ["\x80\x04\x95\x01", "m.pkl", /a Python pickle$/],
    ["<!DOCTYPE html><title>404</title>", "m.onnx", /a web page/],
    ['{"format":"layers-model","modelTopology":{}}', "model.json", /a TensorFlow\.js model/],
    ["[1, 2]", "m.json", /a JSON file/],
    [
      "PK\x03\x04" + "\0".repeat(26) + "export/data.pkl\x80\x02cfastai.learner",
      "m.pkl",
      /a fastai learner/,
    ],
    ["\x80\x04\x95fastai.learner torch", "m.pkl", /a Python pickle of a fastai learner/],
    ["\x08\x01\x12\x04", "m.mlmodel", /a Core ML model/],
  ])("is told from its first bytes: %j", (head, name, what) => {
    expect(findForeignKind(Buffer.from(head, "latin1"), name)?.what).toMatch(what);
  });

  it("is not seen in the first bytes of any ONNX file", () => {
    for (const id of readdirSync(FIXTURES).filter((name) => /^(skl|torch)-/.test(name))) {
      const head = readFileSync(join(FIXTURES, id, "model.onnx")).subarray(0, 4096);
      expect(findForeignKind(head, "model.onnx")).toBeUndefined();
    }
  });

  it("is refused as a whole wherever it is cut off", async () => {
    const whole = readFileSync(join(FIXTURES, "torch-iris-fixed-batch-1/model.onnx"));
    const file = writeModel("");
    for (let length = 0; length < whole.length; length += 61) {
      writeFileSync(file, whole.subarray(0, length));
      expect((await refusal(file)).code).toBe("MODEL_FILE_INVALID");
    }
  });

  it("never hangs or breaks the reader, whatever its bytes are", () => {
    const whole = readFileSync(join(FIXTURES, "torch-iris-fixed-batch-1/model.onnx"));
    const file = writeModel("");
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        writeFileSync(file, bytes);
        try {
          expect(readOnnxFile(file)).toHaveProperty("opsets");
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("a path", () => {
  it("counts from the working directory at the time of the declaration", async () => {
    const file = join(FIXTURES, "torch-wine-mlp/model.onnx");
    const definition = onnx(relative(process.cwd(), file));
    const before = process.cwd();
    try {
      process.chdir(createFolder());
      expect(await definition.files()).toEqual([{ source: file, path: "model.onnx" }]);
      await (await definition.load({ name: "net" })).release();
    } finally {
      process.chdir(before);
    }
  });

  it("may be a file URL", async () => {
    const file = join(FIXTURES, "torch-wine-mlp/model.onnx");
    const url = pathToFileURL(file);
    expect((await onnx(url).files())[0]!.source).toBe(file);
    expect((await onnx(url.href).files())[0]!.source).toBe(file);
  });

  it.each([
    ["torch-wine-mlp/modle.onnx", /Did you mean "model\.onnx"\?/],
    ["torch-wine-mlp/churn-predictor.onnx", /The folder has "model\.onnx"\./],
    ["torch-wine/model.onnx", /There is no folder .*torch-wine\./],
  ])("that leads nowhere says what is near: %s", async (name, hint) => {
    const error = await refusal(join(FIXTURES, name));
    expect(error.code).toBe("MODEL_FILE_MISSING");
    expect(error.message).toContain(join(FIXTURES, name));
    expect(error.facts.hint).toMatch(hint);
  });

  it("as written is named beside the absolute one", async () => {
    const written = join("models", "nowhere.onnx");
    const error = await refusal(written);
    expect(error.facts.detail).toContain(`${written} (${join(process.cwd(), written)})`);
  });

  it("to a folder says what the folder holds", async () => {
    const inside = await refusal(join(FIXTURES, "torch-wine-mlp"));
    expect(inside).toMatchObject({ code: "MODEL_FILE_INVALID" });
    expect(inside.message).toMatch(/is a folder\. Give the model file inside: ".*model\.onnx"/);
    const folder = createFolder();
    const core = join(folder, "net.mlpackage");
    mkdirSync(core);
    expect((await refusal(core)).message).toMatch(/a folder of a Core ML model.*convert_coreml/);
    writeFileSync(join(folder, "saved_model.pb"), "");
    expect((await refusal(folder)).message).toMatch(/TensorFlow SavedModel\..*tf2onnx/);
  });
});

describe("weights in a file beside the model", () => {
  const graph = (location: string): Graph => ({
    inputs: [{ name: "x", type: "float32", shape: ["batch", 2] }],
    outputs: [{ name: "y", type: "float32", shape: ["batch", 1] }],
    nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
    external: [{ name: "w", dims: [2, 1], location }],
  });

  it("are files of the model, and load from a bundle's folder", async () => {
    const file = writeModel(buildOnnx(graph("weights/w.bin")), "big.onnx");
    const weights = join(file, "../weights/w.bin");
    mkdirSync(join(weights, ".."));
    writeFileSync(weights, new Uint8Array(new Float32Array([10, 1]).buffer));
    const definition = onnx(file);
    const files = await definition.files();
    expect(files).toEqual([
      { source: file, path: "big.onnx" },
      { source: weights, path: "weights/w.bin" },
    ]);
    const directory = createFolder();
    mkdirSync(join(directory, "weights"));
    for (const { source, path } of files) copyFileSync(source, join(directory, path));
    const model = await definition.load({ name: "net", directory });
    expect(Array.from(await model.predict([[1, 2]]))).toEqual([12]);
    await model.release();
  });

  it.each([
    "../w.bin",
    "/etc/w.bin",
    "a/../../w.bin",
    "C:\\w.bin",
    "\\\\host\\w.bin",
    "C:w.bin",
    "..\\w.bin",
    ".",
  ])("are refused outside of the model's folder: %s", async (location) => {
    const error = await refusal(writeModel(buildOnnx(graph(location))));
    expect(error.code).toBe("MODEL_FILE_INVALID");
    expect(error.message).toContain("outside of its folder");
  });
});

it("a file in onnxruntime's own format loads too", async () => {
  const file = join(createFolder(), "wine.ort");
  const whole = join(FIXTURES, "torch-wine-mlp/model.onnx");
  const session = {
    optimizedModelFilePath: file,
    graphOptimizationLevel: "basic",
    extra: { session: { save_model_format: "ORT" } },
  } as const;
  const model = await onnx(whole, { session }).load({ name: "net" });
  const definition = onnx(file);
  expect(await definition.files()).toEqual([{ source: file, path: "wine.ort" }]);
  const own = await definition.load({ name: "net" });
  const x = [Array.from({ length: 13 }, (_, i) => i)];
  expect(Array.from(await own.predict(x))).toEqual(Array.from(await model.predict(x)));
  await model.release();
  await own.release();
});

describe("options", () => {
  it("are refused where options name what the model does not have", async () => {
    const file = join(FIXTURES, "torch-churn-tabular/model.onnx");
    const load = (options: object): Promise<unknown> => onnx(file, options).load({ name: "net" });
    await expect(load({ inputs: { x_cta: ["a"] } })).rejects.toMatchObject({
      code: "SERVICE_INVALID",
      message: expect.stringContaining('Did you mean "x_cat"?'),
    });
    await expect(load({ features: ["a"] })).rejects.toMatchObject({ code: "SERVICE_INVALID" });
    await expect(load({ inputs: { x_cat: ["a"] } })).rejects.toThrow(/takes 8 columns, and 1/);
    await expect(load({ output: "logit" })).rejects.toThrow(/Did you mean "logits"\?/);
  });
});
