import { describe, expect, it } from "vitest";
import { onnx, type OnnxOptions } from "../../sdk/models/onnx.js";
import { FIXTURES, loadFixture } from "./fixture.js";
import { buildOnnx, identityModel, writeModel } from "./onnx-builder.js";
import { loadFile, loadMade, madeFile } from "./onnx-made.js";

const IRIS = `${FIXTURES}/skl-iris-logreg-nozipmap/model.onnx`;

describe("an option that does not exist", () => {
  it.each([
    [{ feature: ["a"] }, 'Onnx() has no option "feature". Did you mean "features"?'],
    [
      { executionProviders: ["cpu"] },
      'Onnx() has no option "executionProviders". Write onnx(file, { session: { executionProviders: … } }).',
    ],
    [
      { session: { intraOpThreads: 2 } },
      'The session of onnx() has no option "intraOpThreads". Did you mean "intraOpNumThreads"?',
    ],
    [{ session: { freeDimensionOverrides: {} } }, /has no option "freeDimensionOverrides"/],
  ])(
    "is refused when the model is saved or loaded, not when it is declared: %j",
    async (options, message) => {
      const definition = onnx(IRIS, options as OnnxOptions);
      for (const act of [() => definition.files(), () => definition.load({ name: "net" })]) {
        const error = await act().catch((reason: unknown) => reason);
        expect(error).toMatchObject({ code: "SERVICE_INVALID" });
        expect((error as Error).message).toMatch(message);
      }
    },
  );

  it.each([
    [{ graphOptimizationLevel: "max" }, /`session` of onnx\(\) is not valid: .*max/],
    [{ intraOpNumThreads: "two" }, /`session` of onnx\(\) is not valid: .*must be a number/],
    [{ executionProviders: ["nowhere"] }, /none of the execution providers "nowhere" .*has "cpu"/],
  ])("has values that onnxruntime knows: %j", async (session, message) => {
    const error = await loadFile(IRIS, { session: session as never }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "SERVICE_INVALID" });
    expect((error as Error).message).toMatch(message);
  });
});

describe("a session", () => {
  it("takes what its author chose, and serves with one thread otherwise", async () => {
    const model = await loadFile(IRIS, {
      session: {
        graphOptimizationLevel: "basic",
        intraOpNumThreads: 2,
        extra: { session: { "intra_op.allow_spinning": "1" } },
      },
    });
    expect(model.describe().session).toMatchObject({
      executionProviders: ["cpu"],
      graphOptimizationLevel: "basic",
      intraOpNumThreads: 2,
      interOpNumThreads: 1,
      extra: { session: { "intra_op.allow_spinning": "1", "inter_op.allow_spinning": "0" } },
    });
  });
});

it("a provider that the machine does not have gives way to the next, with a warning", async () => {
  const model = await loadFile(IRIS, { session: { executionProviders: ["nowhere", "cpu"] } });
  expect(model.describe().session["executionProviders"]).toEqual(["cpu"]);
  expect((await model.warmup())!.warnings).toEqual([
    expect.stringMatching(/"net" runs without "nowhere", which onnxruntime does not have on/),
  ]);
});

describe("NaN in an answer", () => {
  const log = (): string =>
    writeModel(
      buildOnnx({
        inputs: [{ name: "x", type: "float32", shape: ["batch", 2] }],
        outputs: [{ name: "y", type: "float32", shape: ["batch", 2] }],
        nodes: [{ op: "Log", inputs: ["x"], outputs: ["y"] }],
      }),
    );
  const x = [
    [1, 1],
    [1, -1],
  ];

  it("is an answer, since a model may mean it", async () => {
    const model = await loadFile(log());
    expect(Array.from(await model.predict(x))).toEqual([0, 0, 0, NaN]);
  });

  it("is an error with its row on demand", async () => {
    const model = await loadFile(log(), { onNaN: "error" });
    expect(Array.from(await model.predict([[1, 1]]))).toEqual([0, 0]);
    await expect(model.predict(x)).rejects.toMatchObject({
      code: "MODEL_RUN_FAILED",
      message: expect.stringMatching(/"net" answered NaN in row 1 of the output "y"/),
      facts: { issues: [{ row: 1, column: "y" }] },
    });
  });
});

describe("the first run", () => {
  it("is told with its time and its dimensions", async () => {
    const model = await loadFile(IRIS);
    expect(await model.warmup()).toEqual({
      ms: expect.any(Number),
      inputs: { X: [1, 4] },
      warnings: [],
    });
    await model.release();
    await expect(model.warmup()).resolves.toBeUndefined();
  });

  it("is made with the example of the author", async () => {
    const { records } = loadFixture("skl-iris-logreg-nozipmap");
    const example = records.slice(0, 3);
    const features = Object.keys(example[0]!);
    const model = await loadFile(IRIS, { example, features });
    expect((await model.warmup())!.inputs).toEqual({ X: [3, 4] });
    const ragged = await loadFile(`${FIXTURES}/torch-text-gru/model.onnx`, {
      example: [[1, 2, 3], [4]],
    });
    expect((await ragged.warmup())!.inputs).toEqual({ tokens: [1, 3] });
    expect(ragged.describe().rowsApart).toEqual({ value: true, by: "trial" });
  });

  it.each([
    ["that has another shape", [[1, 2]], "MODEL_INPUT_INVALID", IRIS],
    [
      "that the model gives up on",
      [[1_000_000]],
      "MODEL_RUN_FAILED",
      `${FIXTURES}/torch-text-gru/model.onnx`,
    ],
  ])("refuses an example %s when the model is loaded", async (_, example, code, file) => {
    await expect(loadFile(file, { example })).rejects.toMatchObject({ code });
  });

  it("is not made of nothing", async () => {
    // What has no declared dimensions, and what steps through what another layer has shortened.
    const open = await loadFile(writeModel(identityModel([{ name: "x", type: "float32" }])));
    expect(await open.warmup()).toBeUndefined();
    const shrinking = buildOnnx({
      inputs: [
        { name: "x", type: "float32", shape: ["batch", 1, "time"] },
        { name: "w", type: "float32", shape: [1, 1, 40] },
      ],
      outputs: [{ name: "y", type: "float32", shape: [] }],
      nodes: [
        { op: "Conv", inputs: ["x", "w"], outputs: ["c"] },
        { op: "GRU", inputs: ["c", "x", "x"], outputs: ["y"], numbers: { hidden_size: 1 } },
      ],
    });
    const model = await loadFile(writeModel(shrinking));
    expect(await model.warmup()).toBeUndefined();
    expect(model.describe().rowsApart).toEqual({ value: null, by: "trial" });
  });

  it("counts rows as one run takes them", async () => {
    const model = await loadMade("four-a-run");
    expect((await model.warmup())!.inputs).toEqual({ x: [4, 2], name: [4] });
  });

  it("leaves a bundle's description as it is", async () => {
    const model = await loadFile(madeFile("half"));
    const before = JSON.stringify(model.describe());
    await model.warmup();
    expect(JSON.stringify(model.describe())).toBe(before);
  });
});
