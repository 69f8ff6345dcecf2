import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createNotebookSession } from "../notebook/notebook-session.js";
import { toDocument, toStump } from "./xgboost-document.js";

const page = readFileSync(
  fileURLToPath(new URL("../../sdk/models/xgboost.md", import.meta.url)),
  "utf8",
);
const [block] = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), (match) => match[1]!);

/** Premium customers stay, others when they have been there for long. */
const model = toDocument({
  objective: "binary:logistic",
  baseScore: "5E-1",
  features: ["plan", "months", "charges"],
  types: ["c", "float", "float"],
  trees: [
    toStump(1, -2, {
      split_type: [1, 0, 0],
      categories: [2],
      categories_nodes: [0],
      categories_segments: [0],
      categories_sizes: [1],
    }),
    toStump(0.5, -0.5, { split_indices: [1, 0, 0], split_conditions: [12, 0.5, -0.5] }),
  ],
});

it("shows cells that run as they stand, and a service that answers alike once it is saved", async () => {
  await using session = await createNotebookSession({
    "models/churn.json": JSON.stringify(model),
  });
  await session.run(...block!.split(/^(?=\/\/ cell)/m));
  const [first, second] = await session.evaluate<number[]>("Array.from(probabilities)");
  expect(first).toBeCloseTo(1 / (1 + Math.exp(-1.5)), 6);
  expect(second).toBeCloseTo(1 / (1 + Math.exp(2.5)), 6);
  const saved = await session.evaluate<{ directory: string; verified: number }>("bundle");
  expect(saved.verified).toBe(1);
  const manifest = JSON.parse(readFileSync(join(saved.directory, "ekiben.json"), "utf8")) as {
    models: { kind: string; files: { path: string }[]; description: object }[];
  };
  expect(manifest.models).toMatchObject([
    {
      kind: "xgboost",
      files: [{ path: "models/churn/churn.json" }],
      description: { objective: "binary:logistic", classes: 2, trees: 2 },
    },
  ]);
});
