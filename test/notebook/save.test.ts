import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createNotebookSession, type Saved } from "./notebook-session.js";

// Every save() here starts the bundle in a fresh process and replays what was called in the kernel,
// so that "saved" means: it answers there as it answered here.

const IMPORT = `import { defineService, json, dataframe, z } from "ekiben";`;
const ITEM = `const Item = z.object({ x: z.number() });`;

/** A service with one API whose handler is the given expression of `x`. */
function serviceOf(expression: string, name = "s"): string {
  return `const ${name} = defineService({ name: "${name}" }).api("f", {
  input: json(Item),
  handler({ x }) { return ${expression}; },
});`;
}

function kindOf(saved: Saved, name: string): string | undefined {
  return saved.report.find((line) => line.name === name)?.kind;
}

function cellOf(saved: Saved, name: string): number | undefined {
  return saved.report.find((line) => line.name === name)?.cell;
}

describe("save() from cells", () => {
  it("takes the last definition of a function that was defined three times", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      "function scale(x: number) { return x * 2; }",
      serviceOf("scale(x)"),
      "function scale(x: number) { return x * 3; }",
      "function scale(x: number) { return x * 5; }",
    );
    expect(await session.evaluate("await s.call.f({ x: 2 })")).toBe(10);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(cellOf(saved, "scale")).toBe(6);
    expect(saved.read("src/service.ts")).not.toMatch(/x \* [23]/);
  });

  it("takes a helper class of an early cell, and an instance of it as it is now", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `class Scaler {
  mean = 0;
  constructor(readonly factor: number) {}
  fit(values: number[]) { this.mean = values.reduce((a, b) => a + b, 0) / values.length; }
  apply(x: number) { return (x - this.mean) * this.factor; }
}`,
      "const scaler = new Scaler(10);",
      "scaler.fit([1, 2, 3, 4]);",
      serviceOf("scaler.apply(x)"),
    );
    expect(await session.evaluate("await s.call.f({ x: 5 })")).toBe(25);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect([kindOf(saved, "Scaler"), kindOf(saved, "scaler")]).toEqual(["source", "value"]);
  });

  it("takes a value that came from a training table, and not the table", async () => {
    await using session = await createNotebookSession({
      "train.csv": "secret-row-1,4\nsecret-row-2,8\n",
    });
    await session.run(
      `${IMPORT}\nimport { readFileSync } from "node:fs";`,
      ITEM,
      `const table = readFileSync("train.csv", "utf8").trim().split("\\n").map((line) => line.split(","));
const mean = table.reduce((sum, row) => sum + Number(row[1]), 0) / table.length;`,
      serviceOf("x - mean"),
    );
    expect(await session.evaluate("await s.call.f({ x: 7 })")).toBe(1);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(kindOf(saved, "mean")).toBe("value");
    expect(kindOf(saved, "table")).toBeUndefined();
    const program = saved.read("src/service.ts");
    expect(program).not.toContain("train.csv");
    expect(program).not.toContain("readFileSync");
    expect(saved.read("service.mjs")).not.toContain("secret-row");
  });

  it("takes a Map as it is after it was changed, and keeps what is one object one object", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `const prices = new Map<string, { value: number }>([["a", { value: 1 }]]);`,
      `const first = prices.get("a")!;`,
      `prices.set("b", { value: 20 }); prices.delete("c"); first.value = 7;`,
      serviceOf(
        `{ sum: [...prices.values()].reduce((a, b) => a + b.value, x), same: prices.get("a") === first }`,
      ),
    );
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toEqual({ sum: 28, same: true });
    expect((await session.save("s")).verified).toBe(1);
  });

  it("bundles a local file, and pins an npm package", async () => {
    const files = {
      "lib/geometry.ts": `import { scale } from "./scale";\nexport const area = (r: number): number => scale * r * r;\n`,
      "lib/scale.ts": "export const scale: number = 3;\n",
    };
    await using session = await createNotebookSession(files, ["semver"]);
    await session.run(
      `${IMPORT}\nimport { area } from "./lib/geometry";\nimport semver from "semver";`,
      ITEM,
      serviceOf(`{ area: area(x), newer: semver.gt("1.10.0", "1.9.0") }`),
    );
    expect(await session.evaluate("await s.call.f({ x: 2 })")).toEqual({ area: 12, newer: true });
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    const pinned = JSON.parse(saved.read("package.json")) as {
      dependencies: Record<string, string>;
    };
    expect(pinned.dependencies["semver"]).toMatch(/^\d+\.\d+\.\d+$/);
    expect(saved.read("src/lib/geometry.ts")).toContain("scale * r * r");
  });

  it("keeps names apart that only look alike", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      "const rate = 2; const unused = 5;",
      `function outer(x: number) {
  const rate = 100;
  const inner = ({ unused = 1 }: { unused?: number }) => rate + unused + x;
  return inner({});
}`,
      serviceOf("outer(x) * rate"),
    );
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(204);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(kindOf(saved, "unused")).toBeUndefined();
  });

  it("takes names that were taken apart from a value", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `const { a, nested: { b: renamed }, ...rest } = { a: 1, nested: { b: 2 }, c: 3, d: 4 };
const [first, , third = 30] = [10, 20];`,
      serviceOf("x + a + renamed + rest.c + rest.d + first + third"),
    );
    expect(await session.evaluate("await s.call.f({ x: 0 })")).toBe(50);
    expect((await session.save("s")).verified).toBe(1);
  });

  it("drops imports of types, and keeps types for those who read", async () => {
    await using session = await createNotebookSession();
    await session.run(
      `${IMPORT}\nimport type { Stats } from "node:fs";`,
      `${ITEM}\ntype Sized = Pick<Stats, "size">;\ninterface Doubled { size: number }`,
      "const double = (sized: Sized): Doubled => ({ size: sized.size * 2 });",
      serviceOf("double({ size: x }).size"),
    );
    expect(await session.evaluate("await s.call.f({ x: 4 })")).toBe(8);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(saved.read("src/service.ts")).toMatch(/import type \{ Stats \}/);
    expect(saved.read("service.mjs")).not.toContain("node:fs");
  });

  it("takes a model that was trained in a loop by its weights", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      `const weights = new Float64Array(2);
const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
const predict = (x: number): number => sigmoid(weights[0]! + weights[1]! * x);`,
      `for (let step = 0; step < 500; step++) {
  for (const [x, y] of [[-2, 0], [-1, 0], [1, 1], [3, 1]] as const) {
    const error = y - predict(x);
    weights[0] += 0.1 * error;
    weights[1] += 0.1 * error * x;
  }
}`,
      serviceOf("predict(x)"),
    );
    expect(await session.evaluate<number>("await s.call.f({ x: 2 })")).toBeGreaterThan(0.9);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(kindOf(saved, "weights")).toBe("value");
    expect(saved.read("src/service.ts")).not.toContain("step < 500");
  });

  it("knows a model that an earlier cell named, also in the short form of an object", async () => {
    const model = readFileSync("test/fixtures/skl-iris-kmeans/model.onnx");
    await using session = await createNotebookSession({ "models/iris.onnx": model });
    await session.run(
      `import { defineService, json, onnx, z } from "ekiben";`,
      `const Item = z.object({ x: z.array(z.number()).length(4) });`,
      `const clusters = onnx("models/iris.onnx");`,
      `const s = defineService({ name: "s" }).models({ clusters }).api("f", {
  input: json(Item),
  output: z.number(),
  handler: async ({ x }, { models }) => (await models.clusters.run([x])).label[0],
});`,
    );
    const answer = await session.evaluate("await s.call.f({ x: [5.1, 3.5, 1.4, 0.2] })");
    expect([0, 1, 2]).toContain(answer);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(saved.read("ekiben.json")).toContain("models/clusters/iris.onnx");
  });

  it("refuses an open socket, naming the variable, its cell and what to do", async () => {
    await using session = await createNotebookSession();
    await session.run(
      `${IMPORT}\nimport { createServer } from "node:net";`,
      ITEM,
      "const socket = createServer().listen(0);",
      serviceOf("Number(socket.listening) + x"),
    );
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(2);
    const text = await session.fail("await s.save()");
    expect(text).toContain("CAPTURE_FAILED");
    expect(text).toContain("`socket`");
    expect(text).toContain("[3]");
    expect(text).toMatch(/setup/);
    await session.run("socket.close();");
  });

  it("saves two services of one notebook, each with its own part", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      "const one = 1; const two = 2;",
      serviceOf("x + one", "first"),
      serviceOf("x + two", "second"),
    );
    await session.run("await first.call.f({ x: 1 })", "await second.call.f({ x: 1 })");
    const first = await session.save("first");
    const second = await session.save("second");
    expect([first.tag.split(":")[0], second.tag.split(":")[0]]).toEqual(["first", "second"]);
    expect([kindOf(first, "one"), kindOf(first, "two")]).toEqual(["source", undefined]);
    expect([kindOf(second, "one"), kindOf(second, "two")]).toEqual([undefined, "source"]);
  });

  it("goes by what is in effect after a cell failed half-way", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      ITEM,
      "let offset = 1; function shift(x: number) { return x + 10; }",
      serviceOf("shift(x) + offset"),
    );
    await session.fail(`offset = 100;
throw new Error("half-way");
offset = 200;`);
    await session.fail("function shift(x: number): string { return x + 1000; }");
    const answer = await session.evaluate("await s.call.f({ x: 1 })");
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(answer).toBe(111);
  });

  it("takes a DataFrame by value", async () => {
    await using session = await createNotebookSession();
    await session.run(
      `${IMPORT}\nimport * as dfd from "danfojs-node";`,
      ITEM,
      `const lookup = new dfd.DataFrame({ key: ["a", "b"], value: [1, 2.5] });`,
      serviceOf(`x + (lookup["value"].values as number[])[1]!`),
    );
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(3.5);
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(kindOf(saved, "lookup")).toBe("value");
  });

  it("means by a name what it meant when a schema was made of it", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      "const limit = 10;",
      "const Item = z.object({ x: z.number().max(limit) });",
      serviceOf("x + limit"),
      "const limit = 1000;",
    );
    expect(await session.evaluate("await s.call.f({ x: 10 })")).toBe(1010);
    await session.fail("await s.call.f({ x: 11 })");
    const saved = await session.save("s");
    expect(saved.verified).toBe(1);
    expect(saved.read("src/service.ts")).toMatch(/max\(/);
  });

  it("says when it could compare nothing, and reports no type of TypeScript as unknown", async () => {
    await using session = await createNotebookSession();
    await session.run(
      IMPORT,
      `const Item = z.object({ x: z.number() }) as z.ZodType<Readonly<Record<"x", number>>>;`,
      `const s = defineService({ name: "s" }).api("f", {
  input: json(Item),
  handler: ({ x }) => { throw new Error("always " + x); },
});`,
    );
    await session.fail("await s.call.f({ x: 1 })");
    const text = await session.run("const saved = await s.save();");
    expect(text).toContain("no answer was compared");
    expect(text).not.toContain("unknown");
    expect(await session.run("saved")).toMatch(/^SavedBundle s:\S+\n$/);
  });

  it("tells what failed in the bundle in the words of the handler", async () => {
    await using session = await createNotebookSession({ "rates.json": "[1, 2]" });
    await session.run(
      `${IMPORT}\nimport { readFileSync } from "node:fs";`,
      ITEM,
      serviceOf(`JSON.parse(readFileSync("rates.json", "utf8"))[x]`),
    );
    expect(await session.evaluate("await s.call.f({ x: 1 })")).toBe(2);
    const text = await session.fail("await s.save()");
    expect(text).toContain("BUNDLE_VERIFY_FAILED");
    expect(text).toMatch(/ENOENT.*rates\.json/);
    expect(text).not.toContain("log.level");
  });

  it("reads environment variables where the bundle runs", async () => {
    await using session = await createNotebookSession();
    await session.run(IMPORT, ITEM, serviceOf(`process.env["EKIBEN_TEST_SECRET"] ?? "none"`));
    await session.run(`process.env["EKIBEN_TEST_SECRET"] = "hidden-in-kernel";`);
    const saved = await session.save("s");
    expect(saved.verified).toBe(0);
    expect(saved.read("service.mjs")).not.toContain("hidden-in-kernel");
  });

  it("makes equal bundles of equal notebooks", async () => {
    const digests: string[] = [];
    for (let run = 0; run < 2; run++) {
      await using session = await createNotebookSession();
      await session.run(IMPORT, ITEM, "const table = [1, 2, 3];", serviceOf("x + table.length"));
      await session.run("await s.call.f({ x: 1 })");
      digests.push((await session.save("s")).digest);
    }
    expect(digests[0]).toBe(digests[1]);
  });
});
