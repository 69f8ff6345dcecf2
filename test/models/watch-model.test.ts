import { expect, test } from "vitest";
import { toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { Frame } from "../../sdk/frame/frame.js";
import { countRows } from "../../sdk/models/count-rows.js";
import type { LoadedModel } from "../../sdk/models/model.js";
import { createModelWatch, type ModelRun } from "../../sdk/models/watch-model.js";

/** A model of somebody's own, with all that a class may have. */
class Own implements LoadedModel {
  #calls = 0;
  bias = 1;
  get calls(): number {
    return this.#calls;
  }
  predict(rows: number[][]): number[] {
    this.#calls++;
    return this.scale(rows.map(([x]) => x! + this.bias));
  }
  scale(values: number[]): number[] {
    return values.map((value) => value * 2);
  }
  async run(rows: number[][]): Promise<number[]> {
    await new Promise((resolve) => setImmediate(resolve));
    if (rows.length === 0) throw new RangeError("no rows");
    return this.predict(rows);
  }
  fail(): never {
    throw new TypeError("broken");
  }
  describe() {
    return { kind: "own" };
  }
  release(): void {}
}

function watchOwn() {
  const model = new Own();
  const runs: ModelRun[] = [];
  const watched = createModelWatch("own", model)((run) => runs.push(run)) as Own;
  return { model, watched, runs };
}

test("a watched model is the model in all but telling of its runs", () => {
  const { model, watched, runs } = watchOwn();
  expect(watched).toBeInstanceOf(Own);
  expect(watched.predict([[1], [2]])).toEqual([4, 6]);
  expect(watched.calls).toBe(1);
  watched.bias = 10;
  expect(model.bias).toBe(10);
  expect(watched.describe()).toEqual({ kind: "own" });
  const { predict } = watched;
  expect(predict([[1]])).toEqual([22]);
  expect(Object.keys(watched)).toContain("predict");
  // What a method calls in turn is part of its run.
  expect(runs.map(({ name, method, rows, failed }) => [name, method, rows, failed])).toEqual([
    ["own", "predict", 2, false],
    ["own", "predict", 1, false],
  ]);
});

test("a run ends when its promise has settled, and tells when it failed", async () => {
  const { watched, runs } = watchOwn();
  const before = performance.now();
  const answer = watched.run([[1], [2], [3]]);
  expect(runs).toEqual([]);
  expect(await answer).toEqual([4, 6, 8]);
  const [run] = runs;
  expect(run).toMatchObject({ method: "run", rows: 3, failed: false });
  expect(run!.began).toBeGreaterThanOrEqual(before);
  expect(run!.began + run!.ms).toBeLessThanOrEqual(performance.now());

  await expect(watched.run([])).rejects.toThrow("no rows");
  expect(() => watched.fail()).toThrow("broken");
  expect(runs.slice(1).map(({ method, failed }) => [method, failed])).toEqual([
    ["run", true],
    ["fail", true],
  ]);
});

test("a frozen model and one of plain functions can be watched", () => {
  const runs: ModelRun[] = [];
  const model = Object.freeze({
    predict: (x: number) => x + 1,
    describe: () => ({ kind: "plain" }),
    release() {},
  });
  const watched = createModelWatch("plain", model)((run) => runs.push(run)) as typeof model;
  expect(watched.predict(1)).toBe(2);
  watched.release();
  expect(runs).toHaveLength(1);
});

test("rows are counted where they can be seen", () => {
  const frame = Frame.of({ x: { kind: "float64", values: new Float64Array([1, 2, 3]) } });
  const lazy = toDataFrame(frame);
  expect(countRows(frame)).toBe(3);
  expect(countRows(lazy)).toBe(3);
  // Still no DataFrame: counting must not build one.
  expect(Object.keys(lazy as object)).toEqual([]);
  expect(countRows([{ x: 1 }, { x: 2 }])).toBe(2);
  expect(countRows([[1, 2]])).toBe(1);
  expect(countRows(["a", "b"])).toBe(2);
  expect(countRows({ x: 1, y: "b" })).toBe(1);
  expect(countRows({ data: new Float32Array(6), dims: [2, 3] })).toBe(2);
  expect(countRows({ a: { data: new Float32Array(6), dims: [2, 3] }, b: [1, 2] })).toBe(2);
  expect(countRows(Object.assign(new Float32Array(6), { dims: [3, 2] }))).toBe(3);
  expect(countRows([1, 2, 3])).toBeUndefined();
  expect(countRows(new Float32Array(6))).toBeUndefined();
  expect(countRows("text")).toBeUndefined();
  expect(countRows(undefined)).toBeUndefined();
  expect(countRows(null)).toBeUndefined();
});
