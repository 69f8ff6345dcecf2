import * as arrow from "apache-arrow";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError } from "../../sdk/core/errors.js";
import { readArrow, writeArrow } from "../../sdk/tables/arrow.js";
import type { SourceTable } from "../../sdk/tables/table-source.js";
import { damaged, unaligned } from "./bytes.js";

const { Map_: MapType } = arrow;

const print = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));

function valuesOf(table: SourceTable): Record<string, ArrayLike<unknown>> {
  return Object.fromEntries(table.columns.map(({ name, values }) => [name, values]));
}

async function read(
  columns: Record<string, arrow.Vector>,
  kind: "stream" | "file" = "stream",
): Promise<Record<string, ArrayLike<unknown>>> {
  return valuesOf(await readArrow(arrow.tableToIPC(new arrow.Table(columns), kind)));
}

async function refusal(bytes: Uint8Array): Promise<EkibenError> {
  const error: unknown = await readArrow(bytes).catch((error: unknown) => error);
  if (error instanceof EkibenError) return error;
  throw new Error(`The bytes were taken or broke the reader: ${String(error)}`);
}

/** A column of a type, made of values as apache-arrow's builders take them. */
function vector(values: readonly unknown[], type: arrow.DataType): arrow.Vector {
  return arrow.vectorFromArray(values as never[], type);
}

/** A column of fixed width, made of its bytes. */
function raw(type: arrow.DataType, data: ArrayBufferView, length: number): arrow.Vector {
  return new arrow.Vector([arrow.makeData({ type, length, nullCount: 0, data } as never)]);
}

