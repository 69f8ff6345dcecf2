import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { z } from "zod";
import { reject } from "../../sdk/core/rejection.js";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { defineInput } from "../../sdk/inputs/define-input.js";
import { file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { image } from "../../sdk/inputs/image.js";
import type { RequestBody } from "../../sdk/inputs/input.js";
import { json } from "../../sdk/inputs/json.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { tensor } from "../../sdk/inputs/tensor.js";
import { text } from "../../sdk/inputs/text.js";
import type { UploadedFile } from "../../sdk/inputs/uploaded-file.js";
import { createTensorArray, type TensorArray } from "../../sdk/tensor/tensor-array.js";
import { describeInputOverHttp } from "../contracts/http.js";

function body(content: string | Uint8Array, contentType = "application/json"): RequestBody {
  return { bytes: Buffer.from(content as string), ...parseMediaType(contentType) };
}

const asList = (argument: unknown): unknown[] => argument as unknown[];
const recordsOf = (argument: unknown): unknown[] => frameOf(argument)!.toRecords();

/** The rows of a stacked tensor, as tensors of their own. */
function rowsOf(argument: unknown): unknown[] {
  const stack = argument as TensorArray;
  const dims = stack.dims.slice(1);
  return Array.from({ length: stack.dims[0]! }, (_, i) =>
    createTensorArray(stack.row(i).slice() as never, dims),
  );
}

function printTensor(item: unknown): string {
  return inspect([(item as TensorArray).dims, Array.from(item as ArrayLike<unknown>)]);
}

async function printFile(item: unknown): Promise<string> {
  const given = item as UploadedFile;
  return inspect([given.name, given.mediaType, given.size, await given.sha256()]);
}

const Customer = z.object({
  age: z.number().nullable(),
  plan: z.enum(["basic", "pro"]),
  since: z.date().optional(),
  id: z.bigint().nullable(),
  tags: z.array(z.string()).optional(),
});
const customers = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ age: i / 3, plan: "basic", id: BigInt(i) }));

describeInputOverHttp("dataframe", () => ({
  input: dataframe(Customer),
  samples: [
    [],
    [{ age: 1, plan: "basic", id: 1n }],
    [
      { age: null, plan: "pro", id: null, tags: [] },
      { plan: "pro", id: 2n ** 62n, age: -0.5, since: new Date(0), tags: ["ü", "👩‍🚀"] },
    ],
    customers(20),
  ],
  itemsOf: recordsOf,
  broken: [
    body(""),
    body("[{"),
    body('{"age": 1}'),
    body('[{"age": "1"}]'),
    body(Uint8Array.of(0x22, 0xc3, 0x28, 0x22)),
    body("a,b\n1,2", "text/csv"),
    body("a\n1", "application/vnd.apache.arrow.stream"),
    body("PAR1", "application/vnd.apache.parquet"),
    body('{"a":1}\n{', "application/x-ndjson"),
    body("[]", "application/json; charset=latin1"),
    body("<a/>", "application/xml"),
  ],
}));

describeInputOverHttp("dataframe of numbers", () => ({
  input: dataframe(z.object({ a: z.number(), b: z.number().nullable() }), { orient: "values" }),
  samples: [
    [{ a: 1, b: null }],
    Array.from({ length: 7 }, (_, a) => ({ a, b: a / 7 })),
    [{ a: 5e-324, b: -1e308 }],
  ],
  itemsOf: recordsOf,
  broken: [body("[[1]]"), body("[[1,2],[3"), body('[[1,"2"]]'), body("1")],
}));

const Order = z.object({
  id: z.bigint(),
  at: z.date().nullable(),
  lines: z.array(z.object({ amount: z.number(), note: z.string().optional() })),
});

describeInputOverHttp("json", () => ({
  input: json(Order),
  samples: [
    { id: 1n, at: null, lines: [] },
    { id: 2n ** 70n, at: new Date(5), lines: [{ amount: 1 }, { amount: 0.5, note: "ü" }] },
  ],
  itemsOf: asList,
  broken: [body(""), body("{"), body("null"), body('{"id":1}'), body("<a/>", "application/xml")],
}));

describeInputOverHttp("text", () => ({
  input: text(),
  samples: ["", "a", "日本 \u{1f371}\r\n", "[1]"],
  itemsOf: asList,
  broken: [
    body(Uint8Array.of(0xff, 0xfe, 0xfd), "text/plain"),
    body("x", "text/plain; charset=klingon"),
    body("1"),
    body("a", "text/html"),
  ],
}));

const matrices = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [-0.5, 0],
    [1e-7, 9],
  ],
];
const noTensors = [
  body("[[1, 2], [3"),
  body("[[1, 2], [3]]"),
  body('{"b64": "!!!!", "shape": [2, 2]}'),
  body("null"),
  body(Uint8Array.of(0xff)),
  { ...body(new Uint8Array(3), "application/octet-stream"), headers: new Headers() },
  {
    ...body(new Uint8Array(16), "application/octet-stream"),
    headers: new Headers({ "x-tensor-dtype": "int32" }),
  },
];

describeInputOverHttp("tensor", () => ({
  input: tensor({ shape: [2, 2], dtype: "float32" }),
  samples: matrices,
  itemsOf: rowsOf,
  print: printTensor,
  broken: noTensors,
}));

