import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { unpackBundle } from "../../sdk/bundle/unpack.js";
import { logBundle } from "../../sdk/mlflow/log-bundle.js";
import { mlflow } from "../../sdk/mlflow/mlflow.js";
import { buildScale, PROJECT } from "../bundle/made-bundle.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { makeCache } from "./open.js";
import { createMlflowServer } from "./server.js";

async function makeBundle() {
  const folder = await makeFolder(PROJECT);
  onTestFinished(() => folder[Symbol.asyncDispose]());
  return buildScale(folder.path);
}

describe("a bundle that is logged", () => {
  it("becomes an artifact of a run of its own, whole", async () => {
    await using server = await createMlflowServer();
    const { directory, manifest } = await makeBundle();
    const logged = await logBundle({ directory }, { trackingUri: server.url });
    expect(logged.model).toBeUndefined();
    const path = logged.artifactUri.replace("mlflow-artifacts:/", "");
    expect(path).toBe(
      `0/${logged.runId}/artifacts/bundle/${manifest.name}-${manifest.version}.tar.gz`,
    );
    const folder = makeCache();
    writeFileSync(join(folder, "logged.tar.gz"), server.files.get(path)!);
    const unpacked = await unpackBundle(join(folder, "logged.tar.gz"), join(folder, "bundle"));
    expect(unpacked.manifest).toEqual(manifest);
    expect(readFileSync(join(folder, "bundle", "ekiben.json"), "utf8")).toBe(
      readFileSync(join(directory, "ekiben.json"), "utf8"),
    );
    expect(statesOf(server)).toEqual(["FINISHED"]);
  });

  it("becomes one of a run that is there, which stays as it is", async () => {
    await using server = await createMlflowServer();
    const { directory } = await makeBundle();
    const run = server.versions[0]!.run_id;
    const options = { trackingUri: server.url, run, registerAs: "iris-xgb", tags: { team: "a" } };
    const logged = await logBundle(directory, options);
    expect(logged.runId).toBe(run);
    expect(logged.model).toEqual({ name: "iris-xgb", version: "4" });
    expect(statesOf(server)).toEqual([]);
    expect(server.log()).not.toContain("POST /mlflow/runs/create");
    const tags = server.seen.filter(({ path }) => path.endsWith("/runs/set-tag"));
    expect(tags.map(({ body }) => (JSON.parse(body.toString()) as { key: string }).key)).toEqual([
      "ekiben.bundle",
      "ekiben.digest",
      "team",
    ]);
    // A bundle is served as it is, and is not a model for another service.
    await expect(
      mlflow("models:/iris-xgb/4", { trackingUri: server.url, cache: makeCache() }).files(),
    ).rejects.toThrow(/is a bundle of ekiben/);
  });

  it("is sent again when the connection breaks off, and the run fails when it cannot be", async () => {
    const { directory } = await makeBundle();
    let puts = 0;
    await using server = await createMlflowServer({
      intercept(seen, response) {
        if (seen.method !== "PUT" || ++puts > 1) return false;
        response.destroy();
        return true;
      },
    });
    await logBundle(directory, { trackingUri: server.url });
    expect(statesOf(server)).toEqual(["FINISHED"]);

    await using off = await createMlflowServer({ proxy: false });
    const options = { trackingUri: off.url, registerAs: "iris-service" };
    await expect(logBundle(directory, options)).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
    expect(statesOf(off)).toEqual(["FAILED"]);
    expect(off.log().some((line) => line.endsWith("model-versions/create"))).toBe(false);

    await using cloud = await createMlflowServer({ storage: "s3://bucket" });
    await expect(logBundle(directory, { trackingUri: cloud.url })).rejects.toThrow(
      /not stored by .* itself \(s3:\)/,
    );
  });

  it("refuses options that do not exist", async () => {
    const { directory } = await makeBundle();
    await expect(logBundle(directory, { registeras: "x" } as object)).rejects.toThrow(
      /no option "registeras".*"registerAs"/,
    );
    const definition = mlflow("models:/a/1", { flavour: "onnx" } as object);
    await expect(definition.files()).rejects.toThrow(/no option "flavour".*"flavor"/);
  });
});

function statesOf(server: { seen: { path: string; body: Buffer }[] }): string[] {
  return server.seen
    .filter(({ path }) => path.endsWith("/runs/update"))
    .map(({ body }) => (JSON.parse(body.toString()) as { status: string }).status);
}
