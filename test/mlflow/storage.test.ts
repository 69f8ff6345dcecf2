import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MlflowOptions } from "../../sdk/mlflow/mlflow.js";
import { makeCache, open } from "./open.js";
import { createMlflowServer, type TestServer } from "./server.js";

async function answerOf(server: TestServer, uri: string, options: MlflowOptions = {}) {
  const model = await open(server, uri, options).load({ name: "iris" });
  const answer = Array.from(await model.predict([[5.1, 3.5, 1.4, 0.2]]));
  await model.release();
  return answer;
}

describe("files that are stored elsewhere", () => {
  for (const generation of [2, 3] as const) {
    it(`come from the tracking server of MLflow ${generation} when its proxy is off`, async () => {
      await using server = await createMlflowServer({ generation, proxy: false });
      expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
      expect(server.log().at(-1)).toMatch(/^GET \/model-versions\/get-artifact$/);
      const { run_id } = server.versions.find(({ name }) => name === "iris-onnx")!;
      expect(await answerOf(server, `runs:/${run_id}/model`)).toEqual([0]);
    });

    it(`come from it when they are in a cloud (MLflow ${generation})`, async () => {
      await using server = await createMlflowServer({ generation, storage: "s3://bucket" });
      expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
      expect(server.log().some((line) => line.includes("mlflow-artifacts"))).toBe(false);
    });
  }

  it("cannot be had without a run or a proxy, and that is said", async () => {
    await using server = await createMlflowServer({ storage: "s3://bucket" });
    for (const version of server.versions) version.run_id = "";
    await expect(answerOf(server, "models:/iris-onnx/1")).rejects.toMatchObject({
      code: "MODEL_NOT_FOUND",
      message: expect.stringMatching(/\(s3:\).*--serve-artifacts/) as string,
    });
  });

  it("of a version whose source is a run are found", async () => {
    await using server = await createMlflowServer();
    const version = server.versions.find(({ name }) => name === "iris-onnx")!;
    version.source = `runs:/${version.run_id}/model`;
    expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
  });

  it("on the disk are read only where that is allowed", async () => {
    const folder = makeCache();
    await using server = await createMlflowServer({ storage: folder });
    for (const [path, data] of server.files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), data);
    }
    const reads = (): number => server.log().filter((line) => line.endsWith("get-artifact")).length;
    expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
    expect(reads()).toBe(0);
    expect(await answerOf(server, "models:/iris-onnx/1", { allowLocalFiles: false })).toEqual([0]);
    expect(reads()).toBeGreaterThan(0);
  });
});

describe("names that need care", () => {
  it("of models are sent as they stand", async () => {
    await using server = await createMlflowServer();
    const version = server.versions.find(({ name }) => name === "iris-onnx")!;
    for (const name of ["it's 100% a+b & ü", "a@b", "odd%20name"]) {
      version.name = name;
      expect(await answerOf(server, `models:/${name}/1`)).toEqual([0]);
      expect(server.seen.some(({ query }) => query.get("name") === name)).toBe(true);
    }
  });

  it("of files and folders are escaped part by part", async () => {
    for (const generation of [2, 3] as const) {
      await using server = await createMlflowServer({ generation });
      const version = server.versions.find(({ name }) => name === "iris-onnx")!;
      const root = [...server.files.keys()]
        .find((path) => path.endsWith("model.onnx") && path.includes(version.run_id.slice(-8)))
        ?.replace("/model.onnx", "");
      const at = root ?? `1/models/${(version as { model_id?: string }).model_id}/artifacts`;
      const data = server.files.get(`${at}/model.onnx`)!;
      const mlmodel = server.files.get(`${at}/MLmodel`)!.toString();
      for (const name of ["sub dir/my model+100%.onnx", "modèle 日本.onnx"]) {
        server.files.set(`${at}/${name}`, data);
        server.files.set(
          `${at}/MLmodel`,
          Buffer.from(mlmodel.replaceAll("data: model.onnx", `data: ${JSON.stringify(name)}`)),
        );
        expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
      }
    }
  });

  it("of files that lead out of the model are left out", async () => {
    await using server = await createMlflowServer({
      intercept(seen, response) {
        if (!seen.path.endsWith("mlflow-artifacts/artifacts")) return false;
        const files = ["MLmodel", "model.onnx", "../../../../evil", "/etc/passwd", "a/../../b"];
        response.end(JSON.stringify({ files: files.map((path) => ({ path, is_dir: false })) }));
        return true;
      },
    });
    expect(await answerOf(server, "models:/iris-onnx/1")).toEqual([0]);
    expect(server.log().filter((line) => line.includes("artifacts/artifacts/"))).toHaveLength(3);
  });

  it("of prompts, and of versions that are not ready, are no models", async () => {
    await using server = await createMlflowServer();
    const version = server.versions.find(({ name }) => name === "iris-onnx")!;
    version.status = "PENDING_REGISTRATION";
    await expect(answerOf(server, "models:/iris-onnx/1")).rejects.toThrow(/is not ready/);
    version.tags = [{ key: "mlflow.prompt.is_prompt", value: "true" }];
    await expect(answerOf(server, "models:/iris-onnx/1")).rejects.toThrow(/is a prompt/);
  });
});
