import { brotliCompressSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer, type ColumnSource } from "hyparquet-writer";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { readParquet } from "../../sdk/tables/parquet.js";
import type { SourceTable } from "../../sdk/tables/table-source.js";
import { damaged, unaligned } from "./bytes.js";
import { buildParquet, levels, TYPES, varint } from "./parquet-builder.js";

type Options = Omit<Parameters<typeof parquetWriteBuffer>[0], "columnData">;

function write(columnData: ColumnSource[], options: Options = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, ...options }));
}

function valuesOf(table: SourceTable): Record<string, unknown[]> {
  return Object.fromEntries(table.columns.map(({ name, values }) => [name, Array.from(values)]));
}

async function read(
  columns: ColumnSource[],
  options: Options = {},
): Promise<Record<string, unknown[]>> {
  return valuesOf(await readParquet(write(columns, options)));
}

async function refusal(bytes: Uint8Array): Promise<EkibenError> {
  const error: unknown = await readParquet(bytes).catch((error: unknown) => error);
  if (error instanceof EkibenError) return error;
  throw new Error(`The bytes were taken or broke the reader: ${String(error)}`);
}

const count = (rows: number): number[] => Array.from({ length: rows }, (_, row) => row);

/** The schema of one column, and of what is below it. */
function schemaOf(...elements: SchemaElement[]): SchemaElement[] {
  return [{ name: "root", num_children: 1 }, ...elements];
}

