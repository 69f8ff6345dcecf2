import { closeSync, copyFileSync, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rewriteOnnxOutputs } from "../../sdk/models/onnx-rewrite.js";
import { onnx } from "../../sdk/models/onnx.js";
import { ProtobufError, ProtobufReader } from "../../sdk/models/protobuf-reader.js";
import {
  joinPieces,
  writeField,
  writeNumber,
  type Piece,
} from "../../sdk/models/protobuf-writer.js";
import { FIXTURES, loadFixture } from "./fixture.js";
import { buildOnnx, createFolder, writeModel, type Graph } from "./onnx-builder.js";
import { expectClose, loadFile, loadMade, madeExpectation, madeFile } from "./onnx-made.js";

/** A message as a tree: fields in their order, each a number, a text, or a message of its own. */
type Tree = readonly { field: number; value: bigint | string | Tree }[];

const field = fc.integer({ min: 1, max: 40 });
const { tree } = fc.letrec<{ tree: Tree; leaf: Tree }>((tie) => ({
  tree: fc.array(
    fc.record({
      field,
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.string({ unit: "grapheme" }),
        tie("tree"),
      ),
    }),
    { maxLength: 6 },
  ) as fc.Arbitrary<Tree>,
  leaf: fc.constant([]),
}));

function write(message: Tree): Piece[] {
  return message.flatMap(({ field, value }) =>
    typeof value === "bigint"
      ? writeNumber(field, value)
      : writeField(field, typeof value === "string" ? value : write(value)),
  );
}

/** Reads a message in the form of the one that was written. */
function read(reader: ProtobufReader, range: { from: number; to: number }, like: Tree): Tree {
  const parts = reader.parts(range);
  expect(parts).toHaveLength(like.length);
  return parts.map((part, i) => {
    const { value } = like[i]!;
    if (typeof value === "bigint")
      return { field: part.number, value: reader.integersOf(part)[0]! };
    if (typeof value === "string") return { field: part.number, value: reader.textOf(part) };
    return { field: part.number, value: read(reader, { from: part.body, to: part.to }, value) };
  });
}

function withReader<Result>(file: string, use: (reader: ProtobufReader) => Result): Result {
  const handle = openSync(file, "r");
  try {
    return use(new ProtobufReader(handle, fstatSync(handle).size));
  } finally {
    closeSync(handle);
  }
}

