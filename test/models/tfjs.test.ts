import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import type { Column } from "../../sdk/frame/column.js";
import { Frame } from "../../sdk/frame/frame.js";
import { saveTfjs, tfjs } from "../../sdk/models/tfjs.js";
import { makeFolder, makeLayersModel, writeGraphModel } from "./tfjs-fixture.js";

async function saveLive(): Promise<string> {
  const folder = makeFolder();
  const live = await makeLayersModel();
  for (const { source, path } of await tfjs(live).files()) cpSync(source, join(folder, path));
  live.dispose();
  return folder;
}

describe("tfjs()", () => {
  it("answers as the library itself does, from memory and from a folder", async () => {
    const live = await makeLayersModel();
    const rows = Array.from({ length: 20 }, (_, i) => [Math.sin(i), i / 10]);
    const expected = (live.predict(tf.tensor(rows)) as tf.Tensor).dataSync();
    const folder = await saveLive();
    for (const definition of [tfjs(live), tfjs(folder), tfjs(join(folder, "model.json"))]) {
      const model = await definition.load({ name: "net" });
      const answer = await model.predict(rows);
      expect(answer.dims).toEqual([20, 3]);
      answer.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));
      expect(answer.row(1).reduce((sum, value) => sum + value)).toBeCloseTo(1, 5);
    }
  });

  it("reads the folder that saveTfjs() wrote, which may be a new one", async () => {
    const live = await makeLayersModel();
    const folder = join(makeFolder(), "models", "net");
    await saveTfjs(live, folder);
    const model = await tfjs(folder).load({ name: "net" });
    const expected = (live.predict(tf.tensor([[1, 2]])) as tf.Tensor).dataSync();
    (await model.predict([[1, 2]])).forEach((value, i) =>
      expect(value).toBeCloseTo(expected[i]!, 5),
    );
    await expect(saveTfjs({} as never, folder)).rejects.toMatchObject({ code: "SERVICE_INVALID" });
  });

  it("saves a model as it is at that moment", async () => {
    const live = await makeLayersModel();
    const definition = tfjs(live);
    const before = await definition.files();
    expect(await definition.files()).toEqual(before);
    live.setWeights(live.getWeights().map((weight) => tf.zerosLike(weight)));
    const folder = makeFolder();
    for (const { source, path } of await definition.files()) cpSync(source, join(folder, path));
    const model = await definition.load({ name: "net", directory: folder });
    for (const value of await model.predict([[5, 6]])) expect(value).toBeCloseTo(1 / 3, 6);
  });

  it("takes columns by name or in their order, records and nested lists", async () => {
    const numbers = (...values: number[]): Column => ({
      kind: "float64",
      values: Float64Array.from(values),
    });
    const frame = Frame.of({ b: numbers(4, 2), a: numbers(3, 1) });
    const folder = writeGraphModel();
    const named = await tfjs(folder, { features: ["a", "b"] }).load({ name: "net" });
    const ordered = await tfjs(folder).load({ name: "net" });
    expect(Array.from(await named.predict(frame))).toEqual([34, 12]);
    expect(Array.from(await ordered.predict(frame))).toEqual([43, 21]);
    expect(Array.from(await ordered.predict(frame, { features: ["a", "b"] }))).toEqual([34, 12]);
    expect(Array.from(await named.predict([{ a: 7, b: 5 }]))).toEqual([75]);
    expect(Array.from(await ordered.predict(Float32Array.of(1, 2, 3, 4)))).toEqual([12, 34]);
    const { y } = await ordered.run([[1, 1]]);
    expect([y!.dims, Array.from(y!)]).toEqual([[1, 1], [11]]);
  });

  it("keeps no tensor of thousands of predictions, and mixes up none that run at once", async () => {
    const folder = writeGraphModel();
    const model = await tfjs(folder).load({ name: "net", directory: folder });
    await model.predict([[1, 1]]);
    const before = tf.memory().numTensors;
    for (let round = 0; round < 30; round += 1) {
      const asked = Array.from({ length: 100 }, (_, i) => [i, round]);
      const answers = await Promise.all(asked.map((row) => model.predict([row])));
      expect(answers.map((answer) => answer[0])).toEqual(asked.map(([a, b]) => a! * 10 + b!));
    }
    const wrong = await model.predict([[1, 2, 3]]).catch((error: unknown) => error);
    expect(wrong).toMatchObject({ code: "MODEL_INPUT_INVALID" });
    expect(tf.memory().numTensors).toBe(before);
  });

  it("frees its weights when it is released, but not those of the notebook", async () => {
    const live = await makeLayersModel();
    const folder = await saveLive();
    const before = tf.memory().numTensors;
    const loaded = await tfjs(folder).load({ name: "net" });
    await loaded.warmup();
    expect(tf.memory().numTensors).toBe(before + 4);
    await loaded.release();
    expect(tf.memory().numTensors).toBe(before);
    await (await tfjs(live).load({ name: "net" })).release();
    expect(live.getWeights().every((weight) => !weight.isDisposed)).toBe(true);
  });

  it("runs on WebAssembly where that is installed, and leaves the notebook's own choice", async () => {
    await tf.setBackend("cpu");
    const model = await tfjs(writeGraphModel()).load({ name: "net" });
    await model.predict([[1, 1]]);
    expect(tf.getBackend()).toBe("cpu");
    expect(model.describe()).toEqual({
      kind: "tfjs",
      format: "graph-model",
      backend: "wasm",
      inputs: [{ name: "x", dtype: "float32", shape: [null, 2] }],
      outputs: [expect.objectContaining({ name: "y", dtype: "float32" })],
    });
    expect(await model.warmup()).toMatchObject({
      backend: "wasm",
      inputs: { x: [1, 2] },
      warnings: [],
    });
  });

  it("goes on training after a service has used the model", async () => {
    const live = await makeLayersModel();
    const model = await tfjs(live).load({ name: "net" });
    const before = Array.from(await model.predict([[1, 0]]));
    live.compile({ optimizer: tf.train.sgd(0.5), loss: "categoricalCrossentropy" });
    await live.fit(tf.tensor([[1, 0]]), tf.tensor([[0, 1, 0]]), { epochs: 20, verbose: 0 });
    const after = await model.predict([[1, 0]]);
    expect(after[1]).toBeGreaterThan(before[1]!);
    expect(after[1]).toBeGreaterThan(0.8);
  });
});

