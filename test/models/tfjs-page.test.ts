import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createNotebookSession } from "../notebook/notebook-session.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "sdk/models/tensorflow.md"), "utf8");
const [block] = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), (match) => match[1]!);

it("shows cells that train a model, save it with the service and answer from the bundle", async () => {
  await using session = await createNotebookSession();
  // Linked: a copy of the packages takes longer than all the rest.
  mkdirSync(join(session.directory, "node_modules"));
  symlinkSync(
    join(root, "node_modules/@tensorflow"),
    join(session.directory, "node_modules/@tensorflow"),
    "junction",
  );
  await session.run(...block!.split(/^(?=\/\/ cell)/m));
  expect(await session.evaluate("y")).toBeCloseTo(7, 1);
  const saved = await session.evaluate<{
    directory: string;
    verified: number;
    report: { name: string; kind: string }[];
  }>("bundle");
  expect(saved.verified).toBe(1);
  expect(saved.report).toContainEqual(expect.objectContaining({ name: "net", kind: "model" }));
  const manifest = JSON.parse(readFileSync(join(saved.directory, "ekiben.json"), "utf8")) as {
    models: { files: { path: string }[]; description: { backend: string } }[];
    dependencies: { name: string }[];
  };
  expect(manifest.models[0]!.files.map(({ path }) => path)).toEqual([
    "models/net/model.json",
    "models/net/weights.bin",
  ]);
  expect(manifest.models[0]!.description.backend).toBe("wasm");
  expect(manifest.dependencies.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"]),
  );
  expect(readFileSync(join(saved.directory, "src/service.ts"), "utf8")).not.toContain("fit(");
});