describe("readArrow", () => {
  it.each(["stream", "file"] as const)(
    "reads numbers, text and truth values of a %s",
    async (kind) => {
      const columns = {
        i8: vector([1, null, -3], new arrow.Int8()),
        u16: vector([1, 2, 65535], new arrow.Uint16()),
        i64: vector([1n, null, -(2n ** 63n)], new arrow.Int64()),
        u64: vector([1n, 2n, 2n ** 64n - 1n], new arrow.Uint64()),
        f32: vector([0.5, null, -1], new arrow.Float32()),
        f64: vector([0.1, Number.NaN, -0], new arrow.Float64()),
        s: vector(["Köln", "", null], new arrow.Utf8()),
        ascii: vector(["a", null, "bc"], new arrow.Utf8()),
        large: vector(["ä😀", null, "x"], new arrow.LargeUtf8()),
        b: vector([true, false, null], new arrow.Bool()),
        n: vector([null, null, null], new arrow.Null()),
      };
      expect(await read(columns, kind)).toEqual({
        i8: [1, null, -3],
        u16: Uint16Array.of(1, 2, 65535),
        i64: [1n, null, -(2n ** 63n)],
        u64: BigUint64Array.of(1n, 2n, 2n ** 64n - 1n),
        f32: [0.5, null, -1],
        f64: Float64Array.of(0.1, Number.NaN, -0),
        s: ["Köln", "", null],
        ascii: ["a", null, "bc"],
        large: ["ä😀", null, "x"],
        b: [true, false, null],
        n: [null, null, null],
      });
    },
  );

  it("reads half-precision floats", async () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0xfe00, 0x3555);
    expect(await read({ h: raw(new arrow.Float16(), bits, 6) })).toEqual({
      h: Float32Array.of(1, -2, 2 ** -24, Infinity, Number.NaN, 0.333251953125),
    });
  });

  it("reads decimals as the doubles nearest to them", async () => {
    const words = (value: bigint): [bigint, bigint] => [
      BigInt.asUintN(64, value),
      BigInt.asUintN(64, value >> 64n),
    ];
    const values = [3n, -12345n, 10n ** 30n + 1n, -(10n ** 37n)];
    const data = new Uint32Array(BigUint64Array.from(values.flatMap(words)).buffer);
    expect(await read({ d: raw(new arrow.Decimal(2, 38, 128), data, 4) })).toEqual({
      d: [0.03, -123.45, 1e28, -1e35],
    });
  });

  it("reads dates, timestamps of all units and times of day", async () => {
    const time = 1_700_000_000_123n;
    const before = -1n;
    const stamp = (type: arrow.DataType, ...values: bigint[]): arrow.Vector =>
      raw(type, BigInt64Array.from(values), values.length);
    const dates = [new Date(1_700_000_000_123), new Date(-1)];
    expect(
      await read({
        day: raw(new arrow.DateDay(), Int32Array.of(19_675, -1), 2),
        ms: stamp(new arrow.DateMillisecond(), time, before),
        seconds: stamp(new arrow.TimestampSecond(), 1_700_000_000n, before),
        milliseconds: stamp(new arrow.TimestampMillisecond("Europe/Berlin"), time, before),
        micros: stamp(new arrow.TimestampMicrosecond("UTC"), time * 1000n + 999n, -1n),
        nanos: stamp(new arrow.TimestampNanosecond(), time * 1_000_000n, -1_000_000n),
        clock: raw(new arrow.TimeSecond(), Int32Array.of(0, 86_399), 2),
        fine: stamp(new arrow.TimeMicrosecond(), 45_296_000_001n, 1_000_000n),
      }),
    ).toEqual({
      day: [new Date("2023-11-14"), new Date("1969-12-31")],
      ms: dates,
      seconds: [new Date(1_700_000_000_000), new Date(-1000)],
      milliseconds: dates,
      micros: dates,
      nanos: dates,
      clock: ["00:00:00", "23:59:59"],
      fine: ["12:34:56.000001", "00:00:01"],
    });
  });

  it("reads missing dates as null", async () => {
    const type = new arrow.TimestampMillisecond("UTC");
    expect(await read({ t: vector([new Date(5), null], type) })).toEqual({
      t: [new Date(5), null],
    });
  });

  it("reads dictionaries", async () => {
    const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int8(), 7);
    const words = vector(["basic", null, "pro", "basic"], type);
    for (const kind of ["stream", "file"] as const) {
      expect(await read({ plan: words }, kind)).toEqual({ plan: ["basic", null, "pro", "basic"] });
    }
  });

  it("reads lists, structs and maps as plain values", async () => {
    const field = (name: string, type: arrow.DataType): arrow.Field =>
      new arrow.Field(name, type, true);
    const list = new arrow.List(field("item", new arrow.Int32()));
    const pair = new arrow.FixedSizeList(2, field("item", new arrow.Float64()));
    const struct = new arrow.Struct([field("a", new arrow.Int32()), field("t", new arrow.Utf8())]);
    const entry = new arrow.Struct([
      field("key", new arrow.Utf8()),
      field("value", new arrow.Int32()),
    ]);
    const map = new MapType(new arrow.Field("entries", entry, false) as never);
    expect(
      await read({
        list: vector([[1, 2], null, []], list),
        pair: vector([[1, 2], [3, 4], null], pair),
        struct: vector([{ a: 1, t: "x" }, null, { a: null, t: "" }], struct),
        map: vector(
          [
            new Map([
              ["k", 1],
              ["__proto__", 2],
            ]),
            null,
            new Map(),
          ],
          map,
        ),
      }),
    ).toEqual({
      list: [[1, 2], null, []],
      pair: [[1, 2], [3, 4], null],
      struct: [{ a: 1, t: "x" }, null, { a: null, t: "" }],
      map: [JSON.parse('{"k":1,"__proto__":2}'), null, {}],
    });
  });

  it("reads views of text, short, long and shared", async () => {
    const long = "a text of more than twelve bytes";
    const values = ["short", long, null, "", long, "ä".repeat(20)];
    const column = vector(values, new arrow.Utf8View());
    expect(await read({ v: column })).toEqual({ v: values });
  });

  it("joins the batches of a table", async () => {
    const batch = (from: number): arrow.Table =>
      new arrow.Table({
        x: vector([from, from + 1], new arrow.Float64()),
        s: vector([`t${from}`, null], new arrow.Utf8()),
      });
    const table = batch(0).concat(batch(2)) as arrow.Table;
    expect(table.batches).toHaveLength(2);
    const got = await readArrow(arrow.tableToIPC(table, "file"));
    expect(got.rowCount).toBe(4);
    expect(valuesOf(got)).toEqual({ x: Float64Array.of(0, 1, 2, 3), s: ["t0", null, "t2", null] });
  });

  it("reads a table without rows and one without columns", async () => {
    const none = await readArrow(
      arrow.tableToIPC(new arrow.Table({ a: vector([], new arrow.Int8()) })),
    );
    expect(none).toMatchObject({ rowCount: 0, columns: [{ name: "a" }] });
    expect(none.columns[0]!.values).toHaveLength(0);
    const schema = new arrow.Schema([new arrow.Field("a", new arrow.Int8())]);
    const bytes = arrow.tableToIPC(new arrow.Table(schema), "stream");
    expect(await readArrow(bytes)).toMatchObject({ rowCount: 0, columns: [{ name: "a" }] });
  });

  it("hands numbers on in the memory in which they came", async () => {
    const bytes = await writeArrow(
      { rowCount: 3, names: ["x"], columns: [Float64Array.of(1, 2, 3)] },
      print,
    );
    const whole = Uint8Array.from(bytes);
    const { values } = (await readArrow(whole)).columns[0]!;
    expect((values as Float64Array).buffer).toBe(whole.buffer);
    const copied = (await readArrow(unaligned(whole))).columns[0]!.values;
    expect(copied).toEqual(values);
    // A Buffer shares the memory of other bodies, and its slices do too.
    const shared = Buffer.concat([Buffer.alloc(3), whole]).subarray(3);
    expect((await readArrow(shared)).columns[0]!.values).toEqual(values);
  });

  it("refuses types that are not read, and names the column", async () => {
    const columns: Record<string, arrow.Vector> = {
      bytes: vector([Uint8Array.of(1)], new arrow.Binary()),
      span: raw(new arrow.DurationSecond(), BigInt64Array.of(1n), 1),
      fixed: vector([Uint8Array.of(1, 2)], new arrow.FixedSizeBinary(2)),
    };
    for (const [name, column] of Object.entries(columns)) {
      const error = await refusal(arrow.tableToIPC(new arrow.Table({ [name]: column }), "stream"));
      expect(error.code).toBe("INPUT_INVALID");
      expect(error.message).toContain(JSON.stringify(name));
    }
  });

  it("refuses compressed tables with what to do", async () => {
    const type = arrow.CompressionType.LZ4_FRAME;
    // The header of an empty frame, which is all that the registry asks of an encoder.
    const frame = Uint8Array.of(4, 34, 77, 24, 96, 64, 130, 0, 0, 0, 0);
    arrow.compressionRegistry.set(type, { encode: () => frame });
    const writer = new arrow.RecordBatchStreamWriter({ compressionType: type } as never);
    writer.write(new arrow.Table({ a: vector([1, 2, 3], new arrow.Float64()) }));
    const error = await refusal(writer.finish().toUint8Array(true));
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain("compress");
  });

  it("refuses two columns of one name", async () => {
    const bytes = await writeArrow({ rowCount: 1, names: ["a", "a"], columns: [[1], [2]] }, print);
    expect((await refusal(bytes)).message).toContain('two columns "a"');
  });
});

