import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Manifest } from "../../sdk/bundle/manifest.js";
import { spawnServer } from "../../sdk/server/spawn-server.js";
import { FIXTURES } from "../models/fixture.js";
import { createNotebookSession } from "../notebook/notebook-session.js";
import { findPackages } from "../notebook/packages.js";

interface Saved {
  tag: string;
  directory: string;
  verified: number;
  report: { name: string; kind: string }[];
}

const page = readFileSync(
  fileURLToPath(new URL("../../sdk/store/models.md", import.meta.url)),
  "utf8",
);
const blocks = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), (match) => match[1]!);
const cellsOf = (block: string): string[] => block.split(/^(?=\/\/ cell)/m);

it("shows cells of two notebooks: one trains and stores, the other serves and saves", async () => {
  expect(blocks).toHaveLength(2);
  const packages = findPackages(["ml-random-forest"]);
  const churn = readFileSync(join(FIXTURES, "xgb3-breast-cancer-binary/model.json"));
  await using training = await createNotebookSession({ "models/churn.json": churn }, packages);
  await training.run(...cellsOf(blocks[0]!));
  const kept = await training.evaluate<{ tag: string; kind: string }>("kept");
  expect(kept).toMatchObject({
    kind: "files",
    aliases: ["production"],
    metrics: { accuracy: 0.97 },
  });

  await using serving = await createNotebookSession({}, packages);
  const home = join(training.directory, ".ekiben");
  await serving.run(`process.env.EKIBEN_HOME = ${JSON.stringify(home)};`);
  await serving.run(...cellsOf(blocks[1]!));
  expect(await serving.evaluate("labels")).toEqual([1, 0]);
  const bundle = await serving.evaluate<Saved>("bundle");
  expect(bundle.verified).toBe(2);

  const manifest = JSON.parse(readFileSync(`${bundle.directory}/ekiben.json`, "utf8")) as Manifest;
  const trees = await training.evaluate<{ version: string; digest: string }>("trees");
  expect(manifest.models).toMatchObject([
    {
      name: "trees",
      kind: "xgboost",
      files: [{ path: "models/trees/churn.json" }, { path: "models/trees/stored-model.json" }],
      description: {
        provenance: { model: "churn-trees", version: trees.version, digest: trees.digest },
      },
    },
    { name: "forest", kind: "javascript", description: { provenance: { model: "plants" } } },
  ]);
  const [file] = manifest.models[0]!.files;
  const blob = join(home, "models/blobs", file!.sha256.slice(0, 2), file!.sha256);
  expect(statSync(join(bundle.directory, file!.path)).ino).toBe(statSync(blob).ino);

  // Labels set later are not of the model: the same service is the same bundle.
  await serving.run(`await models.tag("churn-trees", { labels: { later: "yes" } });`);
  const again = await serving.evaluate<Saved>("await service.save()");
  expect(again.tag).toBe(bundle.tag);

  // The bundle needs no store.
  for (const folder of ["models", "cache"]) rmSync(join(home, folder), { recursive: true });
  const server = await spawnServer(bundle.directory);
  const answer = await fetch(`${server.url}/plants`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{ a: 6, b: 1 }]),
  });
  const served = [answer.status, await answer.json()];
  await server.stop();
  expect(served).toEqual([200, [1]]);
}, 300_000);

it("keeps a live model of TensorFlow.js, and names what is not there", async () => {
  await using session = await createNotebookSession();
  // Linked: a copy of the packages takes longer than all the rest.
  mkdirSync(join(session.directory, "node_modules"));
  symlinkSync(
    fileURLToPath(new URL("../../node_modules/@tensorflow", import.meta.url)),
    join(session.directory, "node_modules/@tensorflow"),
    "junction",
  );
  await session.run(
    `import * as tf from "@tensorflow/tfjs";\nimport { models, defineService, json, z } from "ekiben";`,
    `const net = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: "ones" })] });`,
    `const kept = await models.save("net", net, { version: "1.0" });`,
    `const s = defineService({ name: "s" }).models({ net: models.get("net:1.0", { kind: "tfjs" }) }).api("f", {
  input: json(z.array(z.number())),
  handler: async (x, { models }) => Array.from(await models.net.predict([x])),
});`,
  );
  expect(await session.evaluate("await s.call.f([2, 3])")).toEqual([5]);
  const saved = await session.save("s");
  expect(saved.verified).toBe(1);
  const error =
    await session.fail(`await defineService({ name: "t" }).models({ m: models.get("nets") })
  .api("f", { input: json(z.number()), handler: (x) => x }).call.f(1)`);
  expect(error).toMatch(/MODEL_NOT_FOUND.*has no model nets\. Did you mean net\?/s);
});
