import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { RandomForestClassifier } from "ml-random-forest";
import { model } from "../../sdk/models/javascript.js";
import type { LoadedModel, ModelDefinition } from "../../sdk/models/model.js";
import { tfjs } from "../../sdk/models/tfjs.js";
import { makeLayersModel, writeGraphModel } from "./tfjs-fixture.js";

/** A model of a library in JavaScript: what it answers in memory, and what its saved files answer. */
export interface JavaScriptMeasured {
  framework: string;
  path: string;
  fixture: string;
  rows: number;
  got: ArrayLike<unknown>;
  wanted: readonly unknown[];
}

const require = createRequire(import.meta.url);
const versionOf = (name: string): string =>
  (require(`${name}/package.json`) as { version: string }).version;

const ROWS = Array.from({ length: 60 }, (_, i) => [i % 7, (i * 3) % 11]);
const CLASSES = ROWS.map(([a]) => (a! > 3 ? 1 : 0));

type Predicting = LoadedModel & { predict(x: number[][]): unknown };

/** Saves a model into a folder as a bundle has it, loads it there and asks it. */
async function askSaved(definition: ModelDefinition<Predicting>, x: number[][]): Promise<unknown> {
  const directory = mkdtempSync(join(tmpdir(), "ekiben-measured-"));
  try {
    for (const { source, path } of await definition.files("measured")) {
      const target = join(directory, ...path.split("/"));
      await cp(source, target, { recursive: true });
    }
    const loaded = await definition.load({ name: "measured", directory });
    const answer = await loaded.predict(x);
    await loaded.release();
    return answer;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function measureJavaScript(): Promise<JavaScriptMeasured[]> {
  return [await measureLayers(), await measureGraph(), await measureForest()];
}

async function measureLayers(): Promise<JavaScriptMeasured> {
  const net = await makeLayersModel();
  const wanted = Array.from((net.predict(tf.tensor2d(ROWS)) as tf.Tensor).dataSync());
  const got = (await askSaved(tfjs(net) as never, ROWS)) as Float32Array;
  return {
    framework: `TensorFlow.js ${versionOf("@tensorflow/tfjs")}`,
    path: "`tfjs(model)`",
    fixture: "makeLayersModel",
    rows: ROWS.length,
    got,
    wanted,
  };
}

async function measureGraph(): Promise<JavaScriptMeasured> {
  const got = (await askSaved(tfjs(writeGraphModel()) as never, ROWS)) as Float32Array;
  return {
    framework: `TensorFlow.js ${versionOf("@tensorflow/tfjs")}`,
    path: "`tfjs(folder)`",
    fixture: "writeGraphModel",
    rows: ROWS.length,
    got,
    wanted: ROWS.map(([a, b]) => 10 * a! + b!),
  };
}

async function measureForest(): Promise<JavaScriptMeasured> {
  const forest = new RandomForestClassifier({ nEstimators: 10, seed: 3, noOOB: true });
  forest.train(ROWS, CLASSES);
  const definition = model({
    value: forest,
    fromJSON: (json) => RandomForestClassifier.load(json),
    predict: (one, rows: number[][]) => one.predict(rows),
  });
  return {
    framework: `ml-random-forest ${versionOf("ml-random-forest")}`,
    path: "`model({ value, fromJSON })`",
    fixture: "RandomForestClassifier",
    rows: ROWS.length,
    got: (await askSaved(definition as never, ROWS)) as number[],
    wanted: forest.predict(ROWS),
  };
}