describeInputOverHttp("tensor of many items", () => ({
  input: tensor({ shape: [2], dtype: "float32", many: true }),
  samples: [...matrices, [[7, 8]], []],
  itemsOf: rowsOf,
  print: printTensor,
  broken: noTensors,
}));

describeInputOverHttp("tensor of free size", () => ({
  input: tensor({ shape: [null], dtype: "string" }),
  samples: [["a", ""], ["駅弁", "\u0000", "c"], []],
  itemsOf: asList,
  print: printTensor,
  broken: [body("[1]"), body('["a"'), body('[["a"]]')],
}));

const picture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/images/${name}`, import.meta.url));
const noImages = [
  body("", "image/png"),
  body("hello", "image/png"),
  body(picture("truncated_0.png"), "image/png"),
  body("<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
  body("{}"),
];

describeInputOverHttp("image", () => ({
  input: image({ size: { width: 5, height: 4 }, layout: "CHW", scale: 1 / 255 }),
  samples: ["digit_00_0.png", "rgb_4.png", "alpha_2.png", "gray16_9.png"].map(picture),
  itemsOf: rowsOf,
  print: printTensor,
  broken: noImages,
}));

describeInputOverHttp("image as a file", () => ({
  input: image({ raw: true }),
  samples: ["digit_00_0.png", "rgb_4.png"].map(picture),
  itemsOf: asList,
  broken: noImages,
}));

describeInputOverHttp("file", () => ({
  // Small enough that some are on disk.
  input: file({ mediaTypes: ["text/csv", "image/*"], maxBytes: 10_000, maxMemoryBytes: 100 }),
  samples: [
    Buffer.from("a,b"),
    { bytes: Buffer.from("1,2,3\n".repeat(1000)), name: "ü.csv" },
    { b64: "AAAA", name: 'a "b".csv' },
  ],
  itemsOf: asList,
  print: printFile,
  broken: [
    body("a", "text/html"),
    body("a".repeat(50), "multipart/form-data; boundary=b"),
    body("a", "multipart/form-data"),
  ],
}));

describeInputOverHttp("form", () => ({
  input: form(
    {
      doc: file({ maxMemoryBytes: 100 }),
      meta: json(z.object({ id: z.number().int() })),
      note: text(),
      rows: dataframe(z.object({ a: z.number() })),
    },
    { optional: ["note", "rows"] },
  ),
  samples: [
    { doc: { bytes: Buffer.from("doc"), name: "a.txt" }, meta: { id: 1 } },
    {
      doc: { bytes: Buffer.alloc(5000, "x"), mediaType: "text/plain" },
      meta: { id: 2 },
      note: "日本\r\n--b--",
      rows: [{ a: 1 }, { a: 2 }],
    },
  ],
  itemsOf: asList,
  async print(item) {
    const { doc, rows, ...rest } = item as Record<string, unknown>;
    return inspect([await printFile(doc), rows === undefined ? undefined : recordsOf(rows), rest]);
  },
  broken: [
    body("", "multipart/form-data"),
    body("", "multipart/form-data; boundary=b"),
    body("{}"),
    body("note=1", "application/x-www-form-urlencoded"),
  ],
}));

const Word = z.object({ text: z.string().max(20) });
const Words = z.object({ words: z.array(z.unknown()) });
const noWords = [body("{"), body(""), body("1", "text/plain"), body('{"words":1}')];

describeInputOverHttp("of an author's own, of one item", () => ({
  input: defineInput({ parse: (request) => request.json(Words) }),
  samples: [{ words: [] }, { words: [1, "ü", null] }],
  itemsOf: asList,
  broken: noWords,
}));

describeInputOverHttp("of an author's own, of many items, some with an answer of its own", () => ({
  input: defineInput({
    many: true,
    items: Word,
    parse: (request) =>
      request.json(Words).words.map((word) => (word === null ? reject(200, "skipped") : word)),
    merge: (items) => ({ items }),
  }),
  samples: [
    { words: [] },
    { words: [null] },
    { words: [{ text: "a" }, null, { text: "b" }] },
    { words: Array.from({ length: 9 }, (_, at) => ({ text: String(at) })) },
  ],
  itemsOf: (argument) => (argument as { items: unknown[] }).items,
  broken: [...noWords, body('{"words":[{}]}')],
}));

describeInputOverHttp("of an author's own that waits", () => ({
  input: defineInput({
    mediaTypes: ["text/csv"],
    async parse(request) {
      await new Promise((resolve) => setImmediate(resolve));
      return request.text().split(",");
    },
    encode: (value: readonly string[]) => value.join(","),
  }),
  samples: [["a"], ["b", "c"]],
  itemsOf: asList,
  broken: [body("a", "text/csv; charset=klingon"), body("a", "text/plain")],
}));

describeInputOverHttp("of an author's own with a table inside", () => ({
  input: defineInput({
    input: dataframe(z.object({ id: z.number().int() })),
    parse: (request) => request.json(z.object({ rows: z.array(z.unknown()) })).rows,
  }),
  samples: [{ rows: [] }, { rows: [{ id: 1 }] }, { rows: [1, 2, 3, 4].map((id) => ({ id })) }],
  itemsOf: recordsOf,
  broken: [body("{"), body(""), body('{"rows":1}'), body('{"rows":[{}]}')],
}));
