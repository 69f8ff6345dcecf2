import sharp from "sharp";
import { z } from "zod";
import { Frame } from "../../sdk/frame/frame.js";
import { toDataFrame } from "../../sdk/frame/lazy-data-frame.js";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { dataframeOutput } from "../../sdk/outputs/dataframe-output.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { imageOutput } from "../../sdk/outputs/image-output.js";
import { jsonOutput } from "../../sdk/outputs/json-output.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import type { Output } from "../../sdk/outputs/output.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import { textOutput } from "../../sdk/outputs/text-output.js";
import { ORIENTS } from "../../sdk/tables/orients.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { describeOutput, type OutputCase, type OutputSample } from "../contracts/output.js";

const Row = z.object({
  p: z.number(),
  n: z.int(),
  label: z.string(),
  sure: z.boolean().nullable(),
  tags: z.array(z.string()),
});

const ROWS: z.infer<typeof Row>[] = [
  { p: 0.5, n: 3, label: "yes, really", sure: true, tags: ["a", 'b"'] },
  { p: -1e-7, n: -2, label: "", sure: null, tags: [] },
  { p: 1 / 3, n: 0, label: "zwölf\nlines", sure: false, tags: ["true"] },
];

/** The same outputs in each of the forms in which a handler may return them. */
function inEveryForm(rows: readonly (typeof ROWS)[number][]): OutputSample[] {
  const forms: (() => unknown)[] = [
    () => structuredClone(rows),
    () => ({
      p: Float64Array.from(rows, ({ p }) => p),
      n: Int32Array.from(rows, ({ n }) => n),
      label: rows.map(({ label }) => label),
      sure: rows.map(({ sure }) => sure),
      tags: structuredClone(rows.map(({ tags }) => tags)),
    }),
    () =>
      toDataFrame(
        Frame.of({
          p: { kind: "float64", values: Float64Array.from(rows, ({ p }) => p) },
          n: { kind: "int", values: Float64Array.from(rows, ({ n }) => n) },
          label: { kind: "string", values: rows.map(({ label }) => label) },
          sure: {
            kind: "boolean",
            values: Uint8Array.from(rows, ({ sure }) => Number(sure)),
            missing: Uint8Array.from(rows, ({ sure }) => Number(sure === null)),
          },
          tags: { kind: "json", values: rows.map(({ tags }) => tags) },
        }),
      ),
  ];
  return forms.map((returned) => many(returned, rows.length, rows));
}

function many(
  returned: () => unknown,
  count: number,
  results: unknown,
  resultsAs: Readonly<Record<string, unknown>> = {},
): OutputSample {
  return { cardinality: "many", returned, count, results, resultsAs };
}

function one(returned: () => unknown, results: unknown): OutputSample {
  return { cardinality: "one", returned, count: 1, results };
}

function cyclic(): object {
  const self: Record<string, unknown> = {};
  self["self"] = self;
  return self;
}

describeOutput("jsonOutput(schema)", () => ({
  output: jsonOutput(Row),
  samples: [
    ...inEveryForm(ROWS),
    one(() => structuredClone(ROWS[0]), ROWS[0]),
    many(() => [], 0, []),
  ],
  broken: [
    { cardinality: "one", returned: cyclic() },
    { cardinality: "many", returned: [cyclic()] },
  ],
}));

describeOutput("jsonOutput() of anything", () => ({
  output: jsonOutput(),
  samples: [
    one(() => ({ a: [1, { b: null }] }), { a: [1, { b: null }] }),
    one(() => "text", "text"),
    one(() => null, null),
    many(() => [1, 2.5, -3], 3, [1, 2.5, -3], { "text/csv": ["1", "2.5", "-3"] }),
    many(() => Float32Array.of(0.5, 0.25), 2, [0.5, 0.25], { "text/csv": ["0.5", "0.25"] }),
    many(() => ["a", "", 'c"'], 3, ["a", "", 'c"']),
    many(
      () => createTensorArray(Float32Array.of(1, 2, 3, 4), [2, 2]),
      2,
      [
        [1, 2],
        [3, 4],
      ],
      {
        "text/csv": ["[1,2]", "[3,4]"],
        "application/vnd.apache.arrow.stream": ["[1,2]", "[3,4]"],
      },
    ),
  ],
  broken: [{ cardinality: "one", returned: cyclic() }],
}));

