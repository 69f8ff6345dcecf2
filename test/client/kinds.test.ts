import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { defineInput } from "../../sdk/inputs/define-input.js";
import { file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import { image } from "../../sdk/inputs/image.js";
import { json } from "../../sdk/inputs/json.js";
import { tensor } from "../../sdk/inputs/tensor.js";
import { text } from "../../sdk/inputs/text.js";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { dataframeOutput } from "../../sdk/outputs/dataframe-output.js";
import { imageOutput } from "../../sdk/outputs/image-output.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import { textOutput } from "../../sdk/outputs/text-output.js";
import { ORIENTS } from "../../sdk/tables/orients.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { defineService, serve, z, type Served } from "./serving.js";

const png = new Uint8Array(
  readFileSync(new URL("../fixtures/images/alpha_2.png", import.meta.url)),
);

const Row = z.object({ age: z.number().nullable(), plan: z.enum(["basic", "pro"]) });
const rows: z.input<typeof Row>[] = [
  { age: 31, plan: "pro" },
  { age: null, plan: "basic" },
];

const base = defineService({ name: "kinds" })
  .api("add", {
    input: json(z.object({ x: z.number(), y: z.number().default(1) })),
    output: z.object({ sum: z.number() }),
    handler: ({ x, y }) => ({ sum: x + y }),
  })
  .api("echo", { input: json(z.any()), handler: (value) => value as unknown })
  .api("typed", {
    input: json(z.object({ at: z.date(), count: z.bigint() })),
    output: z.string(),
    handler: ({ at, count }) => `${at.getTime()} ${count}`,
  })
  .api("score", {
    input: dataframe(Row),
    output: z.object({ score: z.number() }),
    batch: {},
    handler: (df) => ({
      score: Float64Array.from(df["age"].values as number[], (age) => age || -1),
    }),
  })
  .api("status", {
    output: z.object({ version: z.string(), region: z.string() }),
    route: "v1/status/:region",
    query: z.object({ version: z.string().default("none") }),
    handler: (_, { params, query }) => ({
      version: query.version,
      region: params["region"]!,
    }),
  })
  .api("shout", { input: text(), output: textOutput(), handler: (said) => said.toUpperCase() })
  .api("double", {
    input: tensor({ shape: [2, 2], dtype: "float32", nonFinite: true }),
    output: tensorOutput({ shape: [2, 2], dtype: "float32" }),
    handler: (x) => ({ data: x.map((value) => value * 2) as Float32Array, dims: x.dims }),
  })
  .api("rows", {
    input: tensor({ shape: [2], dtype: "int64", many: true }),
    output: tensorOutput({ shape: [], dtype: "int64" }),
    batch: { maxBatchSize: 2 },
    handler: (x) => Array.from({ length: x.dims[0]! }, (_, i) => x[i * 2]! + x[i * 2 + 1]!),
  })
  .api("words", {
    input: tensor({ shape: [null], dtype: "string" }),
    output: z.array(z.string()),
    handler: (x) => Array.from(x),
  })
  .api("size", {
    input: image(),
    output: z.array(z.number()),
    handler: (pixels) => [...pixels.dims],
  })
  .api("same", {
    input: image({ raw: true }),
    output: imageOutput(),
    handler: ({ bytes }) => bytes,
  })
  .api("upload", {
    input: file(),
    output: z.object({ name: z.string(), type: z.string(), text: z.string() }),
    handler: async (sent) => ({
      name: sent.name ?? "none",
      type: sent.mediaType,
      text: await sent.text(),
    }),
  })
  .api("claim", {
    input: form(
      {
        note: text(),
        photo: file(),
        pages: file(),
        table: dataframe(Row),
        point: tensor({ shape: [2], dtype: "float32" }),
      },
      { optional: ["table", "point"], repeated: ["pages"] },
    ),
    output: z.any(),
    handler: async ({ note, photo, pages, table, point }) => ({
      note,
      photo: [photo.name ?? "none", photo.mediaType, await photo.text()],
      pages: await Promise.all(pages.map((page) => page.text())),
      rows: table === undefined ? null : table.shape[0],
      point: point === undefined ? null : Array.from(point),
    }),
  })
  .api("bytes", {
    input: json(z.array(z.number())),
    output: bytesOutput(),
    handler: (numbers) => Uint8Array.from(numbers),
  })
  .api("manyBytes", {
    input: dataframe(Row),
    output: bytesOutput("audio/wav"),
    handler: (df) => Array.from({ length: df.shape[0]! }, (_, i) => Uint8Array.of(i, 255)),
  })
  .api("upper", {
    input: defineInput({
      kind: "lines",
      mediaTypes: ["text/x-lines"],
      parse: async (request) => (await request.text()).split("\n"),
      schema: z.string(),
    }),
    output: z.array(z.string()),
    handler: (lines) => lines.map((line) => line.toUpperCase()),
  });

const orients = ORIENTS.reduce(
  (service, orient) =>
    service.api(orient, {
      input: dataframe(Row, { orient }),
      output: dataframeOutput(Row, { orient }),
      handler: (df) =>
        (df.values as [number, "basic" | "pro"][]).map(([age, plan]) => ({ age, plan })),
    }) as never,
  defineService({ name: "orients" }),
) as ReturnType<typeof toOrients>;

function toOrients() {
  return defineService({ name: "orients" }).api("records", {
    input: dataframe(Row),
    output: dataframeOutput(Row),
    handler: () => [],
  });
}

let served: Served<typeof base>;
beforeAll(async () => {
  served = await serve(base);
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
});

describe("a client writes and reads", () => {
  test("JSON, tables, text, and calls without a body", async () => {
    await using own = await serve(base);
    const { client, requests } = own;
    expect(await client.add({ x: 2 })).toEqual({ sum: 3 });
    expect(await client.score(rows)).toEqual([{ score: 31 }, { score: -1 }]);
    const status = { params: { region: "eu/west 1" }, query: { version: "a b" } };
    expect(await client.status(status)).toEqual({ version: "a b", region: "eu/west 1" });
    expect(await client.shout("naïve\r\n\n")).toBe("NAÏVE\r\n\n");
    expect(requests).toEqual([
      "GET /metadata",
      "POST /add",
      "POST /score",
      "GET /v1/status/eu%2Fwest%201?version=a+b",
      "POST /shout",
    ]);
  });

  test("values that JSON has no word for", async () => {
    const { client } = served;
    const sent = {
      date: new Date(0),
      big: 2n ** 70n,
      floats: Float32Array.of(0.5, Number.NaN),
      bigs: BigInt64Array.of(1n),
      buffer: Buffer.from([1, 2]),
      map: new Map([["a", new Set([1n])]]),
      not: [Number.NaN, Infinity, undefined],
      left: undefined,
    };
    expect(await client.echo(sent)).toEqual({
      date: "1970-01-01T00:00:00.000Z",
      big: "1180591620717411303424",
      floats: [0.5, null],
      bigs: ["1"],
      buffer: [1, 2],
      map: { a: ["1"] },
      not: [null, null, null],
    });
    const at = new Date(1e12);
    expect(await client.typed({ at, count: 2n ** 60n })).toBe(`${1e12} ${2n ** 60n}`);
    await expect(client.echo(() => 1)).rejects.toMatchObject({ code: "CALL_INVALID" });
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(client.echo(circle)).rejects.toMatchObject({ code: "CALL_INVALID" });
  });

  test("tensors as nested lists and as typed arrays of any kind", async () => {
    const { client } = served;
    const expected = [
      [2, 4],
      [6, Number.NaN],
    ];
    const flat = [1, 2, 3, Number.NaN];
    const nested = [
      [1, 2],
      [3, Number.NaN],
    ];
    for (const sent of [
      nested,
      nested.map((row) => Float32Array.from(row)),
      Float32Array.from(flat),
      Float64Array.from(flat),
      createTensorArray(Float32Array.from(flat), [2, 2]),
    ]) {
      const answered = await client.double(sent as number[][]);
      expect(answered).toEqual(expected);
      expect(answered).toEqual(await base.call.double(sent as number[][]));
    }
    expect(await client.words(["a", 'b"'])).toEqual(["a", 'b"']);
  });

  test("a typed array of the right type as its bytes, and a view of the right part of them", async () => {
    const seen: (string | null)[] = [];
    await using own = await serve(base, {
      fetch: (url, init) => {
        const headers = new Headers(init.headers);
        seen.push(headers.get("content-type"), headers.get("x-tensor-shape"));
        return fetch(url, init);
      },
    });
    const all = Float32Array.of(9, 1, 2, 3, 4, 9);
    const { connect } = await import("./serving.js");
    const client = connect(own.url, {
      fetch: (url, init) => {
        const headers = new Headers(init.headers);
        seen.push(headers.get("content-type"), headers.get("x-tensor-shape"));
        return fetch(url, init);
      },
    });
    expect(await client["double"]!(all.subarray(1, 5))).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(seen).toEqual([null, null, "application/octet-stream", "2,2"]);
  });

  test("integers beyond 2^53", async () => {
    const { client } = served;
    const big = 2n ** 60n;
    const expected = [3, big + 1n, 7];
    const nested = [
      [1n, 2n],
      [big, 1n],
      [3, 4],
    ] as bigint[][];
    expect(await client.rows(nested)).toEqual(expected);
    expect(await client.rows(BigInt64Array.of(1n, 2n, big, 1n, 3n, 4n))).toEqual(expected);
    expect(await base.call.rows(nested)).toEqual(expected);
  });

  test("a tensor as a typed array where that is asked for", async () => {
    const answer = await served.client.double(Float32Array.of(1, 2, 3, 4), {
      accept: "application/octet-stream",
    });
    expect(answer).toEqual(Float32Array.of(2, 4, 6, 8));
    expect(answer).toHaveProperty("dims", [2, 2]);
  });

  test("outputs as the text of another media type", async () => {
    const csv = await served.client.score(rows, { accept: "text/csv" });
    expect(csv).toBe("score\r\n31\r\n-1\r\n");
    const lines = await served.client.score(rows, { accept: "application/x-ndjson" });
    expect(new TextDecoder().decode(lines as Uint8Array)).toBe('{"score":31}\n{"score":-1}\n');
  });

  test("images as bytes, blobs and base64, and gets them as bytes", async () => {
    const { client } = served;
    const b64 = Buffer.from(png).toString("base64");
    const dims = await base.call.size(png);
    const { buffer } = Uint8Array.from(png);
    for (const sent of [png, buffer, new Blob([png]), new Blob([png], { type: "image/png" })]) {
      expect(await client.size(sent)).toEqual(dims);
    }
    for (const sent of [b64, { b64 }, { image: `data:image/png;base64,${b64}` }]) {
      expect(await client.size(sent)).toEqual(dims);
    }
    expect(await client.same(png)).toEqual(png);
    expect(await client.same(new Blob([png]).stream() as ReadableStream<Uint8Array>)).toEqual(png);
  });

  test("files with what is known of them", async () => {
    const { client } = served;
    const bytes = new TextEncoder().encode("héllo");
    const unknown = { name: "none", type: "application/octet-stream", text: "héllo" };
    expect(await client.upload(bytes)).toEqual(unknown);
    expect(await client.upload(Uint8Array.from(bytes).buffer)).toEqual(unknown);
    expect(await client.upload(new Blob([bytes]).stream() as ReadableStream<Uint8Array>)).toEqual(
      unknown,
    );
    expect(await client.upload({ b64: Buffer.from(bytes).toString("base64") })).toEqual(unknown);
    const named = { bytes, name: 'ü "1".txt', mediaType: "text/plain" };
    expect(await client.upload(named)).toEqual(await base.call.upload(named));
    const blob = new File([bytes], "a.csv", { type: "text/csv" });
    expect(await client.upload(blob)).toEqual({ name: "a.csv", type: "text/csv", text: "héllo" });
    await expect(client.upload("a.csv" as never)).rejects.toMatchObject({
      code: "CALL_INVALID",
      message: expect.stringContaining("Give a Uint8Array"),
    });
  });

  test("forms with parts of every kind", async () => {
    const { client } = served;
    const encode = (said: string): Uint8Array => new TextEncoder().encode(said);
    const sent = {
      note: 'line 1\nline 2\r\n"--',
      photo: { bytes: encode("photo"), name: 'p"1".png', mediaType: "image/png" },
      pages: [encode("one"), encode("two")],
      table: rows,
      point: [1, 2] as [number, number],
    };
    expect(await client.claim(sent)).toEqual(await base.call.claim(sent));
    const { note } = sent;
    expect(
      await client.claim({
        note,
        photo: new File(["photo"], "p.png", { type: "image/png" }),
        pages: [new Blob(["one"]), encode("two")],
      }),
    ).toEqual({
      note,
      photo: ["p.png", "image/png", "photo"],
      pages: ["one", "two"],
      rows: null,
      point: null,
    });
    await expect(client.claim({ note } as never)).rejects.toMatchObject({
      code: "INPUT_INVALID",
      issues: [expect.objectContaining({ path: "photo" }), expect.anything()],
    });
    const stream = new Blob(["x"]).stream();
    await expect(client.claim({ note, photo: stream as never, pages: [] })).rejects.toMatchObject({
      code: "CALL_INVALID",
    });
  });

  test("bytes, one and many", async () => {
    const { client } = served;
    expect(await client.bytes([1, 2])).toEqual(Uint8Array.of(1, 2));
    expect(await client.manyBytes(rows)).toEqual([Uint8Array.of(0, 255), Uint8Array.of(1, 255)]);
  });

  test("what the author of a service has defined", async () => {
    const { client } = served;
    expect(await client.upper("a\nb")).toEqual(["A", "B"]);
    expect(await client.upper(new TextEncoder().encode("c") as never)).toEqual(["C"]);
  });

  test.each(ORIENTS)("tables in the orient %s only, both ways", async (orient) => {
    await using own = await serve(orients);
    const call = own.client[orient as "records"];
    const full = rows.map((row, at) => ({ ...row, age: at }));
    expect(await call(full)).toEqual(full);
    expect(await call([])).toEqual([]);
    expect(await call(full)).toEqual(await orients.call[orient as "records"](full));
  });
});
