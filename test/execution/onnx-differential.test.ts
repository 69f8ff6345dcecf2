import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createExecutors } from "../../sdk/execution/create-executors.js";
import { onnx, type OnnxModel, type OnnxOptions } from "../../sdk/models/onnx.js";
import { silentLog } from "../../sdk/observability/log.js";
import { loadFixture, ONNX_FIXTURES, toInputs } from "../models/fixture.js";
import { identityModel, writeModel, type ElementType } from "../models/onnx-builder.js";
import { madeExpectation, madeFile } from "../models/onnx-made.js";

const executors = createExecutors({ log: silentLog });

async function openBoth(file: string, options: OnnxOptions = {}): Promise<OnnxModel[]> {
  const models = await Promise.all(
    (["loop", "worker"] as const).map((execution) =>
      onnx(file, { ...options, execution }).load({ name: "net", executors }),
    ),
  );
  for (const model of models) onTestFinished(() => model.release());
  expect(models[1]!.execution().place).toBe("worker");
  expect(models[1]!.describe()).toEqual(models[0]!.describe());
  return models;
}

/** What a run ends in, so that no bit is lost on the way to a comparison. */
async function outcomeOf(run: Promise<Record<string, unknown>>): Promise<unknown> {
  try {
    return Object.entries(await run).map(([name, output]) => {
      const { dims } = output as { dims: readonly number[] };
      const bits = ArrayBuffer.isView(output)
        ? [...new Uint8Array(output.buffer, output.byteOffset, output.byteLength)]
        : [...(output as unknown[])];
      return [name, Object.prototype.toString.call(output), dims, bits];
    });
  } catch (error) {
    const { code, message, facts } = error as { code: string; message: string; facts: object };
    return { code, message, facts: JSON.stringify(facts), class: (error as Error).constructor };
  }
}

async function expectSame(models: OnnxModel[], x: never, options = {}): Promise<unknown> {
  const [here, there] = await Promise.all(models.map((model) => outcomeOf(model.run(x, options))));
  expect(there).toEqual(here);
  return here;
}

describe("a model in a worker answers as on the loop, to the bit", () => {
  it.each(ONNX_FIXTURES.filter((id) => id !== "broken"))("%s: alone and together", async (id) => {
    const fixture = loadFixture(id);
    const models = await openBoth(fixture.file);
    const all = fixture.records.map((_, row) => row);
    for (const row of all.slice(0, 5)) await expectSame(models, toInputs(fixture, [row]) as never);
    await fc.assert(
      fc.asyncProperty(fc.subarray(all, { minLength: 1 }), async (rows) => {
        await expectSame(models, toInputs(fixture, rows) as never);
      }),
      { numRuns: 10 },
    );
  });

  it.each([
    "coupled",
    "four-a-run",
    "half",
    "masked-mean",

    "time-major",
    "zipmap-external",
  ])("%s of the onnx package", async (name) => {
    const options: OnnxOptions = name === "time-major" ? { batchAxis: 1 } : {};
    const models = await openBoth(madeFile(name), options);
    await expectSame(models, madeExpectation(name).inputs as never);
  });

  const types: ElementType[] = [
    "float32",
    "float64",
    "float16",
    "int64",
    "int32",
    "uint8",
    "bool",
    "string",
  ];
  const cell: Record<string, fc.Arbitrary<unknown>> = {
    string: fc.string({ unit: "binary" }),
    bool: fc.boolean(),
    uint8: fc.integer({ min: -1, max: 256 }),
    int32: fc.integer(),
    int64: fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  };

  it("takes cells of every type, missing and wrong ones included", async () => {
    const values = types.map((type) => ({ name: type, type, shape: ["N"] }));
    const models = await openBoth(writeModel(identityModel(values)));
    const number = fc.oneof(fc.double(), fc.float(), fc.constantFrom(Number.NaN, -0, null));
    const columns = fc.integer({ min: 0, max: 5 }).chain((rows) =>
      fc.record(
        Object.fromEntries(
          types.map((type) => {
            const own = cell[type] ?? number;
            const maybe = fc.oneof({ weight: 30, arbitrary: own }, fc.constantFrom(null, "a", 1.5));
            return [type, fc.array(maybe, { minLength: rows, maxLength: rows })];
          }),
        ),
      ),
    );
    const kinds = { answered: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(columns, fc.constantFrom("number", "bigint"), async (x, int64) => {
        const outcome = await expectSame(models, x as never, { int64 });
        kinds[Array.isArray(outcome) ? "answered" : "refused"] += 1;
      }),
      { numRuns: 200 },
    );
    expect(kinds.answered).toBeGreaterThan(10);
    expect(kinds.refused).toBeGreaterThan(10);
  });

  it("refuses NaN by the same rule", async () => {
    const file = writeModel(identityModel([{ name: "x", type: "float32", shape: ["N", 2] }]));
    const models = await openBoth(file, { onNaN: "error" });
    const refused = await expectSame(models, [
      [1, 2],
      [Number.NaN, 1],
    ] as never);
    expect(refused).toMatchObject({
      code: "MODEL_RUN_FAILED",
      message: expect.stringMatching(/NaN in row 1/),
    });
    await expectSame(models, [[1, 2]] as never);
  });
});
