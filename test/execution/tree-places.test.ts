import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import type { ExecutionOptions } from "../../sdk/models/engine.js";
import { lightgbm, type LightgbmModel } from "../../sdk/models/lightgbm.js";
import type { ModelDefinition } from "../../sdk/models/model.js";
import { xgboost, type XGBoostModel } from "../../sdk/models/xgboost.js";
import { FIXTURES } from "../models/fixture.js";
import { writeModel } from "../models/onnx-builder.js";
import { loadXGBoostFixture, toCategories } from "../models/xgboost-fixture.js";
import { createLogLines, type LogLine } from "./log-lines.js";

type Trees = XGBoostModel | LightgbmModel;
interface Subject {
  records: readonly Record<string, unknown>[];
  define(options: ExecutionOptions): ModelDefinition<Trees>;
}

const names = readdirSync(FIXTURES);
const subjects: Record<string, Subject> = Object.fromEntries([
  ...names
    .filter((id) => id.startsWith("xgb"))
    .map((id) => {
      const fixture = loadXGBoostFixture(id);
      const categories = toCategories(fixture);
      return [
        id,
        {
          records: fixture.records,
          define: (options: ExecutionOptions) =>
            xgboost(fixture.files[0]!, { categories, ...options }),
        },
      ];
    }),
  ...names
    .filter((id) => /^lgb-(churn|iris|diabetes|breast)/.test(id))
    .map((id) => {
      const text = readFileSync(join(FIXTURES, id, "inputs.json"), "utf8");
      return [
        id,
        {
          records: JSON.parse(text) as Record<string, unknown>[],
          define: (options: ExecutionOptions) => lightgbm(join(FIXTURES, id, "model.txt"), options),
        },
      ];
    }),
]);

async function open(
  definition: ModelDefinition<Trees>,
): Promise<{ model: Trees; lines: LogLine[] }> {
  const { log, lines } = createLogLines();
  const model = await definition.load({ name: "trees", executors: createExecutors({ log }) });
  onTestFinished(() => model.release());
  return { model, lines };
}

type Outcome = [dims: readonly number[], bytes: number[]] | [code: string, message: string];

async function outcomeOf(run: Promise<ArrayLike<number>>): Promise<Outcome> {
  try {
    const answer = (await run) as Float32Array & { dims: readonly number[] };
    return [answer.dims, [...new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength)]];
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return [code, message];
  }
}

const METHODS = ["predict", "margin", "leaves"] as const;

describe("trees in a worker answer as on the loop, to the bit", () => {
  it.each(Object.keys(subjects))("%s", async (id) => {
    const { records, define } = subjects[id]!;
    const { model: here } = await open(define({ execution: "loop" }));
    const { model: there } = await open(define({ execution: "worker" }));
    expect(there.execution()).toMatchObject({ place: "worker", workers: 1 });
    expect(there.describe()).toEqual(here.describe());
    const row = fc.constantFrom(...records).chain((record) =>
      // Now and then a column is missing, or holds what the model does not take.
      fc
        .tuple(
          fc.constant(record),
          fc.oneof(
            { weight: 8, arbitrary: fc.constant({}) },
            fc.constant({ [Object.keys(record)[0]!]: "a" }),
          ),
        )
        .map(([known, change]) => ({ ...known, ...change })),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 0, maxLength: 150 }),
        fc.constantFrom(...METHODS),
        async (rows, method) => {
          const x = rows as never;
          expect(await outcomeOf(there[method](x))).toEqual(await outcomeOf(here[method](x)));
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe("trees that turn out to be heavy", () => {
  it.each(["xgb-churn-categorical", "lgb-churn-categorical"])("%s moves", async (id) => {
    const { records, define } = subjects[id]!;
    const { model, lines } = await open(define({}));
    const { model: alone } = await open(define({ execution: "loop" }));
    const many = Array.from({ length: 2000 }, (_, i) => records[i % records.length]!);
    const wanted = await outcomeOf(alone.predict(many as never));
    const order: number[] = [];
    for (let i = 0, after = 0; after < 3; i += 1) {
      const runs = [0, 1, 2].map((k) =>
        outcomeOf(model.predict(many as never)).then((outcome) => {
          order.push(3 * i + k);
          expect(outcome).toEqual(wanted);
        }),
      );
      await Promise.all(runs);
      // Trees answer at once: without this the loop would hear nothing of the worker.
      await new Promise((resolve) => setImmediate(resolve));
      if (model.execution().place === "worker") after += 1;
      expect(i).toBeLessThan(500);
    }
    expect(order).toEqual(order.map((_, i) => i));
    expect(lines.map(({ message }) => message)).toEqual([
      "the model trees moved to a worker thread",
    ]);
    expect(model.describe()).toEqual(alone.describe());
  });

  it("of a large file are read in a worker, and run on the loop while they are light", async () => {
    const fixture = loadXGBoostFixture("xgb-wine-softprob");
    const text = readFileSync(
      fixture.files.find((file) => file.endsWith(".json"))!,
      "utf8",
    );
    const file = writeModel(text + " ".repeat(3 * 1024 * 1024), "model.json");
    const { model } = await open(xgboost(file));
    expect(model.execution().place).toBe("loop");
    const { model: small } = await open(subjects["xgb-wine-softprob"]!.define({}));
    const x = fixture.records as never;
    expect(await outcomeOf(model.predict(x))).toEqual(await outcomeOf(small.predict(x)));
    const broken = writeModel(text.slice(0, -100).padEnd(3 * 1024 * 1024, " "), "model.json");
    await expect(open(xgboost(broken))).rejects.toMatchObject({
      code: "MODEL_FILE_INVALID",
      message: expect.stringContaining(broken),
    });
  });
});