describeOutput("jsonOutput(z.number())", () => ({
  output: jsonOutput(z.number()),
  samples: [many(() => [1, 2.5, -3], 3, [1, 2.5, -3]), one(() => 0.1, 0.1)],
  broken: [],
}));

for (const orient of ORIENTS) {
  describeOutput(`dataframeOutput(row, ${orient})`, () => ({
    output: dataframeOutput(Row, { orient }),
    samples: [
      ...inEveryForm(ROWS),
      ...inEveryForm(ROWS).map(({ returned }) => one(returned, ROWS)),
      many(() => [], 0, []),
    ],
    broken: [
      { cardinality: "one", returned: 3 },
      { cardinality: "one", returned: null },
      { cardinality: "many", returned: [1] },
      { cardinality: "many", returned: [{ p: 1 }] },
    ],
  }));
}

describeOutput("dataframeOutput() without a schema", () => ({
  output: dataframeOutput(),
  samples: [
    many(() => [{ a: 1 }, { a: 2 }], 2, [{ a: 1 }, { a: 2 }], {
      "text/csv": [{ a: "1" }, { a: "2" }],
    }),
  ],
  broken: [{ cardinality: "many", returned: ["text"] }],
}));

describeOutput("tensorOutput of float32", () => ({
  output: tensorOutput({ shape: [2], dtype: "float32" }),
  samples: [
    many(() => createTensorArray(Float32Array.of(1, -0, 3, 4), [2, 2]), 2, [
      [1, -0],
      [3, 4],
    ]),
    many(() => ({ data: [1, 2, 3, 4], dims: [2, 2] }), 2, [
      [1, 2],
      [3, 4],
    ]),
    many(
      () => [[1, 2], Float64Array.of(3, 4), createTensorArray(Float32Array.of(5, 6), [1, 2])],
      3,
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ),
    many(() => [[Number.NaN, 0.5]], 1, [[Number.NaN, 0.5]]),
    many(() => [], 0, []),
    one(() => [1, 2], [1, 2]),
    one(() => createTensorArray(Float32Array.of(1, 2), [1, 2]), [1, 2]),
  ],
  broken: [
    { cardinality: "one", returned: [1, 2, 3] },
    { cardinality: "one", returned: ["1", 2] },
    { cardinality: "one", returned: null },
    { cardinality: "many", returned: [[1, 2], [3]] },
    { cardinality: "many", returned: [{ a: 1 }] },
  ],
}));

