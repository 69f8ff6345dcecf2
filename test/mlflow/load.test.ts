import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mlflow } from "../../sdk/mlflow/mlflow.js";
import { makeCache, open } from "./open.js";
import { createMlflowServer, FIXTURES, type TestServer } from "./server.js";

interface Predictions {
  columns: string[];
  rows: number[][];
  [model: string]: unknown;
}

const PREDICTIONS = JSON.parse(
  readFileSync(join(FIXTURES, "mlflow-2.22", "predictions.json"), "utf8"),
) as Predictions;
const TABLE = PREDICTIONS.rows.map((row) =>
  Object.fromEntries(row.map((value, at) => [PREDICTIONS.columns[at], value])),
);

async function provenanceOf(server: TestServer, uri: string) {
  const model = await open(server, uri).load({ name: "iris" });
  const { provenance } = model.describe();
  await model.release();
  return provenance;
}

for (const generation of [2, 3] as const) {
  describe(`models of MLflow ${generation}`, () => {
    it("are found by version, stage, alias, latest and run", async () => {
      await using server = await createMlflowServer({ generation });
      const found: unknown[] = [];
      const run = server.versions.find((one) => one.name === "iris-xgb" && one.version === "2")!;
      for (const uri of [
        "models:/iris-xgb/2",
        "models:/iris-xgb/Production",
        "models:/iris-xgb/production",
        "models:/iris-xgb@champion",
        "models:/iris-xgb/latest",
        "models:/iris-onnx/Latest",
        `runs:/${run.run_id}/model`,
        ...(generation === 3 ? [`models:/${run.model_id}`] : []),
      ]) {
        const { name, version, runId } = (await provenanceOf(server, uri))!;
        found.push([uri.split(":")[0], name, version, runId !== undefined]);
      }
      expect(found).toEqual([
        ["models", "iris-xgb", "2", true],
        ["models", "iris-xgb", "2", true],
        ["models", "iris-xgb", "2", true],
        ["models", "iris-xgb", "3", true],
        ["models", "iris-xgb", "3", true],
        ["models", "iris-onnx", "1", true],
        ["runs", undefined, undefined, true],
        ...(generation === 3 ? [["models", undefined, undefined, true]] : []),
      ]);
    });

    it("answer as they do in Python", async () => {
      await using server = await createMlflowServer({ generation });
      for (const id of ["iris-xgb/2", "iris-xgb/3", "iris-lgb/1"]) {
        const model = await open(server, `models:/${id}`).load({ name: "iris" });
        const answer = await model.predict(TABLE);
        const expected = PREDICTIONS[id] as number[][];
        expect(answer.dims).toEqual([expected.length, 3]);
        expected.flat().forEach((value, at) => expect(answer[at]).toBeCloseTo(value, 6));
        await model.release();
      }
    });
  });
}

describe("a definition", () => {
  it("asks nothing before it is used, and keeps to what it found first", async () => {
    await using server = await createMlflowServer();
    const model = open(server, "models:/iris-xgb@champion");
    expect(server.seen).toEqual([]);
    const first = await model.load({ name: "iris" });
    server.aliases["iris-xgb"]!["champion"] = "2";
    const asked = server.seen.length;
    const files = await model.files();
    expect(server.seen).toHaveLength(asked);
    expect(files.map(({ path }) => path)).toEqual(["model.ubj", "MLmodel", "mlflow.json"]);
    const pin = JSON.parse(readFileSync(files[2]!.source, "utf8")) as Record<string, unknown>;
    expect(pin).toMatchObject({ name: "iris-xgb", version: "3", uri: "models:/iris-xgb@champion" });
    await first.release();
  });

  it("downloads once into the cache, and mends what was damaged there", async () => {
    await using server = await createMlflowServer();
    const cache = makeCache();
    const fetched = (): number =>
      server.log().filter((line) => /artifacts\/.*model\.onnx/.test(line)).length;
    const load = async () => {
      const model = await open(server, "models:/iris-onnx/1", { cache }).load({ name: "iris" });
      await model.release();
    };
    await load();
    await load();
    expect(fetched()).toBe(1);
    const [folder] = readdirSync(cache).filter((name) => /^[0-9a-f]{32}$/.test(name));
    writeFileSync(join(cache, folder!, "model", "model.onnx"), "damaged");
    await load();
    expect(fetched()).toBe(2);
    expect(readdirSync(cache).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("reads a folder that Python wrote without a server", async () => {
    const folder = join(FIXTURES, "mlflow-2.22", "iris-onnx-v1");
    const model = await mlflow(folder).load({ name: "iris" });
    const answer = await model.predict([[5.1, 3.5, 1.4, 0.2]]);
    expect(Array.from(answer)).toEqual([0]);
    await model.release();
  });
});