describe("a message", () => {
  it("is read as it was written", () => {
    const file = writeModel("");
    fc.assert(
      fc.property(tree, (message) => {
        writeFileSync(file, joinPieces(-1, write(message)));
        withReader(file, (reader) => {
          expect(read(reader, { from: 0, to: reader.size }, message)).toEqual(message);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("is put together from new bytes and from ranges of a file, in their order", () => {
    const file = writeModel("0123456789");
    const handle = openSync(file, "r");
    try {
      const pieces = [
        Buffer.from("a"),
        { from: 3, to: 6 },
        { from: 0, to: 0 },
        { from: 9, to: 10 },
      ];
      expect(Buffer.from(joinPieces(handle, [...pieces, Buffer.from("b")])).toString()).toBe(
        "a3459b",
      );
      expect(() => joinPieces(handle, [{ from: 5, to: 11 }])).toThrow(/nothing is at byte 10/);
    } finally {
      closeSync(handle);
    }
  });
});

interface Zip {
  labels: Record<string, readonly string[]>;
  domain?: string;
}

/** A classifier of two columns whose probabilities come as a list of maps. */
function zipped({ labels, domain = "ai.onnx.ml" }: Zip, more: Partial<Graph> = {}): Graph {
  return {
    inputs: [{ name: "x", type: "float32", shape: ["batch", 2] }],
    outputs: [{ name: "p", type: "float32", wrap: "maps" }],
    nodes: [
      { op: "Softmax", inputs: ["x"], outputs: ["scores"], numbers: { axis: 1 } },
      { op: "ZipMap", domain, inputs: ["scores"], outputs: ["p"], strings: labels },
    ],
    opsets: { "": 11, "ai.onnx.ml": 1 },
    ...more,
  };
}

const LABELS = { classlabels_strings: ["no", "yes"] };

describe("a list of maps", () => {
  it.each(["skl-iris-logreg-zipmap", "skl-bc-random-forest-zipmap"])(
    "is a matrix with one column a class: %s",
    async (id) => {
      const { file, card } = loadFixture(id);
      const model = await loadFile(file);
      const { classes } = card;
      expect(model.outputs[1]).toEqual({
        name: "output_probability",
        dtype: "float32",
        shape: [null, classes!.length],
        classes,
      });
      expect(model.describe().outputs).toEqual(model.outputs);
    },
  );

  it("keeps labels of any letters, and finds weights beside the file", async () => {
    const { inputs, outputs } = madeExpectation("zipmap-external");
    const model = await loadMade("zipmap-external");
    expect(model.outputs[0]!.classes).toEqual(["chat", "größe", "駅弁"]);
    expectClose((await model.predict(inputs as never)) as never, outputs["probabilities"]!);
    const folder = createFolder();
    const definition = onnx(madeFile("zipmap-external"));
    const files = await definition.files();
    expect(files.map(({ path }) => path)).toEqual(["zipmap-external.onnx", "zipmap-external.data"]);
    for (const { source, path } of files) copyFileSync(source, join(folder, path));
    expect(readFileSync(join(folder, "zipmap-external.onnx"))).toEqual(
      readFileSync(madeFile("zipmap-external")),
    );
    const copied = await definition.load({ name: "net", directory: folder });
    expectClose((await copied.predict(inputs as never)) as never, outputs["probabilities"]!);
    await copied.release();
  });

  it("is a matrix in a file that imports nothing but the operators of machine learning", async () => {
    const graph = zipped({ labels: LABELS });
    const file = writeModel(
      buildOnnx({
        ...graph,
        nodes: [
          {
            op: "Normalizer",
            domain: "ai.onnx.ml",
            inputs: ["x"],
            outputs: ["scores"],
            texts: { norm: "L1" },
          },
          graph.nodes[1]!,
        ],
        opsets: { "ai.onnx.ml": 1 },
      }),
    );
    const model = await loadFile(file);
    expectClose((await model.predict([[1, 3]])) as never, [[0.25, 0.75]]);
  });

  it("is a matrix behind another name, of which the file notes the type", async () => {
    const graph = zipped({ labels: LABELS });
    const value = { name: "inner", type: "float32" as const, wrap: "maps" as const };
    const file = writeModel(
      buildOnnx({
        ...graph,
        nodes: [
          graph.nodes[0]!,
          { ...graph.nodes[1]!, outputs: ["inner"] },
          { op: "Identity", inputs: ["inner"], outputs: ["p"] },
        ],
        noted: [value],
      }),
    );
    const model = await loadFile(file);
    expectClose((await model.predict([[0, 0]])) as never, [[0.5, 0.5]]);
    expect(model.outputs[0]!.classes).toEqual(["no", "yes"]);
  });

  it("is refused where no ZipMap of onnx made it", async () => {
    const strange = writeModel(buildOnnx(zipped({ labels: LABELS, domain: "com.acme" })));
    await expect(loadFile(strange)).rejects.toMatchObject({ code: "MODEL_FILE_INVALID" });
  });

  it("leaves every other byte of the file as it was", () => {
    const before = readFileSync(join(FIXTURES, "skl-bc-random-forest-zipmap/model.onnx"));
    const after = rewriteOnnxOutputs(join(FIXTURES, "skl-bc-random-forest-zipmap/model.onnx"))!;
    const file = writeModel(after.bytes);
    const fields = (path: string): [number[], number[]] =>
      withReader(path, (reader) => {
        const model = reader.parts({ from: 0, to: reader.size });
        const graph = model.find(({ number }) => number === 7)!;
        const parts = reader.parts({ from: graph.body, to: graph.to });
        return [model.map(({ number }) => number), parts.map(({ number }) => number)];
      });
    expect(fields(file)).toEqual(fields(join(FIXTURES, "skl-bc-random-forest-zipmap/model.onnx")));
    // The ensemble of trees is nearly all of the file.
    const trees = before.subarray(1000, before.length - 1000);
    expect(Buffer.from(after.bytes).includes(trees)).toBe(true);
  });

  it("keeps fields that nobody knows, wherever they are", () => {
    const strange = fc.array(
      fc.record({ field: fc.integer({ min: 1000, max: 1_000_000 }), value: fc.string() }),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(strange, strange, (model, graph) => {
        const file = writeModel(buildOnnx(zipped({ labels: LABELS }), { model, graph }));
        const rewritten = writeModel(rewriteOnnxOutputs(file)!.bytes);
        withReader(rewritten, (reader) => {
          const unknown = (range: { from: number; to: number }): unknown[] =>
            reader
              .parts(range)
              .filter(({ number }) => number >= 1000)
              .map((part) => ({ field: part.number, value: reader.textOf(part) }));
          const found = reader.parts({ from: 0, to: reader.size });
          const inner = found.find(({ number }) => number === 7)!;
          expect(unknown({ from: 0, to: reader.size })).toEqual(model);
          expect(unknown({ from: inner.body, to: inner.to })).toEqual(graph);
        });
      }),
      { numRuns: 50 },
    );
  });

  it("never hangs or breaks the rewriting, whatever the bytes are", () => {
    const whole = readFileSync(join(FIXTURES, "skl-iris-logreg-zipmap/model.onnx"));
    const file = writeModel("");
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, byte } of changes) bytes[at] = byte;
        writeFileSync(file, bytes);
        try {
          const rewritten = rewriteOnnxOutputs(file);
          if (rewritten !== undefined) expect(rewritten.bytes.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtobufError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("a list of tensors", () => {
  it("is one output an element, and stays for what else uses it", async () => {
    const { inputs, outputs } = madeExpectation("sequence");
    const model = await loadMade("sequence");
    expect(model.outputs.map(({ name }) => name)).toEqual(["both_0", "both_1", "length"]);
    const answer = await model.run(inputs as never, { outputs: ["both_0", "both_1"] });
    expectClose(answer["both_0"] as never, outputs["both_0"]!);
    expectClose(answer["both_1"] as never, outputs["both_1"]!);
    expect(Array.from(await model.predict(inputs as never, { output: "length" }))).toEqual([2]);
  });

  it("gets names that the graph does not have yet", async () => {
    const file = writeModel(
      buildOnnx({
        inputs: [{ name: "x", type: "float32", shape: ["batch"] }],
        outputs: [
          { name: "s", type: "float32", wrap: "sequence" },
          { name: "s_0", type: "float32", shape: ["batch"] },
        ],
        nodes: [
          { op: "Neg", inputs: ["x"], outputs: ["s_0"] },
          { op: "SequenceConstruct", inputs: ["x"], outputs: ["s"] },
        ],
      }),
    );
    const model = await loadFile(file);
    expect(model.outputs.map(({ name }) => name)).toEqual(["s_0_", "s_0"]);
    const answer = await model.run([1, 2]);
    expect(Array.from(answer["s_0_"]!)).toEqual([1, 2]);
  });
});

describe("values that cannot be served", () => {
  it.each([
    ["split-sequence", /output "parts" .* is no tensor but a sequence/, /one output each/],
    [
      "optional",
      /output "maybe" .* is no tensor but a sequence, map or optional/,
      /tensors as outputs/,
    ],
    ["map-input", /input "words" .* is no tensor/, /tensors as inputs/],
    ["bfloat16", /holds bfloat16, which JavaScript/, /float32 or float16/],
    ["complex64", /complex64/, /\w/],
    ["future-ir", /has the IR version 99, .*up to \d+/, /ir_version = \d+/],
    ["no-operator", /no operator ai\.onnx:Frobnicate \(opset 15\)/, /standard ONNX operators/],
    ["no-domain", /no operator com\.acme:Frob \(which the file does not import\)/, /standard/],
  ])("are refused by what they are: %s", async (name, detail, hint) => {
    const error = await loadMade(name).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "MODEL_FILE_INVALID",
      facts: { detail: expect.stringMatching(detail), hint: expect.stringMatching(hint) },
    });
    expect((error as Error).message).toContain(madeFile(name));
  });
});