describeOutput("tensorOutput of any size", () => ({
  output: tensorOutput({ shape: [null, 2], dtype: "int64", name: "boxes" }),
  samples: [
    one(
      () => [
        [1, 2n],
        [3, 4],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ),
    one(() => [[2n ** 60n, -1n]], [[2n ** 60n, -1]]),
    many(() => createTensorArray(Float64Array.of(1, 2, 3, 4), [2, 1, 2]), 2, [[[1, 2]], [[3, 4]]]),
  ],
  broken: [
    { cardinality: "one", returned: [[1.5, 2]] },
    { cardinality: "one", returned: [[2n ** 64n, 2n]] },
    {
      cardinality: "many",
      returned: [
        [[1, 2]],
        [
          [1, 2],
          [3, 4],
        ],
      ],
    },
  ],
}));

describeOutput("tensorOutput of booleans", () => ({
  output: tensorOutput({ shape: [], dtype: "bool" }),
  samples: [many(() => [true, false], 2, [true, false]), one(() => true, true)],
  broken: [{ cardinality: "one", returned: 1 }],
}));

describeOutput("tensorOutput of strings", () => ({
  output: tensorOutput({ shape: [2], dtype: "string" }),
  samples: [
    many(
      () => [
        ["a", ""],
        ["ü", "\n"],
      ],
      2,
      [
        ["a", ""],
        ["ü", "\n"],
      ],
    ),
    many(() => createTensorArray(["a", "b"], [1, 2]), 1, [["a", "b"]]),
  ],
  broken: [{ cardinality: "one", returned: ["a", 1] }],
}));

const RED_AND_BLUE = Uint8Array.of(255, 0, 0, 0, 0, 255);
const raw = { width: 2, height: 1, channels: 3 as const };
const png = Uint8Array.from(await sharp(RED_AND_BLUE, { raw }).png().toBuffer());
const webp = Uint8Array.from(
  await sharp(RED_AND_BLUE, { raw }).webp({ lossless: true }).toBuffer(),
);

describeOutput("imageOutput", () => ({
  output: imageOutput(),
  samples: [
    one(() => png.slice(), png),
    one(() => webp.slice().buffer, png),
    one(() => createTensorArray(RED_AND_BLUE.slice(), [1, 2, 3]), png),
    one(() => ({ data: Float32Array.of(1, 0, -1, 0, Number.NaN, 2), dims: [1, 1, 2, 3] }), png),
    many(() => [png.slice(), { data: RED_AND_BLUE.slice(), dims: [1, 2, 3] }], 2, [png, png]),
    many(
      () => createTensorArray(Uint8Array.of(...RED_AND_BLUE, ...RED_AND_BLUE), [2, 1, 2, 3]),
      2,
      [png, png],
    ),
  ],
  broken: [
    { cardinality: "one", returned: Uint8Array.of(1, 2, 3) },
    { cardinality: "one", returned: "text" },
    { cardinality: "one", returned: { data: new Uint8Array(5), dims: [5, 1, 5] } },
    { cardinality: "one", returned: { data: new Int32Array(4), dims: [2, 2] } },
    { cardinality: "many", returned: [null] },
  ],
}));

describeOutput("bytesOutput", () => ({
  output: bytesOutput("audio/wav"),
  samples: [
    one(() => Uint8Array.of(0, 255, 13), Uint8Array.of(0, 255, 13)),
    one(() => new Uint8Array(), new Uint8Array()),
    many(() => [Buffer.from("a"), new Uint16Array([258]).buffer], 2, [
      Uint8Array.of(97),
      Uint8Array.of(2, 1),
    ]),
  ],
  broken: [
    { cardinality: "one", returned: "text" },
    { cardinality: "many", returned: [1] },
  ],
}));

describeOutput("textOutput", () => ({
  output: textOutput(),
  samples: [
    one(() => "grün\r\n\u2028", "grün\r\n\u2028"),
    one(() => "", ""),
    many(() => ["a", 'b"'], 2, ["a", 'b"']),
  ],
  broken: [
    { cardinality: "one", returned: 1 },
    { cardinality: "many", returned: [null] },
  ],
}));

const EVENTS = [{ token: "a\nb\r\n" }, { token: "\u2028" }, { token: "data: x\n\n" }];

function streamCase(output: Output): OutputCase {
  return {
    output,
    samples: [
      many(() => structuredClone(EVENTS), 3, EVENTS),
      many(() => ["text", 1, null, [], { error: { type: "mine" } }], 5, [
        "text",
        1,
        null,
        [],
        { error: { type: "mine" } },
      ]),
      many(() => [], 0, []),
    ],
    broken: [{ cardinality: "many", returned: [cyclic()] }],
  };
}

describeOutput("eventStream", () => streamCase(eventStream()));
describeOutput("ndjsonStream", () => streamCase(ndjsonStream()));
