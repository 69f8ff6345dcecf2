import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as ekiben from "ekiben";
import { describe, expect, it } from "vitest";
import { loadFixture } from "./fixture.js";
import { measureAll, printTable } from "./framework-table.js";
import { buildOnnx, writeModel } from "./onnx-builder.js";

const page = fileURLToPath(new URL("../../sdk/models/frameworks.md", import.meta.url));
const folder = fileURLToPath(new URL("../../sdk/models/frameworks/", import.meta.url));
const TABLE = /(<!-- measured: .*? -->\n).*?(<!-- end -->)/s;

describe("the table of frameworks", () => {
  it("has every fixture with a difference that is still true", async () => {
    const measured = await measureAll();
    if (process.env["UPDATE_TABLES"] !== undefined) {
      const text = readFileSync(page, "utf8");
      writeFileSync(page, text.replace(TABLE, `$1\n${printTable(measured)}\n\n$2`));
    }
    const lines = TABLE.exec(readFileSync(page, "utf8"))![0].split("\n");
    const rows = lines.filter((line) => line.includes("`")).map((line) => line.split(" | "));
    const shown = printTable(measured).split("\n").slice(2);
    expect(
      rows.map((row) => row.slice(0, -1)),
      "run it with UPDATE_TABLES=1",
    ).toEqual(shown.map((line) => line.split(" | ").slice(0, -1)));
    measured.forEach(({ fixture, difference }, i) => {
      const cell = rows[i]!.at(-1)!.replace(" |", "");
      // Other processors add up in another order: one power of ten, or the last bit of a float32.
      const most = cell === "none" ? 1e-7 : Math.max(1e-14, Number(cell) * 10);
      expect(difference, fixture).toBeLessThanOrEqual(most);
    });
  });

  it("is linked with a page a framework", () => {
    const text = readFileSync(page, "utf8");
    const linked = [...text.matchAll(/\(frameworks\/(.*?\.md)\)/g)].map((match) => match[1]!);
    expect(linked.sort()).toEqual(readdirSync(folder).sort());
  });
});

function pageOf(name: string): string {
  return readFileSync(`${folder}${name}.md`, "utf8");
}

/** Runs the code that a page shows, with another file in the place of its model. */
function define<Shown>(name: string, variable: string, file: string): Shown {
  const block = /```ts\n(.*?)```/s.exec(pageOf(name))![1]!;
  const code = block
    .replace(/import (\{.*\}) from "ekiben";/, "const $1 = ekiben;")
    .replace(/"models\/\w+\.onnx"/, JSON.stringify(file))
    // The only types and assertions that the pages have.
    .replace(/\.run<\{.*?\}>/, ".run")
    .replaceAll("]!", "]");
  // oxlint-disable-next-line no-implied-eval, no-new-func
  return new Function("ekiben", `${code}\nreturn ${variable};`)(ekiben) as Shown;
}

async function ask(service: ekiben.Service, body: unknown): Promise<unknown> {
  const answer = await service.app.request("/predict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return JSON.parse(text) as unknown;
}

describe("the page about", () => {
  it("PyTorch shows a service that answers", async () => {
    const { file } = loadFixture("torch-digits-cnn");
    const service = define<ekiben.Service>("pytorch", "digits", file);
    const png = readFileSync(new URL("../fixtures/images/digit_04_4.png", import.meta.url));
    const answer = await service.app.request("/predict", {
      method: "POST",
      headers: { "content-type": "image/png" },
      body: png,
    });
    expect(await answer.json()).toBe(4);
  });

  it("scikit-learn shows a service that answers", async () => {
    const { file, records, expected } = loadFixture("skl-iris-logreg-zipmap");
    const service = define<ekiben.Service>("scikit-learn", "iris", file);
    const names = ["sepal_length", "sepal_width", "petal_length", "petal_width"];
    const rows = records.slice(0, 5).map((record) => {
      const values = Object.values(record);
      return Object.fromEntries(names.map((name, i) => [name, values[i]]));
    });
    const answer = (await ask(service, rows)) as { species: string; certainty: number }[];
    expect(answer.map(({ species }) => species)).toEqual(expected["output_label"]!.slice(0, 5));
    answer.forEach(({ certainty }, i) => {
      const wanted = Math.max(...(expected["output_probability"]![i] as number[]));
      expect(certainty).toBeCloseTo(wanted, 4);
    });
  });

  it("fastai shows a service that answers", async () => {
    const { file, records, expected } = loadFixture("torch-churn-tabular");
    const service = define<ekiben.Service>("fastai", "churn", file);
    const [no, yes] = expected["logits"]![0] as [number, number];
    const answer = (await ask(service, records[0])) as number;
    expect(answer).toBeCloseTo(1 / (1 + Math.exp(no - yes)), 4);
  });

  it("CatBoost shows a service that answers", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [{ name: "features", type: "float32", shape: ["N", 2] }],
        outputs: [
          { name: "label", type: "int64", shape: ["N"] },
          { name: "probabilities", type: "float32", wrap: "maps" },
        ],
        nodes: [
          { op: "Softmax", inputs: ["features"], outputs: ["tensor"], numbers: { axis: 1 } },
          {
            op: "ArgMax",
            inputs: ["tensor"],
            outputs: ["label"],
            numbers: { axis: 1, keepdims: 0 },
          },
          {
            op: "ZipMap",
            domain: "ai.onnx.ml",
            inputs: ["tensor"],
            outputs: ["probabilities"],
            strings: { classlabels_strings: ["no", "yes"] },
          },
        ],
        opsets: { "": 11, "ai.onnx.ml": 2 },
      }),
    );
    const service = define<ekiben.Service>("catboost", "forest", file);
    const answer = (await ask(service, [
      { age: 1, income: 1 },
      { age: 0, income: Math.log(3) },
    ])) as number[];
    expect(answer[0]).toBeCloseTo(0.5, 6);
    expect(answer[1]).toBeCloseTo(0.75, 6);
  });

  it.runIf(process.platform === "linux")("Core ML says what happens elsewhere", async () => {
    const { file } = loadFixture("torch-wine-mlp");
    const net = define<ReturnType<typeof ekiben.onnx>>("coreml", "net", file);
    const model = await net.load({ name: "net" });
    expect(model.describe().session["executionProviders"]).toEqual(["cpu"]);
    expect((await model.warmup())!.warnings).toHaveLength(1);
    await model.release();
  });

  it("each framework links to files that are there", () => {
    for (const name of readdirSync(folder)) {
      const text = readFileSync(`${folder}${name}`, "utf8");
      for (const [, link] of text.matchAll(/\]\(((?!http)[^)]+)\)/g)) {
        expect(existsSync(`${folder}${link}`), `${name}: ${link}`).toBe(true);
      }
    }
  });
});