describe("files of tfjs()", () => {
  it("puts model.json and every file of weights into a bundle", async () => {
    const files = await tfjs(writeGraphModel()).files();
    expect(files.map(({ path }) => path)).toEqual([
      "model.json",
      "group1-shard1of2.bin",
      "group1-shard2of2.bin",
    ]);
  });

  it("names the file of weights that is missing", async () => {
    const folder = writeGraphModel();
    rmSync(join(folder, "group1-shard2of2.bin"));
    for (const act of [() => tfjs(folder).files(), () => tfjs(folder).load({ name: "net" })]) {
      await expect(act()).rejects.toMatchObject({
        code: "MODEL_FILE_MISSING",
        message: expect.stringContaining("group1-shard2of2.bin"),
      });
    }
  });

  it("refuses weights that are cut off, and those outside of the folder", async () => {
    const folder = writeGraphModel();
    const text = readFileSync(join(folder, "model.json"), "utf8");
    truncateSync(join(folder, "group1-shard2of2.bin"), 2);
    await expect(tfjs(folder).load({ name: "net" })).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringContaining("cannot be loaded by TensorFlow.js"),
    });
    writeFileSync(join(folder, "model.json"), text.replace("group1-shard1", "../group1-shard1"));
    await expect(tfjs(folder).files()).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
  });

  const HDF5 = "\x89HDF\r\n\x1a\n";
  const KERAS = "PK\x03\x04 metadata.json config.json model.weights.h5";
  it.each([
    ["net.h5", HDF5, "--input_format=keras"],
    ["net.h5", HDF5, 'Of Keras 3: in Python write `keras.models.load_model("'],
    ["net.hdf5", HDF5, "--input_format=keras"],
    ["net", HDF5, "--input_format=keras"],
    ["net.keras", KERAS, '.export("saved-model")'],
    ["net.zip", KERAS, '.export("saved-model")'],
    ["saved_model.pb", "x", "--input_format=tf_saved_model"],
    ["net.tflite", "\0\0\0\0TFL3", "is a TensorFlow Lite model"],
  ])("says how to convert the file %j of %j", async (name, content, advice) => {
    const folder = makeFolder();
    writeFileSync(join(folder, name), Buffer.from(content, "latin1"));
    // The folder alone tells as much, where such a file is what is in it.
    const isTold = /saved_model|\.(h5|hdf5|keras)$/.test(name);
    for (const source of [join(folder, name), ...(isTold ? [folder] : [])]) {
      await expect(tfjs(source).files()).rejects.toMatchObject({
        code: "MODEL_FILE_INVALID",
        message: expect.stringContaining(advice),
      });
    }
  });

  it("says that layers of Keras 3 are to be converted in another way", async () => {
    const folder = writeGraphModel();
    const file = join(folder, "model.json");
    const json = JSON.parse(readFileSync(file, "utf8")) as object;
    const modelTopology = { keras_version: "3.8.0", backend: "tensorflow", model_config: {} };
    writeFileSync(file, JSON.stringify({ ...json, format: "layers-model", modelTopology }));
    await expect(tfjs(folder).load({ name: "net" })).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringMatching(/layers of Keras 3\.8\.0.*--input_format=tf_saved_model/),
    });
  });

  it("takes the folder as a URL, and says what to do with one of the web", async () => {
    const folder = writeGraphModel();
    const model = await tfjs(pathToFileURL(folder)).load({ name: "net" });
    expect(Array.from(await model.predict([[1, 2]]))).toEqual([12]);
    for (const address of ["https://example.org/model.json", new URL("https://example.org/")]) {
      await expect(tfjs(address).load({ name: "net" })).rejects.toMatchObject({
        code: "MODEL_FILE_INVALID",
        message: expect.stringContaining("tfjs(await tf.loadLayersModel(address))"),
      });
    }
  });

  it("refuses what is no model.json, and what is no model", async () => {
    const folder = makeFolder();
    for (const text of ["{", "{}", '{"modelTopology":{},"weightsManifest":[{}]}']) {
      writeFileSync(join(folder, "model.json"), text);
      await expect(tfjs(folder).files()).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
    }
    for (const thing of [undefined, {}]) {
      await expect(tfjs(thing as never).load({ name: "net" })).rejects.toMatchObject({
        code: "SERVICE_INVALID",
      });
    }
  });
});