/** Tables with every layout that is read. */
async function samples(): Promise<Uint8Array[]> {
  const dictionary = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), 1);
  const item = new arrow.Field("item", new arrow.Utf8(), true);
  const table = new arrow.Table({
    f: vector([1, null, 3, 4], new arrow.Float64()),
    b: vector([true, null, false, true], new arrow.Bool()),
    s: vector(["a", "ä", null, "a text of many bytes"], new arrow.Utf8()),
    v: vector(["a", null, "another text of many bytes", ""], new arrow.Utf8View()),
    d: vector(["x", "y", null, "x"], dictionary),
    l: vector([["a"], [], null, ["b", null]], new arrow.List(item)),
    o: vector([{ item: "a" }, null, { item: null }, { item: "b" }], new arrow.Struct([item])),
    t: vector([new Date(0), null, new Date(1), new Date(2)], new arrow.TimestampMicrosecond()),
    n: vector([null, null, null, null], new arrow.Null()),
    c: raw(
      new arrow.Decimal(2, 38, 128),
      new Uint32Array(BigUint64Array.from([1n, 0n, 2n, 0n, 3n, 0n, 4n, 0n]).buffer),
      4,
    ),
  });
  const small = { rowCount: 2, names: ["x", "y"], columns: [Float64Array.of(1, 2), ["a", null]] };
  return [
    arrow.tableToIPC(table, "stream"),
    arrow.tableToIPC(table, "file"),
    await writeArrow(small, print),
  ].map((bytes) => Uint8Array.from(bytes));
}

