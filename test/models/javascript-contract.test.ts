import { readFile, writeFile } from "node:fs/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { model, type JavaScriptModel } from "../../sdk/models/javascript.js";
import type { ModelDefinition } from "../../sdk/models/model.js";
import { describeModelContract } from "../contracts/model.js";

type Scale = { factor: number };
type Subject = JavaScriptModel<number[], number[] | Promise<number[]>>;

const folder = mkdtempSync(join(tmpdir(), "ekiben-javascript-"));
afterAll(() => rmSync(folder, { recursive: true }));
const good = join(folder, "scale.json");
const bad = join(folder, "bad.json");
writeFileSync(good, '{"factor":3}');
writeFileSync(bad, "this is no JSON");

const predict = (scale: Scale, xs: number[]): number[] => xs.map((x) => x * scale.factor);
const parse = (text: string): Scale => JSON.parse(text) as Scale;

function fromFile(file: string, kind: string): ModelDefinition<Subject> {
  return model({
    files: { scale: file },
    load: async ({ scale }) => parse(await readFile(scale, "utf8")),
    async predict(scale: Scale, xs: number[]) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return predict(scale, xs);
    },
    kind,
  });
}

const forms: Record<string, () => ModelDefinition<Subject>> = {
  files: () => fromFile(good, "files"),
  json: () =>
    model({ value: { factor: 3 }, fromJSON: (json: Scale) => json, predict, kind: "json" }),
  saved: () =>
    model({
      value: { factor: 3 },
      save: (scale, to) => writeFile(join(to, "scale.json"), JSON.stringify(scale)),
      load: async (from) => parse(await readFile(join(from, "scale.json"), "utf8")),
      predict,
      kind: "saved",
    }),
};

for (const [kind, define] of Object.entries(forms)) {
  describeModelContract<Subject>({
    kind,
    define,
    places: ["loop"],
    defineMissing: () => ({ definition: fromFile(`${good}.gone`, kind), file: `${good}.gone` }),
    defineInvalid: () => ({ definition: fromFile(bad, kind), file: bad }),
    use: (loaded) => loaded.predict([1, 2, 5]),
  });
}
