import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RandomForestClassifier } from "ml-random-forest";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import fc from "fast-check";
import { reject } from "../../sdk/core/rejection.js";
import { model } from "../../sdk/models/javascript.js";
import { printJsonValue, readJsonValue } from "../../sdk/models/json-value.js";
import type { ModelDefinition } from "../../sdk/models/model.js";

const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ekiben-javascript-"));
  folders.push(folder);
  return folder;
}

async function copyOf(definition: ModelDefinition): Promise<string> {
  const directory = makeFolder();
  for (const { source, path } of await definition.files("subject")) {
    mkdirSync(join(directory, path, ".."), { recursive: true });
    writeFileSync(join(directory, path), readFileSync(source));
  }
  return directory;
}

const predict = (held: { factor: number }, x: number): number => held.factor * x;

describe("model() of a value", () => {
  it("answers from what was saved exactly as the value does", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => [i % 7, (i * 3) % 11]);
    const forest = new RandomForestClassifier({ nEstimators: 10, seed: 3, noOOB: true });
    forest.train(
      rows,
      rows.map(([a]) => (a! > 3 ? 1 : 0)),
    );
    const definition = model({
      value: forest,
      fromJSON: (json) => RandomForestClassifier.load(json),
      predict: (held, x: number[][]) => held.predict(x),
    });
    const live = await definition.load({ name: "forest" });
    const saved = await definition.load({ name: "forest", directory: await copyOf(definition) });
    const answer = await saved.predict(rows);
    expect(answer).toEqual(await live.predict(rows));
    expect(new Set(answer)).toEqual(new Set([0, 1]));
    expectTypeOf(saved.predict).parameters.toEqualTypeOf<[number[][]]>();
  });

  it("saves what the value is at that moment", async () => {
    const value = { factor: 2 };
    const definition = model({ value, fromJSON: (json: typeof value) => json, predict });
    const [first] = await definition.files("scale");
    value.factor = 5;
    const [second] = await definition.files("scale");
    expect(second!.source).not.toBe(first!.source);
    expect(existsSync(first!.source)).toBe(false);
    const loaded = await definition.load({ name: "scale", directory: await copyOf(definition) });
    expect(await loaded.predict(3)).toBe(15);
  });

  it("saves at once from several calls", async () => {
    const definition = model({ value: { factor: 2 }, fromJSON: (json) => json, predict });
    const lists = await Promise.all([1, 2, 3, 4].map(() => definition.files("scale")));
    for (const list of lists) expect(list).toEqual(lists[0]);
    expect(existsSync(lists[0]![0]!.source)).toBe(true);
  });

  it("needs no value where it has the files", async () => {
    const whole = model({ value: { factor: 4 }, fromJSON: (json) => json, predict });
    const directory = await copyOf(whole);
    const bare = model({ value: undefined as never, fromJSON: (json) => json, predict });
    expect(await (await bare.load({ name: "scale", directory })).predict(2)).toBe(8);
    await expect(bare.load({ name: "scale" })).rejects.toMatchObject({
      code: "SERVICE_INVALID",
      message: expect.stringContaining('"scale" has no value'),
    });
  });

  it("leaves the notebook's own object alone when it is released", async () => {
    const freed: number[] = [];
    const definition = model({
      value: { factor: 4 },
      fromJSON: (json) => json as { factor: number },
      predict,
      release: ({ factor }) => freed.push(factor),
    });
    await (await definition.load({ name: "scale" })).release();
    expect(freed).toEqual([]);
    const loaded = await definition.load({ name: "scale", directory: await copyOf(definition) });
    await Promise.all([loaded.release(), loaded.release()]);
    expect(freed).toEqual([4]);
  });
});

describe("errors of model()", () => {
  const value = { factor: 1 };

  it("names the model when predict throws, and keeps its error", async () => {
    const cause = new TypeError("rows is not iterable.");
    const loaded = await model({
      load: () => value,
      predict(): number {
        throw cause;
      },
    }).load({ name: "forest" });
    const error = await loaded.predict(1).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "MODEL_RUN_FAILED",
      message: 'The model "forest" failed: rows is not iterable.',
      cause,
    });
  });

  it("lets a rejection through, which answers the request", async () => {
    const loaded = await model({
      load: () => value,
      predict(): number {
        throw reject(409, { no: "rows" });
      },
    }).load({ name: "forest" });
    await expect(loaded.predict(1)).rejects.toMatchObject({ name: "Rejection", status: 409 });
  });

  it.each([
    ["BUILD_FAILED", 'The model "scale" cannot be saved: the disk is odd.', "the disk is odd"],
    ["BUILD_FAILED", 'save` of the model "scale" wrote no file', undefined],
  ])("names the model when save fails: %s, %s", async (code, message, thrown) => {
    const definition = model({
      value,
      save() {
        if (thrown !== undefined) throw new Error(thrown);
      },
      load: () => value,
      predict,
    });
    const error = await definition.files("scale").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it("says what cannot be saved as data", async () => {
    const open = { factor: 1, on: (): void => {} };
    const definition = model({ value: open, fromJSON: () => open, predict });
    await expect(definition.files("scale")).rejects.toMatchObject({
      code: "BUILD_FAILED",
      message: expect.stringMatching(/"scale" cannot be saved: .*function/),
    });
  });

  it("says which halves are missing", async () => {
    const definition = model({ value, save() {}, predict } as never) as ModelDefinition;
    for (const act of [() => definition.files("scale"), () => definition.load({ name: "scale" })]) {
      await expect(act()).rejects.toMatchObject({
        code: "SERVICE_INVALID",
        message: expect.stringContaining("`value` with `save` and `load`"),
      });
    }
  });
});

describe("model() of files", () => {
  it("takes a folder with all that is in it", async () => {
    const folder = makeFolder();
    mkdirSync(join(folder, "vocabulary/deep"), { recursive: true });
    writeFileSync(join(folder, "vocabulary/words.txt"), "a b");
    writeFileSync(join(folder, "vocabulary/deep/more.txt"), "c");
    const definition = model({
      files: { words: join(folder, "vocabulary") },
      load: ({ words }) =>
        ["words.txt", "deep/more.txt"].map((name) => readFileSync(join(words, name), "utf8")),
      predict: (lists, separator: string) => lists.join(separator),
    });
    expect((await definition.files()).map(({ path }) => path)).toEqual([
      "words/vocabulary/deep/more.txt",
      "words/vocabulary/words.txt",
    ]);
    const directory = await copyOf(definition);
    rmSync(join(folder, "vocabulary"), { recursive: true });
    const loaded = await definition.load({ name: "words", directory });
    expect(await loaded.predict(" ")).toBe("a b c");
  });
});

describe("what is saved of a value", () => {
  it("comes back as it was", () => {
    const data = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(data, (value) => {
        expect(readJsonValue(printJsonValue(value))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it("is what toJSON says, at any depth, and otherwise the fields", () => {
    class Tree {
      gain = -Infinity;
      walk = (): number => 1;
    }
    class Forest {
      trees = [new Tree()];
      toJSON(): object {
        return { trees: this.trees, best: Number.NaN, zero: -0 };
      }
    }
    const revived = readJsonValue(printJsonValue({ forest: new Forest() }));
    expect(revived).toEqual({
      forest: { trees: [{ gain: -Infinity }], best: Number.NaN, zero: -0 },
    });
  });
});