describe("damaged Arrow", () => {
  it("is read or refused as a client's fault, and in little time", async () => {
    for (const whole of await samples()) {
      expect((await readArrow(whole)).rowCount).toBeGreaterThan(0);
      await fc.assert(
        fc.asyncProperty(damaged(whole), async (bytes) => {
          const start = performance.now();
          try {
            const { rowCount, columns } = await readArrow(bytes);
            expect(rowCount).toBeLessThan(10_000);
            for (const { values } of columns) expect(values.length).toBe(rowCount);
          } catch (error) {
            expect(error).toBeInstanceOf(EkibenError);
            expect((error as EkibenError).status).toBeLessThan(500);
          }
          expect(performance.now() - start).toBeLessThan(1000);
        }),
        { numRuns: 3000 },
      );
    }
  });

  it("is refused wherever it was cut", async () => {
    for (const whole of await samples()) {
      for (let size = 0; size < whole.length - 8; size++) {
        const cut = await readArrow(whole.subarray(0, size)).catch((error: unknown) => error);
        // A stream may end between two messages without saying so.
        if (cut instanceof EkibenError) expect(cut.code).toBe("BODY_MALFORMED");
        else expect((cut as SourceTable).columns.length).toBeGreaterThan(0);
      }
    }
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["text", Buffer.from('{"a":1}')],
    ["zeros", new Uint8Array(64)],
    ["ones", new Uint8Array(64).fill(255)],
    ["a magic word", Buffer.from("ARROW1\0\0")],
    ["two magic words", Buffer.from("ARROW1\0\0\0\0\0\0ARROW1")],
  ])("is refused when it is %s", async (_, bytes) => {
    expect((await refusal(bytes)).code).toBe("BODY_MALFORMED");
  });

  it("is refused when it claims more rows than it can have", async () => {
    const huge = 2 ** 40;
    const columns: [string, arrow.DataType][] = [
      ["null", new arrow.Null()],
      ["float", new arrow.Float64()],
      ["bool", new arrow.Bool()],
    ];
    for (const [name, type] of columns) {
      const field = new arrow.Field(name, type, true);
      const bytes = Uint8Array.from(
        arrow.tableToIPC(new arrow.Table(new arrow.Schema([field]), [batchOf(field, 3)]), "stream"),
      );
      const claims = replaceInt64(bytes, 3n, BigInt(huge));
      expect(claims.replaced).toBeGreaterThan(0);
      expect((await refusal(claims.bytes)).status).toBeLessThan(500);
    }
    const none = await writeArrow({ rowCount: 3, names: [], columns: [] }, print);
    expect((await refusal(replaceInt64(none, 3n, BigInt(huge)).bytes)).code).toBe("INPUT_INVALID");
  });

  function batchOf(field: arrow.Field, length: number): arrow.RecordBatch {
    const sizes = { data: new Uint8Array(length * 8) };
    const child = arrow.makeData({ type: field.type, length, nullCount: 0, ...sizes } as never);
    const type = new arrow.Struct([field]);
    const data = arrow.makeData({ type, length, nullCount: 0, children: [child] });
    return new arrow.RecordBatch(new arrow.Schema([field]), data as never);
  }

  function replaceInt64(
    bytes: Uint8Array,
    from: bigint,
    to: bigint,
  ): { bytes: Uint8Array; replaced: number } {
    const copy = Uint8Array.from(bytes);
    const view = new DataView(copy.buffer);
    let replaced = 0;
    for (let at = 0; at + 8 <= copy.length; at += 4) {
      if (view.getBigInt64(at, true) !== from) continue;
      view.setBigInt64(at, to, true);
      replaced++;
    }
    return { bytes: copy, replaced };
  }
});

