import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { mlflow, type MlflowModel, type MlflowOptions } from "../../sdk/mlflow/mlflow.js";
import type { DownloadProgress } from "../../sdk/mlflow/download.js";
import { createProgressReport } from "../../sdk/mlflow/progress.js";
import { makeCache, open } from "./open.js";
import { createMlflowServer, FIXTURES } from "./server.js";

beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("MLFLOW_")) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.001");
});
afterEach(() => void vi.unstubAllEnvs());

async function load(uri: string, options: MlflowOptions = {}) {
  const model = await mlflow(uri, { cache: makeCache(), ...options }).load({ name: "iris" });
  await model.release();
  return model.describe().provenance!;
}

describe("a connection", () => {
  it("is read from MLflow's own variables, when a model is used", async () => {
    await expect(load("models:/iris-onnx/1")).rejects.toThrow(
      /No MLflow server is named.*MLFLOW_TRACKING_URI/,
    );
    const basic = `Basic ${Buffer.from("ada:pässword:1").toString("base64")}`;
    await using server = await createMlflowServer({ authorization: basic });
    const definition = mlflow("models:/iris-onnx/1", { cache: makeCache() });
    await expect(definition.load({ name: "iris" })).rejects.toThrow(/No MLflow server/);
    vi.stubEnv("MLFLOW_TRACKING_URI", `${server.url}/`);
    vi.stubEnv("MLFLOW_TRACKING_TOKEN", "a user name wins over it");
    vi.stubEnv("MLFLOW_TRACKING_USERNAME", "ada");
    vi.stubEnv("MLFLOW_TRACKING_PASSWORD", "pässword:1");
    const model = await definition.load({ name: "iris" });
    await model.release();
  });

  it("keeps the path of a server behind a proxy", async () => {
    await using server = await createMlflowServer();
    await using proxy = await createMlflowServer({
      async intercept(seen, response) {
        if (!seen.path.startsWith("/ml/flow/")) return false;
        const answer = await fetch(
          `${server.url}${seen.path.slice("/ml/flow".length)}?${seen.query}`,
          { method: seen.method, ...(seen.body.byteLength > 0 && { body: seen.body.toString() }) },
        );
        response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
        return true;
      },
    });
    await load("models:/iris-xgb/latest", { trackingUri: `${proxy.url}/ml/flow/` });
    expect(proxy.seen.every(({ path }) => path.startsWith("/ml/flow/api/2.0/"))).toBe(true);
  });

  it("asks the registry for models and the tracking server for files", async () => {
    await using registry = await createMlflowServer();
    await using tracking = await createMlflowServer();
    vi.stubEnv("MLFLOW_TRACKING_URI", tracking.url);
    vi.stubEnv("MLFLOW_REGISTRY_URI", registry.url);
    await load("models:/iris-xgb@champion");
    expect(registry.log()).toEqual([
      "GET /mlflow/registered-models/alias",
      "GET /mlflow/model-versions/get-download-uri",
    ]);
    expect(tracking.log().every((line) => line.startsWith("GET /mlflow-artifacts/"))).toBe(true);
  });

  it("follows redirects of the same server", async () => {
    await using server = await createMlflowServer({
      intercept(seen, response) {
        if (!seen.path.startsWith("/old")) return false;
        const location = `${seen.path.slice(4)}?${seen.query}`;
        response.writeHead(308, { location }).end();
        return true;
      },
    });
    await load("models:/iris-onnx/1", { trackingUri: `${server.url}/old` });
    await using circle = await createMlflowServer({
      intercept(seen, response) {
        response.writeHead(302, { location: `${seen.path}?${seen.query}` }).end();
        return true;
      },
    });
    await expect(load("models:/iris-onnx/1", { trackingUri: circle.url })).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
    });
    expect(circle.seen).toHaveLength(6);
  });

  it("trusts a certificate only when it is told to", async () => {
    await using server = await createMlflowServer({ tls: true });
    const { url } = server;
    const uri = "models:/iris-onnx/1";
    await expect(load(uri, { trackingUri: url })).rejects.toThrow(
      /certificate cannot be trusted.*MLFLOW_TRACKING_SERVER_CERT_PATH/,
    );
    await load(uri, { trackingUri: url, insecureTls: true });
    vi.stubEnv("MLFLOW_TRACKING_INSECURE_TLS", "true");
    await load(uri, { trackingUri: url });
    vi.stubEnv("MLFLOW_TRACKING_INSECURE_TLS", "false");
    vi.stubEnv("MLFLOW_TRACKING_SERVER_CERT_PATH", join(FIXTURES, "tls", "cert.pem"));
    await load(uri, { trackingUri: url });
    vi.stubEnv("MLFLOW_TRACKING_SERVER_CERT_PATH", join(FIXTURES, "tls", "gone.pem"));
    await expect(load(uri, { trackingUri: url })).rejects.toThrow(
      /gone\.pem, which cannot be read/,
    );
    await expect(load(uri, { trackingUri: url.replace("https", "http") })).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
    });
    await using plain = await createMlflowServer();
    vi.stubEnv("MLFLOW_TRACKING_SERVER_CERT_PATH", "");
    await expect(load(uri, { trackingUri: plain.url.replace("http", "https") })).rejects.toThrow(
      /does not speak TLS.*http:/,
    );
  });
});

