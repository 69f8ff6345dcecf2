import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createNotebookSession } from "../notebook/notebook-session.js";
import { findPackages } from "../notebook/packages.js";

interface Saved {
  directory: string;
  verified: number;
  report: { name: string; kind: string }[];
}

const page = readFileSync(
  fileURLToPath(new URL("../../sdk/models/javascript.md", import.meta.url)),
  "utf8",
);
const blocks = Array.from(page.matchAll(/^```ts\n([\s\S]*?)^```/gm), (match) => match[1]!);

it("shows cells that run as they stand, and services that answer alike once they are saved", async () => {
  const expected = [
    { name: "labels", value: [1, 0], file: "models/forest/value.json", kept: "forest" },
    { name: "side", value: 1, file: "models/side/side.json", kept: "regression" },
    { name: "score", value: 1, file: "models/scores/table/scores.json" },
  ];
  expect(blocks).toHaveLength(expected.length);
  await using session = await createNotebookSession(
    { "data/scores.json": '{"good":1,"bad":-1}' },
    findPackages(["ml-random-forest", "ml-logistic-regression"]),
  );
  for (const [i, { name, value, file, kept }] of expected.entries()) {
    await session.run(...blocks[i]!.split(/^(?=\/\/ cell)/m));
    expect(await session.evaluate(name)).toEqual(value);
    const saved = await session.evaluate<Saved>("bundle");
    expect(saved.verified).toBe(1);
    const manifest = readFileSync(`${saved.directory}/ekiben.json`, "utf8");
    expect(manifest).toContain(file);
    const program = readFileSync(`${saved.directory}/src/service.ts`, "utf8");
    expect(program).not.toMatch(/\.train\(|const rows = Array/);
    if (kept === undefined) continue;
    expect(saved.report).toContainEqual(expect.objectContaining({ name: kept, kind: "model" }));
  }
});

it("refuses a handler that uses the variable of a model, and says what to do", async () => {
  await using session = await createNotebookSession({}, findPackages(["ml-random-forest"]));
  const cells = blocks[0]!.split(/^(?=\/\/ cell)/m).slice(0, 3);
  await session.run(
    ...cells,
    `const direct = plants.api("direct", {
  input: dataframe(z.object({ a: z.number(), b: z.number() })),
  handler: (df) => forest.predict(df.values as number[][]),
});`,
  );
  const error = await session.fail("await direct.save()");
  expect(error).toMatch(/uses the model `forest` directly/);
});