describe("writeArrow", () => {
  async function write(columns: Record<string, ArrayLike<unknown>>): Promise<arrow.Table> {
    const values = Object.values(columns);
    const table = { rowCount: values[0]!.length, names: Object.keys(columns), columns: values };
    return arrow.tableFromIPC(await writeArrow(table, print));
  }

  it("writes columns with the types that other readers expect", async () => {
    const table = await write({
      n: [1, null, Number.NaN],
      f32: Float32Array.of(0.5, 1, 2),
      i32: Int32Array.of(-1, 0, 1),
      clamped: Uint8ClampedArray.of(1, 2, 255),
      big: [1n, null, -(2n ** 63n)],
      typed: BigUint64Array.of(1n, 2n, 2n ** 64n - 1n),
      b: [true, null, false],
      s: ["ä", "", undefined],
      d: [new Date(1.7e12), null, new Date(Number.NaN)],
      none: [null, undefined, null],
    });
    const types = Object.fromEntries(
      table.schema.fields.map(({ name, type }) => [name, `${type}`]),
    );
    expect(types).toEqual({
      n: "Float64",
      f32: "Float32",
      i32: "Int32",
      clamped: "Uint8",
      big: "Int64",
      typed: "Uint64",
      b: "Bool",
      s: "Utf8",
      d: "Timestamp<MILLISECOND, UTC>",
      none: "Null",
    });
    const column = (name: string): unknown[] => [...table.getChild(name)!];
    expect(column("n")).toEqual([1, null, Number.NaN]);
    expect(column("clamped")).toEqual([1, 2, 255]);
    expect(column("big")).toEqual([1n, null, -(2n ** 63n)]);
    expect(column("b")).toEqual([true, null, false]);
    expect(column("s")).toEqual(["ä", "", null]);
    expect(column("d")).toEqual([1.7e12, null, null]);
    expect(column("none")).toEqual([null, null, null]);
  });

  it("writes mixed and nested values, and bigints beyond 64 bits, as JSON text", async () => {
    const table = await write({
      mixed: [1, "x", null],
      nested: [[1], { a: 2n }, null],
      beyond: [2n ** 64n, 1n, null],
    });
    expect([...table.getChild("mixed")!]).toEqual(["1", '"x"', null]);
    expect([...table.getChild("nested")!]).toEqual(["[1]", '{"a":"2"}', null]);
    expect([...table.getChild("beyond")!]).toEqual(['"18446744073709551616"', '"1"', null]);
  });

  it("writes what readArrow reads as the same values", async () => {
    const cells = [
      fc.double(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.boolean(),
      fc.string({ unit: "grapheme" }),
      fc.date({ noInvalidDate: true }),
    ] as const;
    const column = (rows: number): fc.Arbitrary<unknown[]> =>
      fc.oneof(
        ...cells.map((cell) =>
          fc.array(fc.option(cell as fc.Arbitrary<unknown>), { minLength: rows, maxLength: rows }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(
        fc.nat(20).chain((rows) => fc.array(column(rows), { minLength: 1, maxLength: 4 })),
        async (columns) => {
          const names = columns.map((_, i) => `c${i}`);
          const rowCount = columns[0]!.length;
          const got = await readArrow(await writeArrow({ rowCount, names, columns }, print));
          expect(got.rowCount).toBe(rowCount);
          expect(got.columns.map(({ values }) => Array.from(values))).toEqual(columns);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reads what apache-arrow reads of its own tables", async () => {
    const values = fc.array(fc.option(fc.string({ unit: "grapheme" })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(values, fc.constantFrom("stream", "file"), async (texts, kind) => {
        for (const type of [new arrow.Utf8(), new arrow.Utf8View(), new arrow.LargeUtf8()]) {
          const got = await read({ a: vector(texts, type) }, kind as "stream");
          expect(Array.from(got.a!)).toEqual(texts);
        }
      }),
      { numRuns: 100 },
    );
  });
});