const snappyWord = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("readParquet", () => {
  it("reads every kind of column, missing values as null", async () => {
    const date = new Date("2024-02-03T04:05:06.789Z");
    expect(
      await read([
        { name: "f64", data: [0.1, null, -0] as never, type: "DOUBLE" },
        { name: "f32", data: [0.5, 1, 2], type: "FLOAT", nullable: false },
        { name: "i32", data: [1, null, -3] as never, type: "INT32" },
        { name: "i64", data: [1n, null, 2n ** 62n] as never, type: "INT64" },
        { name: "b", data: [true, null, false] as never, type: "BOOLEAN" },
        { name: "s", data: ["Köln", null, ""] as never, type: "STRING" },
        { name: "t", data: [date, null, new Date(-1)] as never, type: "TIMESTAMP" },
        { name: "j", data: [{ a: [1] }, null, "x"] as never, type: "JSON" },
        { name: "h", data: [0.5, null, -2] as never, type: "FLOAT16" },
        {
          name: "u",
          data: ["0189f7a0-1111-4222-8333-444455556666", null, null] as never,
          type: "UUID",
        },
      ]),
    ).toEqual({
      f64: [0.1, null, -0],
      f32: [0.5, 1, 2],
      i32: [1, null, -3],
      i64: [1n, null, 2n ** 62n],
      b: [true, null, false],
      s: ["Köln", null, ""],
      t: [date, null, new Date(-1)],
      j: [{ a: [1] }, null, "x"],
      h: [0.5, null, -2],
      u: ["0189f7a0-1111-4222-8333-444455556666", null, null],
    });
  });

  it("hands on typed arrays where nothing may be missing", async () => {
    const { columns } = await readParquet(
      write([
        {
          name: "f",
          data: Float64Array.of(0.1, 0.2, 0.3),
          type: "DOUBLE",
          nullable: false,
          encoding: "PLAIN",
        },
        {
          name: "i",
          data: BigInt64Array.of(1n, 2n, 3n),
          type: "INT64",
          nullable: false,
          encoding: "PLAIN",
        },
      ]),
    );
    expect(columns.map(({ values }) => values)).toEqual([
      Float64Array.of(0.1, 0.2, 0.3),
      BigInt64Array.of(1n, 2n, 3n),
    ]);
  });

  it.each<[string, ColumnSource]>([
    [
      "DELTA_BINARY_PACKED",
      { name: "a", data: count(1000).map((i) => i * i - 500), type: "INT32" },
    ],
    [
      "DELTA_BINARY_PACKED",
      { name: "a", data: count(1000).map((i) => BigInt(i) ** 5n), type: "INT64" },
    ],
    [
      "DELTA_LENGTH_BYTE_ARRAY",
      { name: "a", data: count(300).map((i) => "ä".repeat(i % 9)), type: "STRING" },
    ],
    ["BYTE_STREAM_SPLIT", { name: "a", data: count(300).map((i) => i / 7), type: "DOUBLE" }],
    ["RLE_DICTIONARY", { name: "a", data: count(3000).map((i) => `t${i % 300}`), type: "STRING" }],
    ["RLE_DICTIONARY", { name: "a", data: count(300).map(() => "same"), type: "STRING" }],
    ["RLE", { name: "a", data: count(300).map((i) => i % 3 === 0), type: "BOOLEAN" }],
    ["PLAIN", { name: "a", data: count(300).map((i) => i % 3 === 0), type: "BOOLEAN" }],
  ])("reads the encoding %s", async (encoding, column) => {
    for (const nullable of [true, false]) {
      const holes = Array.from(column.data as unknown[], (value, i) =>
        nullable && i % 4 === 1 ? null : value,
      );
      const source = { ...column, encoding: encoding as "PLAIN", nullable, data: holes as never };
      expect(await read([source], { pageSize: 700, rowGroupSize: 250 })).toEqual({ a: holes });
    }
  });

  it.each<[string, (input: Uint8Array) => Uint8Array]>([
    ["UNCOMPRESSED", (input) => input],
    ["GZIP", (input) => gzipSync(input)],
    ["BROTLI", (input) => brotliCompressSync(input)],
    ["LZ4_RAW", toLz4],
    ["ZSTD", toZstd],
  ])("reads the compression %s", async (codec, compress) => {
    const columns: ColumnSource[] = [
      { name: "n", data: count(500).map((i) => i / 3), type: "DOUBLE" },
      { name: "s", data: count(500).map((i) => `text ${i % 50}`), type: "STRING" },
    ];
    const compressors = { [codec]: compress };
    expect(await read(columns, { codec: codec as "GZIP", compressors, rowGroupSize: 200 })).toEqual(
      {
        n: columns[0]!.data,
        s: columns[1]!.data,
      },
    );
  });

  it("reads decimals as the doubles nearest to them", async () => {
    const decimal = (type: "INT32" | "INT64", scale: number): SchemaElement => ({
      name: "d",
      type,
      repetition_type: "REQUIRED",
      converted_type: "DECIMAL",
      scale,
      precision: 9,
    });
    for (const [scale, data, expected] of [
      [1, [3, 7, -11], [0.3, 0.7, -1.1]],
      [2, [110, 29, 57], [1.1, 0.29, 0.57]],
    ] as const) {
      const schema = schemaOf(decimal("INT32", scale));
      // The writer divides by the scale itself.
      const values = data.map((value) => value / 10 ** scale);
      expect(await read([{ name: "d", data: values }], { schema })).toEqual({ d: expected });
    }
  });

  it("reads dates and times of day", async () => {
    const element = (name: string, rest: Partial<SchemaElement>): SchemaElement => ({
      name,
      repetition_type: "REQUIRED",
      ...rest,
    });
    const logical = { type: "TIME", isAdjustedToUTC: true, unit: "MICROS" } as const;
    const schema = [
      { name: "root", num_children: 3 },
      element("day", { type: "INT32", converted_type: "DATE" }),
      element("clock", { type: "INT32", converted_type: "TIME_MILLIS" }),
      element("fine", { type: "INT64", logical_type: logical }),
    ];
    const columns: ColumnSource[] = [
      { name: "day", data: [new Date("2024-02-03"), new Date("1969-12-31")] },
      { name: "clock", data: [0, 45_296_789] },
      { name: "fine", data: [1n, 86_399_000_000n] },
    ];
    expect(await read(columns, { schema })).toEqual({
      day: [new Date("2024-02-03"), new Date("1969-12-31")],
      clock: ["00:00:00", "12:34:56.789"],
      fine: ["00:00:00.000001", "23:59:59"],
    });
  });

  it("reads lists, structs and maps as plain values", async () => {
    const list = schemaOf(
      { name: "l", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      { name: "element", repetition_type: "OPTIONAL", type: "INT32" },
    );
    const lists = [[1, 2], null, [], [3, null]];
    expect(await read([{ name: "l", data: lists as never }], { schema: list })).toEqual({
      l: lists,
    });
    const struct = schemaOf(
      { name: "o", repetition_type: "OPTIONAL", num_children: 2 },
      { name: "a", repetition_type: "OPTIONAL", type: "INT32" },
      { name: "b", repetition_type: "OPTIONAL", type: "BYTE_ARRAY", converted_type: "UTF8" },
    );
    const structs = [{ a: 1, b: "x" }, null, { a: null, b: "" }];
    expect(await read([{ name: "o", data: structs as never }], { schema: struct })).toEqual({
      o: structs,
    });
    const map = schemaOf(
      { name: "m", repetition_type: "OPTIONAL", num_children: 1, converted_type: "MAP" },
      { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
      { name: "key", repetition_type: "REQUIRED", type: "BYTE_ARRAY", converted_type: "UTF8" },
      { name: "value", repetition_type: "OPTIONAL", type: "INT32" },
    );
    const maps = [{ k: 1, l: null }, null];
    expect(await read([{ name: "m", data: maps as never }], { schema: map })).toEqual({ m: maps });
  });

  it("joins groups of rows in their order", async () => {
    const data = count(1000);
    const got = await readParquet(
      write([{ name: "a", data: Float64Array.from(data), type: "DOUBLE" }], { rowGroupSize: 128 }),
    );
    expect(got.rowCount).toBe(1000);
    expect(valuesOf(got)).toEqual({ a: data });
  });

  it("reads a table without rows", async () => {
    const got = await readParquet(write([{ name: "a", data: [], type: "DOUBLE" }]));
    expect(got).toEqual({ rowCount: 0, columns: [{ name: "a", values: [] }] });
  });

  it("reads bytes that share their memory with others", async () => {
    const bytes = write([{ name: "a", data: [1.5, 2.5], type: "DOUBLE", nullable: false }]);
    expect(valuesOf(await readParquet(unaligned(bytes)))).toEqual({ a: [1.5, 2.5] });
    const shared = Buffer.concat([Buffer.alloc(5), bytes]).subarray(5);
    expect(valuesOf(await readParquet(shared))).toEqual({ a: [1.5, 2.5] });
  });

  it("refuses types that are not read, and names the column", async () => {
    const fixed: SchemaElement = {
      name: "bytes",
      repetition_type: "REQUIRED",
      type: "FIXED_LEN_BYTE_ARRAY",
      type_length: 4,
    };
    const bytes = write([{ name: "bytes", data: [Uint8Array.of(1, 2, 3, 4)] as never }], {
      schema: schemaOf(fixed),
    });
    const error = await refusal(bytes);
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain('"bytes"');
  });

  it("refuses text that is not UTF-8", async () => {
    const bytes = write([{ name: "s", data: ["QQQQ"], type: "STRING", nullable: false }], {
      codec: "UNCOMPRESSED",
      statistics: false,
    });
    const at = Buffer.from(bytes).indexOf("QQQQ");
    bytes[at + 1] = 0xff;
    expect((await refusal(bytes)).code).toBe("BODY_MALFORMED");
  });

  it("refuses a map whose key would exchange the prototype of its record", async () => {
    const map = schemaOf(
      { name: "m", repetition_type: "REQUIRED", num_children: 1, converted_type: "MAP" },
      { name: "key_value", repetition_type: "REPEATED", num_children: 2 },
      { name: "key", repetition_type: "REQUIRED", type: "BYTE_ARRAY", converted_type: "UTF8" },
      { name: "value", repetition_type: "REQUIRED", type: "BYTE_ARRAY", converted_type: "JSON" },
    );
    const maps = [JSON.parse('{"QQproto__":{"admin":true}}') as object];
    const bytes = write([{ name: "m", data: maps as never }], {
      schema: map,
      codec: "UNCOMPRESSED",
      statistics: false,
    });
    const at = Buffer.from(bytes).indexOf("QQproto__");
    bytes.set(snappyWord("__"), at);
    expect((await refusal(bytes)).message).toContain("__proto__");
  });
});

/** Files with every encoding that is read. */
function samples(): Uint8Array[] {
  const list = schemaOf(
    { name: "l", repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", type: "INT32" },
  );
  const rows = count(20);
  const holes = (valueOf: (i: number) => unknown): never =>
    rows.map((i) => (i % 3 === 0 ? null : valueOf(i))) as never;
  const columns: ColumnSource[] = [
    { name: "f", data: holes((i) => i / 3), type: "DOUBLE" },
    {
      name: "l",
      data: holes((i) => BigInt(i * i)),
      type: "INT64",
      encoding: "DELTA_BINARY_PACKED",
    },
    { name: "s", data: holes((i) => `t${i % 4}`), type: "STRING" },
    {
      name: "d",
      data: holes((i) => "x".repeat(i)),
      type: "STRING",
      encoding: "DELTA_LENGTH_BYTE_ARRAY",
    },
    { name: "b", data: holes((i) => i % 2 === 0), type: "BOOLEAN" },
    { name: "t", data: holes((i) => new Date(i * 1e9)), type: "TIMESTAMP" },
  ];
  const lists = rows.map((i) => (i % 4 === 0 ? null : rows.slice(0, i % 4)));
  return [
    write(columns, { codec: "UNCOMPRESSED", rowGroupSize: 8 }),
    write(columns),
    write(columns, { codec: "GZIP", compressors: { GZIP: (input) => gzipSync(input) } }),
    write([{ name: "l", data: lists as never }], { schema: list, codec: "UNCOMPRESSED" }),
    write([{ name: "s", data: rows.map(String), type: "STRING", nullable: false }], {
      codec: "LZ4_RAW",
      compressors: { LZ4_RAW: toLz4 },
    }),
    write([{ name: "s", data: rows.map(String), type: "STRING" }], {
      codec: "ZSTD",
      compressors: { ZSTD: toZstd },
    }),
    buildParquet({ type: TYPES.text, optional: true, rows: 20 }, [
      { values: 1, encoding: 0, bytes: [1, 0, 0, 0, 0x61], dictionary: true },
      {
        values: 8,
        encoding: 8,
        bytes: [
          ...levels([
            [1, 3],
            [0, 5],
          ]),
          1,
          ...varint(6),
          0,
        ],
      },
      {
        values: 12,
        encoding: 0,
        bytes: [
          ...levels([
            [0, 10],
            [1, 2],
          ]),
          1,
          0,
          0,
          0,
          0x62,
          0,
          0,
          0,
          0,
        ],
      },
    ]),
  ];
}

describe("readParquet of pages of the first version", () => {
  const doubles = (...values: number[]): number[] => [
    ...new Uint8Array(Float64Array.from(values).buffer),
  ];
  const texts = (...values: string[]): number[] =>
    values.flatMap((value) => [value.length, 0, 0, 0, ...Buffer.from(value)]);

  it("reads plain values, with and without levels", async () => {
    const required = buildParquet({ type: TYPES.double, rows: 3 }, [
      { values: 2, encoding: 0, bytes: doubles(1, 2) },
      { values: 1, encoding: 0, bytes: doubles(3) },
    ]);
    expect(valuesOf(await readParquet(required))).toEqual({ a: [1, 2, 3] });
    const runs = [
      [1, 1],
      [0, 2],
      [1, 1],
    ] as const;
    const optional = buildParquet({ type: TYPES.double, optional: true, rows: 4 }, [
      { values: 4, encoding: 0, bytes: [...levels(runs), ...doubles(1, 4)] },
    ]);
    expect(valuesOf(await readParquet(optional))).toEqual({ a: [1, null, null, 4] });
  });

  it("reads packed levels and indices of a dictionary", async () => {
    const dictionary = { values: 3, encoding: 2, bytes: texts("a", "bc", ""), dictionary: true };
    // One group of eight levels of one bit, and one of eight indices of two.
    const packed = [2, 0, 0, 0, 3, 0b01011101];
    const indices = [2, 3, 0b10_01_00_10, 0b00_00_00_01];
    const file = buildParquet({ type: TYPES.text, optional: true, rows: 7 }, [
      dictionary,
      { values: 7, encoding: 8, bytes: [...packed, ...indices] },
    ]);
    expect(valuesOf(await readParquet(file))).toEqual({
      a: ["", null, "a", "bc", "", null, "bc"],
    });
  });

  it("reads indices of no bits, all of which are the first of the dictionary", async () => {
    const file = buildParquet({ type: TYPES.text, rows: 3 }, [
      { values: 1, encoding: 0, bytes: texts("only"), dictionary: true },
      { values: 3, encoding: 8, bytes: [0] },
    ]);
    expect(valuesOf(await readParquet(file))).toEqual({ a: ["only", "only", "only"] });
  });

  it("reads truth values, packed and in runs", async () => {
    const plain = buildParquet({ type: TYPES.boolean, rows: 3 }, [
      { values: 3, encoding: 0, bytes: [0b101] },
    ]);
    expect(valuesOf(await readParquet(plain))).toEqual({ a: [true, false, true] });
    const runs = buildParquet({ type: TYPES.boolean, rows: 5 }, [
      {
        values: 5,
        encoding: 3,
        bytes: levels([
          [1, 4],
          [0, 1],
        ]),
      },
    ]);
    expect(valuesOf(await readParquet(runs))).toEqual({ a: [true, true, true, true, false] });
  });
});

describe("damaged Parquet", () => {
  it("is read or refused as a client's fault, and in little time", async () => {
    for (const whole of samples()) {
      expect((await readParquet(whole)).rowCount).toBe(20);
      await fc.assert(
        fc.asyncProperty(damaged(whole), async (bytes) => {
          const start = performance.now();
          try {
            const { rowCount, columns } = await readParquet(bytes);
            expect(rowCount).toBeLessThan(10_000);
            for (const { values } of columns) expect(values.length).toBe(rowCount);
          } catch (error) {
            expect(error).toBeInstanceOf(EkibenError);
            expect((error as EkibenError).status).toBeLessThan(500);
          }
          expect(performance.now() - start).toBeLessThan(2000);
        }),
        { numRuns: 1000 },
      );
    }
  });

  it("is refused wherever it was cut", async () => {
    for (const whole of samples().slice(0, 2)) {
      for (let size = 0; size < whole.length; size += 7) {
        expect((await refusal(whole.subarray(0, size))).code).toBe("BODY_MALFORMED");
      }
    }
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["text", Buffer.from("a,b\n1,2\n")],
    ["two magic words", Buffer.from("PAR1PAR1")],
    ["no metadata", Buffer.from("PAR1\0\0\0\0PAR1")],
    ["zeros between magic words", Buffer.from(`PAR1${"\0".repeat(64)}PAR1`)],
  ])("is refused when it is %s", async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe("BODY_MALFORMED");
  });

  it("is refused when its metadata has a list of millions in a few bytes", async () => {
    // Field 2, a list (0x29), of more structs than follow (0xfc and a number of five bytes).
    const metadata = [0x29, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0x00];
    expect((await refusal(fileOf(metadata))).message).toContain("longer than the metadata");
    const nested = Array.from({ length: 4000 }, () => 0x1c);
    expect((await refusal(fileOf(nested))).message).toContain("too deep");
    const long = [0x26, ...Array.from({ length: 5000 }, () => 0xff)];
    expect((await refusal(fileOf(long))).message).toContain("too long");
  });

  it("is refused when a run of levels claims more values than its page", async () => {
    for (const runs of [
      [[1, 2 ** 30 - 1]],
      [
        [1, 2],
        [0, 2 ** 30 - 1],
      ],
    ] as const) {
      const bytes = [...levels(runs), ...count(32).map(() => 0)];
      const file = buildParquet({ type: TYPES.double, optional: true, rows: 4 }, [
        { values: 4, encoding: 0, bytes },
      ]);
      expect((await refusal(file)).message).toContain("more values than it says");
    }
  });

  it("is refused when a run of indices claims more values than its page", async () => {
    const text = [1, 0, 0, 0, 0x61];
    for (const head of [
      varint(2 ** 30 * 2),
      varint(2 ** 27 * 2 + 1),
      [0xff, 0xff, 0xff, 0xff, 0x7f],
    ]) {
      const file = buildParquet({ type: TYPES.text, rows: 4 }, [
        { values: 1, encoding: 0, bytes: text, dictionary: true },
        { values: 4, encoding: 8, bytes: [1, ...head, 0, 0, 0] },
      ]);
      expect((await refusal(file)).code).toBe("BODY_MALFORMED");
    }
  });

  it("is refused when its pages claim values that are not there", async () => {
    for (const type of Object.values(TYPES)) {
      for (const encoding of count(11)) {
        for (const values of [4, 1_000_000, 2 ** 31 - 1]) {
          for (const optional of [true, false]) {
            const bytes = optional ? levels([[1, values]]) : [];
            const file = buildParquet({ type, optional, rows: values }, [
              { values, encoding, bytes },
            ]);
            expect((await refusal(file)).status).toBeLessThan(500);
          }
        }
      }
    }
  });

  it("is refused when an index leads out of its dictionary", async () => {
    const pages = (index: number): Uint8Array =>
      buildParquet({ type: TYPES.text, rows: 2 }, [
        { values: 1, encoding: 0, bytes: [1, 0, 0, 0, 0x61], dictionary: true },
        { values: 2, encoding: 8, bytes: [3, ...varint(4), index] },
      ]);
    expect(valuesOf(await readParquet(pages(0)))).toEqual({ a: ["a", "a"] });
    expect((await refusal(pages(5))).message).toContain("dictionary lacks");
  });

  it("is refused when a number of its deltas never ends", async () => {
    const endless = count(100_000).map(() => 0xff);
    const file = buildParquet({ type: TYPES.int64, rows: 4 }, [
      { values: 4, encoding: 5, bytes: [...varint(128), ...varint(4), 4, ...endless] },
    ]);
    const start = performance.now();
    expect((await refusal(file)).code).toBe("BODY_MALFORMED");
    expect(performance.now() - start).toBeLessThan(500);
  });

  it("is refused when it claims more rows than it has", async () => {
    const whole = write([{ name: "a", data: count(64), type: "INT32", nullable: false }], {
      codec: "UNCOMPRESSED",
    });
    // Numbers in the metadata are zigzag: 64 is 128, in two bytes.
    const claims = Uint8Array.from(whole);
    const view = Buffer.from(claims.buffer);
    let replaced = 0;
    for (
      let at = view.indexOf("8001", 4, "hex");
      at !== -1;
      at = view.indexOf("8001", at + 2, "hex")
    ) {
      claims.set([0xff, 0x01], at);
      replaced++;
    }
    expect(replaced).toBeGreaterThan(1);
    expect((await refusal(claims)).status).toBe(400);
  });

  it("is refused when a page is larger than its body may hold", async () => {
    const data = count(2_000).map((i) => `${"x".repeat(50_000)}${i}`);
    const bytes = write([{ name: "s", data, type: "STRING", encoding: "PLAIN" }], {
      codec: "GZIP",
      compressors: { GZIP: (input) => gzipSync(input) },
      statistics: false,
    });
    expect(bytes.length).toBeLessThan(2_000_000);
    expect((await refusal(bytes)).message).toContain("larger than a body of its size may hold");
  });

  it("is refused when it has more cells than its body may hold", async () => {
    const data = new Float64Array(3_000_000);
    const bytes = write([
      { name: "a", data, type: "DOUBLE", nullable: false },
      { name: "b", data, type: "DOUBLE", nullable: false },
    ]);
    const error = await refusal(bytes);
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain("fewer rows");
  });

  it("is refused when a compressed page does not end in time", async () => {
    const options = { codec: "ZSTD" as const, compressors: { ZSTD: toEndlessZstd } };
    const bytes = write([{ name: "s", data: ["a", "b"], type: "STRING" }], options);
    const start = performance.now();
    expect((await refusal(bytes)).code).toBe("BODY_MALFORMED");
    expect(performance.now() - start).toBeLessThan(1500);
  });

  function fileOf(metadata: readonly number[]): Uint8Array {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(metadata.length);
    return Buffer.concat([
      Buffer.from("PAR1"),
      Uint8Array.from(metadata),
      size,
      Buffer.from("PAR1"),
    ]);
  }
});

/** An LZ4 block of literals alone (lz4_Block_format). */
function toLz4(input: Uint8Array): Uint8Array {
  const { length } = input;
  if (length < 15) return Buffer.concat([Uint8Array.of(length << 4), input]);
  const more = Array.from({ length: Math.floor((length - 15) / 255) }, () => 255);
  return Buffer.concat([Uint8Array.of(0xf0, ...more, (length - 15) % 255), input]);
}

/** A Zstandard frame of one block that is not compressed (RFC 8878). */
function toZstd(input: Uint8Array): Uint8Array {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32LE(input.length, 5);
  head.writeUIntLE((input.length << 3) | 1, 9, 3);
  return Buffer.concat([head, input]);
}

/** Frames of blocks that have no bytes, one behind the other, of sequences that claim the longest matches. */
function toEndlessZstd(input: Uint8Array): Uint8Array {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0]);
  head.writeUInt32LE(input.length, 5);
  // No literals, 0xffff + 0x7f00 sequences, whose lengths and offset are each one code (RLE mode).
  const body = [0x00, 0xff, 0xff, 0xff, 0x54, 0, 1, 52, 0xff, 0xff, 0xff, 0x80];
  const block = Buffer.alloc(3);
  block.writeUIntLE((body.length << 3) | 4, 0, 3);
  const one = Buffer.concat([block, Uint8Array.from(body)]);
  return Buffer.concat([head, ...count(200).map(() => one)]);
}
