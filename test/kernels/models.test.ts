import { cp } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { HeadlessKernel } from "../../kernels/tslab/headless.js";
import { FIXTURES } from "../models/fixture.js";
import { openFolder, openKernel, type Folder } from "./kernel-room.js";

// A kernel takes a second to start, and many times that on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 });

let folder: Folder;
let kernel: HeadlessKernel;

beforeAll(async () => {
  folder = await openFolder();
  await cp(join(FIXTURES, "xgb-breast-cancer-binary/model.json"), join(folder.path, "trees.json"));
  kernel = await openKernel({ cwd: folder.path });
  const home = JSON.stringify(join(folder.path, "home"));
  await kernel.execute(`process.env.EKIBEN_HOME = ${home};
    import { lightgbm, mlflow, model, models, onnx, tfjs, xgboost } from "ekiben";
    await models.import("trees.json", { name: "trees", version: "1.0" });`);
});
afterAll(async () => {
  await kernel?.shutdown();
  await folder?.[Symbol.asyncDispose]();
});

test("a stored model as the last line of a cell says which it is, and what it came to be", async () => {
  const declared = await kernel.execute(`const trees = models.get("trees:latest");\ntrees`);
  expect(declared.text).toBe("Model trees:latest (of the model store)\n");
  const used = await kernel.execute("await trees.files();\ntrees");
  expect(used.text).toBe("Model trees:latest (xgboost, of the model store, trees:1.0)\n");
  const typed = await kernel.execute(`models.get("trees", { kind: "xgboost" })`);
  expect(typed.text).toBe("Model trees (xgboost, of the model store)\n");
});

test.each([
  [`xgboost("trees.json")`, "Model trees.json (xgboost)"],
  [`lightgbm("a/b.txt")`, "Model a/b.txt (lightgbm)"],
  [`onnx("a.onnx")`, "Model a.onnx (onnx)"],
  [`tfjs("net")`, "Model net (tfjs)"],
  [
    `model({ value: [1], fromJSON: (value) => value as number[], predict: (value) => value })`,
    "Model in memory (javascript)",
  ],
  [`mlflow("models:/churn/3")`, "Model models:/churn/3 (mlflow)"],
])("%s as the last line of a cell prints no functions", async (source, shown) => {
  const { text } = await kernel.execute(source);
  expect(text).toBe(`${shown}\n`);
});
