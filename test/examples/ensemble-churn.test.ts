import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as tf from "@tensorflow/tfjs";
import { tableFromArrays, tableFromIPC, tableToIPC } from "apache-arrow";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toFeatures, type Customer } from "../../examples/ensemble-churn/features.js";
import { findDifference } from "../../sdk/bundle/find-difference.js";
import type { StartedServer } from "../../sdk/bundle/verify.js";
import { spawnServer } from "../../sdk/server/spawn-server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "examples/ensemble-churn");
const home = mkdtempSync(join(tmpdir(), "ekiben-ensemble-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const read = (file: string): string => readFileSync(join(root, file), "utf8");
const fixture = (file: string): unknown => JSON.parse(read(`test/fixtures/${file}`));

/** The same customers before and after the preprocessing in Python, and what PyTorch answered. */
const customers = fixture("torch-churn-tabular/raw.json") as Customer[];
const prepared = fixture("torch-churn-tabular/inputs.json") as {
  x_cat: number[];
  x_cont: number[];
}[];
const { logits } = (
  fixture("torch-churn-tabular/expected.json") as { outputs: { logits: [number, number][] } }
).outputs;
const ofPyTorch = logits.map(([stays, leaves]) => 1 / (1 + Math.exp(stays - leaves)));

/** Other customers, and what XGBoost answered. */
const forTrees = fixture("xgb-churn-categorical/inputs.json") as Customer[];
const ofXGBoost = (
  fixture("xgb-churn-categorical/expected.json") as { outputs: { prediction: number[] } }
).outputs.prediction;

interface Scores {
  churn: number;
  trees: number;
  torch: number;
  net: number;
}

let server: StartedServer;
beforeAll(async () => {
  const output = join(home, "bundle");
  await promisify(execFile)(
    process.execPath,
    [join(root, "dist/sdk/cli/main.js"), "build", join(folder, "service.ts"), "--output", output],
    { cwd: root, env: { ...process.env, EKIBEN_HOME: home } },
  );
  server = await spawnServer(output);
}, 300_000);
afterAll(() => server?.stop());

/** On a busy machine the batcher may rightly say that an answer would be too late. */
async function send(route: string, body: string | Uint8Array, headers: object): Promise<Response> {
  for (let tries = 0; ; tries += 1) {
    const response = await fetch(`${server.url}/v1/churn/${route}`, {
      method: "POST",
      headers: { ...headers },
      body: body as string,
    });
    if (response.status !== 503 || tries === 100) return response;
    await response.arrayBuffer();
    await wait(100);
  }
}

async function predict(rows: readonly object[]): Promise<Scores[]> {
  const response = await send("predict", JSON.stringify(rows), {
    "content-type": "application/json",
  });
  const body = await response.json();
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body as Scores[];
}

/** What TensorFlow.js itself answers, with nothing of this project between. */
async function askTensorFlow(model: string): Promise<number[]> {
  await tf.setBackend("cpu");
  const { weightsManifest, ...artifacts } = JSON.parse(
    readFileSync(join(model, "model.json"), "utf8"),
  ) as { weightsManifest: [{ weights: tf.io.WeightsManifestEntry[] }] };
  const bytes = readFileSync(join(model, "weights.bin"));
  const net = await tf.loadLayersModel(
    tf.io.fromMemory({
      ...artifacts,
      weightSpecs: weightsManifest[0].weights,
      weightData: Uint8Array.from(bytes).buffer,
    }),
  );
  const { x_cat_order: order, categories } = JSON.parse(
    readFileSync(join(folder, "models/preprocess.json"), "utf8"),
  ) as { x_cat_order: string[]; categories: Record<string, string[]> };
  const answers = tf.tidy(() => {
    const flags = order.map((name, i) => {
      const codes = prepared.map(({ x_cat }) => x_cat[i]!);
      return tf.oneHot(tf.tensor1d(codes, "int32"), categories[name]!.length).toFloat();
    });
    const values = tf.tensor2d(prepared.map(({ x_cont }) => x_cont));
    return (net.predict(tf.concat([values, ...flags], 1)) as tf.Tensor).dataSync();
  });
  net.dispose();
  return Array.from(answers);
}

describe("the example of three models", () => {
  it("prepares customers as the Python script did", () => {
    customers.forEach((customer, i) => {
      const { codes, values } = toFeatures(customer);
      expect(codes).toEqual(prepared[i]!.x_cat);
      values.forEach((value, k) => expect(value).toBeCloseTo(prepared[i]!.x_cont[k]!, 5));
    });
  });

  it("answers with what each framework itself answers, and with their mean", async () => {
    const answers = await predict(customers);
    expect(answers).toHaveLength(68);
    const ofTensorFlow = await askTensorFlow(join(folder, "models/net"));
    answers.forEach(({ churn, trees, torch, net }, i) => {
      expect(torch).toBeCloseTo(ofPyTorch[i]!, 5);
      expect(net).toBeCloseTo(ofTensorFlow[i]!, 5);
      expect(churn).toBeCloseTo((trees + torch + net) / 3, 12);
    });
    const both = customers.findIndex((one) =>
      JSON.stringify(forTrees).includes(JSON.stringify(one)),
    );
    const same = forTrees.findIndex(
      (one) => JSON.stringify(one) === JSON.stringify(customers[both]),
    );
    const mean = (ofXGBoost[same]! + ofPyTorch[both]! + ofTensorFlow[both]!) / 3;
    expect(answers[both]!.churn).toBeCloseTo(mean, 6);

    const more = await predict(forTrees);
    expect(more.map(({ trees }) => Math.fround(trees))).toEqual(ofXGBoost.map(Math.fround));
  });

  it("answers alike whoever shares the batch", async () => {
    const alone = await predict(customers);
    const sizes = [1, 2, 5, 10, 50];
    let from = 0;
    const parts = sizes.map((size) => customers.slice(from, (from += size)));
    const together = await Promise.all(parts.map((part) => predict(part)));
    expect(findDifference(alone, together.flat(), 1e-5)).toBe(undefined);
  });

  it("ranks a table of CSV as shown", async () => {
    const response = await send("rank", read("examples/ensemble-churn/customers.csv"), {
      "content-type": "text/csv",
      accept: "text/csv",
    });
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const toCells = (text: string): unknown[][] =>
      text
        .trim()
        .split(/\r?\n/)
        .map((line) => line.split(",").map((cell) => (/^[\d.]+$/.test(cell) ? +cell : cell)));
    const shown = toCells(read("examples/ensemble-churn/ranks.csv"));
    expect(findDifference(shown, toCells(await response.text()), 1e-5)).toBe(undefined);
  });

  it("ranks many rows in pieces, in Arrow and back, while small requests go on", async () => {
    const rows = Array.from({ length: 20 }, () => customers).flat();
    const names = Object.keys(rows[0]!) as (keyof Customer)[];
    const columns = Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])]));
    const table = tableFromArrays({ customer_id: rows.map((_, i) => `C-${i}`), ...columns });
    const asked = send("rank", tableToIPC(table, "stream"), {
      "content-type": "application/vnd.apache.arrow.stream",
      accept: "application/vnd.apache.arrow.stream",
    });
    const small = await Promise.all(customers.slice(0, 20).map((one) => predict([one])));
    const ranked = tableFromIPC(new Uint8Array(await (await asked).arrayBuffer())).toArray() as {
      customer_id: string;
      churn: number;
      rank: bigint;
    }[];
    expect(ranked.map((row) => row.customer_id)).toEqual(rows.map((_, i) => `C-${i}`));
    ranked.forEach(({ churn }, i) => {
      const one = small[i % customers.length];
      if (one !== undefined) expect(churn).toBeCloseTo(one[0]!.churn, 5);
    });
    const places = ranked.toSorted((a, b) => Number(a.rank - b.rank));
    expect(places.map(({ rank }) => Number(rank))).toEqual(rows.map((_, i) => i + 1));
    places.slice(1).forEach(({ churn }, i) => expect(churn).toBeLessThanOrEqual(places[i]!.churn));
  });

  it("has a network that train.ts trains", { timeout: 240_000 }, async () => {
    const bundled = await build({
      absWorkingDir: root,
      entryPoints: [join(folder, "train.ts")],
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      write: false,
    });
    const made = join(home, "net");
    const node = spawn(
      process.execPath,
      ["--input-type=module", "-", "notebooks/data/churn.csv", made],
      { cwd: root, stdio: ["pipe", "ignore", "ignore"] },
    );
    node.stdin.end(bundled.outputFiles[0]!.text);
    const [code] = (await once(node, "exit")) as [number];
    expect(code).toBe(0);
    const kept = await askTensorFlow(join(folder, "models/net"));
    const again = await askTensorFlow(made);
    again.forEach((value, i) => expect(value).toBeCloseTo(kept[i]!, 3));
  });
});