describe("a download", () => {
  it("tells how far it is", async () => {
    await using server = await createMlflowServer();
    const told: DownloadProgress[] = [];
    const cache = makeCache();
    const onProgress = (progress: DownloadProgress) => void told.push(progress);
    await open(server, "models:/iris-onnx/1", { cache, onProgress }).files();
    const last = told.at(-1)!;
    expect(last).toMatchObject({ done: true, receivedBytes: last.totalBytes });
    expect(told.map(({ receivedBytes }) => receivedBytes)).toEqual(
      told.map(({ receivedBytes }) => receivedBytes).sort((a, b) => a - b),
    );
    told.length = 0;
    await open(server, "models:/iris-onnx/1", { cache, onProgress }).files();
    expect(told).toEqual([]);
  });

  const steps = () => {
    let time = 0;
    return {
      now: () => time,
      step(
        report: (progress: DownloadProgress) => void,
        ms: number,
        receivedBytes = 5e8,
        done = false,
      ) {
        time += ms;
        report({ file: "a", receivedBytes, totalBytes: 2e9, done });
      },
    };
  };

  it("is a bar on a terminal, as wide as that is, once it takes longer than a moment", () => {
    const written: string[] = [];
    const write = (text: string) => void written.push(text);
    const { now, step } = steps();
    const server = "http://host:5000/";
    const on = (columns: number) => ({ isTTY: true, columns, write }) as never;
    const places = { now, terminal: on(100), host: undefined };
    const report = createProgressReport("churn version 3", server, places);
    step(report, 100, 1e7);
    step(report, 1900);
    step(report, 10);
    step(report, 1990, 1e9);
    step(report, 4000, 2e9, true);
    expect(written).toEqual([
      "\rchurn version 3 from host:5000  [######------------------] 25 % of 2.00 GB  250.0 MB/s, 6 s left\u001b[K",
      "\rchurn version 3 from host:5000  [############------------] 50 % of 2.00 GB  250.0 MB/s, 4 s left\u001b[K",
      "\rDownloaded churn version 3 from host:5000: 2.00 GB in 8.0 s\u001b[K\n",
    ]);
    written.length = 0;
    const narrow = createProgressReport("churn", server, { ...places, terminal: on(40) });
    step(narrow, 1000);
    // eslint-disable-next-line no-control-regex
    expect(written[0]!.replace(/[\r\u001b]|\[K/g, "").length).toBeLessThan(40);
    written.length = 0;
    const quick = createProgressReport("churn", server, places);
    step(quick, 100);
    step(quick, 100, 2e9, true);
    expect(written).toEqual([]);
  });

  it("is a line now and then in a log, and nothing in CI", () => {
    const written: string[] = [];
    const terminal = { isTTY: false, write: (text: string) => void written.push(text) } as never;
    const { now, step } = steps();
    const report = createProgressReport("churn", undefined, { now, terminal, env: {} });
    for (let at = 1; at <= 30; at++) step(report, 1000, at * 5e7);
    step(report, 1000, 2e9, true);
    expect(written).toEqual([
      "Downloading churn: 50.0 MB of 2.00 GB (2 %)\n",
      "Downloading churn: 550.0 MB of 2.00 GB (27 %)\n",
      "Downloading churn: 1.05 GB of 2.00 GB (52 %)\n",
      "Downloaded churn: 2.00 GB in 31.0 s\n",
    ]);
    written.length = 0;
    const silent = createProgressReport("churn", undefined, { now, terminal, env: { CI: "true" } });
    for (let at = 0; at < 30; at++) step(silent, 1000);
    expect(written).toEqual([]);
  });
});

it("a flavor that is named gives the handler its model, with all it can do", () => {
  type Loaded<D extends { load(context: never): Promise<unknown> }> = Awaited<
    ReturnType<D["load"]>
  >;
  const onnx = mlflow("models:/a/1", { flavor: "onnx", model: { features: ["x"] } });
  const xgboost = mlflow("models:/a/1", { flavor: "xgboost" });
  const any = mlflow("models:/a/1");
  expectTypeOf<Loaded<typeof onnx>>().toHaveProperty("run");
  expectTypeOf<Loaded<typeof xgboost>>().toHaveProperty("leaves");
  expectTypeOf<Loaded<typeof any>>().toEqualTypeOf<MlflowModel>();
  expect([onnx.kind, xgboost.uri]).toEqual(["mlflow", "models:/a/1"]);
});
