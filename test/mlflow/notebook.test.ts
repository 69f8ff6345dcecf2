import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gunzipSync } from "node:zlib";
import type { Manifest } from "../../sdk/bundle/manifest.js";
import { createNotebookSession } from "../notebook/notebook-session.js";
import { createMlflowServer, FIXTURES } from "./server.js";

const ROW = `{ "sepal length (cm)": 6.7, "sepal width (cm)": 3, "petal length (cm)": 5, "petal width (cm)": 1.7 }`;

function cells(url: string, uri: string): string[] {
  return [
    `import { dataframe, defineService, mlflow, z } from "ekiben";`,
    `const iris = mlflow(${JSON.stringify(uri)}, { trackingUri: ${JSON.stringify(url)} });`,
    `const signature = await iris.signature();
const { row } = signature;`,
    `const service = defineService({ name: "iris" }).models({ iris }).api("predict", {
  input: dataframe(row),
  output: z.array(z.number()),
  batch: {},
  async handler(df, { models }) {
    const answer = await models.iris.predict(df);
    return Array.from({ length: answer.dims[0]! }, (_, at) => Array.from(answer.row(at)));
  },
});`,
  ];
}

describe("a model of a registry in a notebook", () => {
  it("becomes part of a bundle, which answers without the registry", async () => {
    const server = await createMlflowServer();
    await using session = await createNotebookSession();
    await session.run(...cells(server.url, "models:/iris-xgb/Production"));
    const answer = await session.evaluate<number[][]>(`await service.call.predict([${ROW}])`);
    expect(answer[0]![2]).toBeCloseTo(0.46015, 4);
    const cell = `await service.startDevServer({ port: 0 }).then((one) => one.url)`;
    const dev = await session.evaluate<string>(cell);
    const metadata = (await (await fetch(`${dev}/metadata`)).json()) as { models: object[] };
    await session.run("await service.stopDevServer()");
    // From here on there is no registry any more.
    await server.stop();
    const saved = await session.save("service");
    expect(saved.verified).toBe(1);
    const manifest = JSON.parse(saved.read("ekiben.json")) as Manifest;
    const [model] = manifest.models;
    const { run_id } = server.versions[1]!;
    const provenance = {
      uri: "models:/iris-xgb/Production",
      name: "iris-xgb",
      version: "2",
      runId: run_id,
      flavor: "xgboost",
      mlflowVersion: "2.22.1.dev0",
    };
    expect(model).toMatchObject({ name: "iris", kind: "mlflow", description: { provenance } });
    expect(metadata.models).toMatchObject([{ name: "iris", kind: "mlflow", provenance }]);
    expect(JSON.stringify(metadata.models)).not.toContain("127.0.0.1");
    expect(model!.files.map(({ path }) => path)).toEqual([
      "models/iris/MLmodel",
      "models/iris/mlflow.json",
      "models/iris/model.json",
    ]);
    expect(saved.read("models/iris/model.json")).toBe(
      readFileSync(
        new URL("../fixtures/mlflow/mlflow-2.22/iris-xgb-v2/model.json", import.meta.url),
        "utf8",
      ),
    );
    for (const name of ["row", "signature", "iris"]) {
      expect(saved.report).toContainEqual(expect.objectContaining({ name, kind: "source" }));
    }
  });

  it("is shown while it is downloaded, by one bar that is updated in its place", async () => {
    const body = readFileSync(join(FIXTURES, "mlflow-2.22/iris-xgb-v2/model.json"));
    const size = body.byteLength;
    await using server = await createMlflowServer({
      async intercept({ path }, response) {
        if (!path.endsWith("/model.json")) return false;
        response.writeHead(200, { "content-length": size });
        // A download that takes longer than a moment.
        for (let part = 0; part < 4; part++) {
          response.write(body.subarray((part * size) / 4, ((part + 1) * size) / 4));
          await new Promise((resolve) => setTimeout(resolve, 500));
        }
        response.end();
        return true;
      },
    });
    await using session = await createNotebookSession();
    const [declare, define] = cells(server.url, "models:/iris-xgb/2");
    await session.run(declare!, define!);
    const seen: string[] = [];
    const result = await session.kernel.execute("await iris.signature()", {
      onOutput: (output) => seen.push(JSON.stringify(output)),
    });
    expect(result.status).toBe("ok");
    const bars = result.outputs.filter((output) => output.output_type === "display_data");
    expect(bars).toHaveLength(1);
    expect(bars[0]!.data["text/plain"]).toMatch(/^Downloaded iris-xgb version 2 from 127\.0\.0\.1/);
    expect(seen.some((text) => text.includes("<progress max="))).toBe(true);
  });

  it("and its bundle are logged back to a run, and registered", async () => {
    await using server = await createMlflowServer();
    await using session = await createNotebookSession();
    await session.run(...cells(server.url, "models:/iris-xgb@champion"));
    await session.run(`await service.call.predict([${ROW}])`);
    const saved = await session.evaluate<{
      tag: string;
      directory: string;
      mlflow: { runId: string; artifactUri: string; model: { name: string; version: string } };
      report: { kind: string; note?: string }[];
    }>(
      `await service.save({ mlflow: { trackingUri: ${JSON.stringify(server.url)}, experiment: "services", registerAs: "iris-service", tags: { team: "growth" } } })`,
    );
    const { runId, artifactUri, model } = saved.mlflow;
    expect(model).toEqual({ name: "iris-service", version: "1" });
    const version = saved.tag.split(":")[1]!;
    const root = `2/${runId}/artifacts/bundle`;
    expect(artifactUri).toBe(`mlflow-artifacts:/${root}/iris-${version}.tar.gz`);
    const archive = gunzipSync(server.files.get(`${root}/iris-${version}.tar.gz`)!);
    expect(archive.includes(`iris-${version}/ekiben.json`)).toBe(true);
    const registered = server.versions.find(({ name }) => name === "iris-service")!;
    expect(registered).toMatchObject({ run_id: runId, source: `mlflow-artifacts:/${root}` });
    expect(registered.tags).toContainEqual({ key: "team", value: "growth" });
    expect(registered.tags).toContainEqual({ key: "ekiben.bundle", value: saved.tag });
    expect(JSON.parse(server.files.get(`${root}/MLmodel`)!.toString())).toMatchObject({
      run_id: runId,
      flavors: { ekiben: { bundle: saved.tag } },
    });
    expect(saved.report.find(({ kind }) => kind === "mlflow")?.note).toContain(runId);
    expect(server.seen.at(-1)!.body.toString()).toContain('"status":"FINISHED"');
    // The registry is what the bundle was made with, not what it knows of.
    const files = readFileSync(join(saved.directory, "service.mjs"), "utf8");
    expect(files).toContain("iris-xgb@champion");
  });
});
