import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { bytesOutput } from "../../sdk/outputs/bytes-output.js";
import { dataframeOutput } from "../../sdk/outputs/dataframe-output.js";
import { sniffImage } from "../../sdk/outputs/encode-image.js";
import { eventStream } from "../../sdk/outputs/event-stream.js";
import { imageOutput } from "../../sdk/outputs/image-output.js";
import { jsonOutput } from "../../sdk/outputs/json-output.js";
import { ndjsonStream } from "../../sdk/outputs/ndjson-stream.js";
import type { Output } from "../../sdk/outputs/output.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import { textOutput } from "../../sdk/outputs/text-output.js";
import type { Orient } from "../../sdk/tables/orients.js";
import { createTensorArray } from "../../sdk/tensor/tensor-array.js";
import { toSlice } from "../contracts/output.js";

function writeMany(output: Output, returned: unknown, count: number, mediaType?: string): unknown {
  const format = { mediaType: mediaType ?? output.mediaTypes("many")[0]!, cardinality: "many" };
  return output.write(toSlice("many", returned, count), format as never);
}

function writeOne(output: Output, returned: unknown, mediaType?: string): unknown {
  const format = { mediaType: mediaType ?? output.mediaTypes("one")[0]!, cardinality: "one" };
  return output.write(toSlice("one", returned), format as never);
}

const Row = z.object({ b: z.number(), a: z.string().optional() });

describe("jsonOutput", () => {
  it("writes the columns of CSV in the order of the schema, then the others", () => {
    const rows = [{ extra: true, a: "x", b: 1 }, { b: 2 }];
    const text = "b,a,extra\r\n1,x,true\r\n2,,\r\n";
    expect(writeMany(jsonOutput(Row), rows, 2, "text/csv")).toBe(text);
    const columns = { extra: [true, undefined], a: ["x", undefined], b: Float32Array.of(1, 2) };
    expect(writeMany(jsonOutput(Row), columns, 2, "text/csv")).toBe(text);
  });

  it("writes the names of the columns also when there is nothing else", () => {
    expect(writeMany(jsonOutput(Row), [], 0, "text/csv")).toBe("b,a\r\n");
    expect(writeMany(jsonOutput(), [], 0, "text/csv")).toBe("");
    expect(writeMany(jsonOutput(Row), [], 0, "application/x-ndjson")).toBe("");
  });

  it("names a column that is missing altogether", () => {
    const write = (): unknown => writeMany(jsonOutput(Row), [{ a: "x", c: 1 }], 1, "text/csv");
    expect(write).toThrow(/no "b", which their schema promises; they have "a", "c"/);
  });

  it("writes outputs that are no objects as one column, in a mixture too", () => {
    expect(writeMany(jsonOutput(), [1, "a", { b: 2 }], 3, "text/csv")).toBe(
      'output\r\n1\r\na\r\n"{""b"":2}"\r\n',
    );
    expect(writeMany(jsonOutput(), [1, "a", { b: 2 }], 3, "application/x-ndjson")).toBe(
      '1\n"a"\n{"b":2}\n',
    );
  });

  it("refuses a tensor that its schema does not allow", () => {
    const toTensors = (rows: unknown[]): unknown =>
      jsonOutput(z.object({ n: z.int(), s: z.string() })).toTensors!(
        toSlice("many", rows, rows.length),
      );
    expect(() => toTensors([{ n: 1.5, s: "a" }])).toThrow(/"n".*1\.5/);
    expect(() =>
      toTensors([
        { n: 1, s: "a" },
        { n: 2, s: null },
      ]),
    ).toThrow(/Output 1 has no "s"/);
  });

  it("describes a schema that refers to itself where it stands in a list", () => {
    interface Node {
      children: Node[];
    }
    const Node: z.ZodType<Node> = z.object({ children: z.lazy(() => Node.array()) });
    const { schema } = jsonOutput(Node).content("many")["application/json"]!;
    const { schema: events } = eventStream(Node).content("one")["text/event-stream"]!;
    expect(JSON.stringify(events["itemSchema"])).toMatch(/^\{"\$ref":"#\/\$defs\/\w+"\}$/);
    expect(Object.keys(events["$defs"] as object)).toHaveLength(1);
    const described = z.fromJSONSchema(schema as never);
    expect(described.safeParse([{ children: [{ children: [] }] }]).success).toBe(true);
    expect(described.safeParse([{ children: [{}] }]).success).toBe(false);
  });

  it("refuses what is no schema, and one that has to be waited for", () => {
    expect(() => jsonOutput({} as never)).toThrow(/needs a zod schema/);
    const slow = z.string().refine(async () => true);
    expect(() => jsonOutput(slow)).toThrow(/asynchronous/);
  });

  it("tells where an answer is no JSON", () => {
    const answer = {
      mediaType: "application/json",
      cardinality: "one" as const,
      header: () => null,
    };
    expect(() => jsonOutput().read(Buffer.from("<html>"), answer)).toThrow(/not JSON/);
  });
});

describe("dataframeOutput", () => {
  const rows = [{ extra: 1, b: 1, a: "x" }, { b: 2 }];

  it.each<[Orient, string]>([
    ["records", '[{"b":1,"a":"x"},{"b":2,"a":null}]'],
    ["values", '[[1,"x"],[2,null]]'],
    ["columns", '{"b":{"0":1,"1":2},"a":{"0":"x","1":null}}'],
    ["index", '{"0":{"b":1,"a":"x"},"1":{"b":2,"a":null}}'],
    ["split", '{"columns":["b","a"],"index":[0,1],"data":[[1,"x"],[2,null]]}'],
  ])("writes %s with the columns of the schema only", (orient, text) => {
    expect(writeMany(dataframeOutput(Row, { orient }), rows, 2)).toBe(text);
    expect(writeOne(dataframeOutput(Row, { orient }), rows)).toBe(text);
  });

  it("keeps other columns of a loose object", () => {
    const loose = dataframeOutput(z.looseObject({ b: z.number() }), { orient: "values" });
    expect(writeMany(loose, [{ a: "x", b: 1 }], 1)).toBe('[[1,"x"]]');
  });

  it("needs the schema of a row, and an orient that there is", () => {
    expect(() => dataframeOutput(z.number())).toThrow(/schema of one row/);
    expect(() => dataframeOutput(z.record(z.string(), z.number()))).toThrow(/schema of one row/);
    expect(() => dataframeOutput(Row, { orient: "table" as never })).toThrow(/orient "table"/);
  });
});

describe("tensorOutput", () => {
  const output = tensorOutput({ shape: [null, 2], dtype: "float32", name: "scores" });
  const bytes = "application/octet-stream";

  it("writes little-endian bytes and says in headers what they are", () => {
    const slice = toSlice("many", [[[1, 2]], [[3, 4]]], 2);
    const format = { mediaType: bytes, cardinality: "many" as const };
    expect(output.write(slice, format)).toEqual(new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    expect(output.headers!(slice, format)).toEqual({
      "X-Tensor-Shape": "2,1,2",
      "X-Tensor-Dtype": "float32",
    });
    expect(output.headers!(slice, { ...format, mediaType: "application/json" })).toEqual({});
  });

  it("stays in the memory of the handler no longer than it writes", () => {
    const memory = createTensorArray(Float32Array.of(1, 2), [1, 1, 2]);
    const written = writeMany(output, memory, 1, bytes) as Uint8Array;
    for (let i = 0; i < 2; i++) memory[i] = 9;
    expect(written).toEqual(new Uint8Array(Float32Array.of(1, 2).buffer));
  });

  it("gives its tensor to the Open Inference Protocol", () => {
    const slice = toSlice("one", [[1, 2]]);
    expect(output.toTensors!(slice)).toEqual([
      { name: "scores", type: "float32", dims: [1, 1, 2], data: Float32Array.of(1, 2) },
    ]);
    expect(output.describeTensors!()).toEqual([
      { name: "scores", dtype: "float32", shape: [null, null, 2] },
    ]);
  });

  it.each<[unknown, RegExp]>([
    [[[1, 2, 3]], /2 numbers|3 numbers/],
    [[1, 2], /Output 0/],
    [createTensorArray(Float32Array.of(1, 2, 3), [1, 3]), /\[1, 3\], not \[any, 2\]/],
    [{ data: [1, 2, 3], dims: [2, 2] }, /3 came/],
    [[["1", 2]], /string "1"/],
    [[[1e300, 2]], /float32/],
  ])("refuses %o and says why", (returned, message) => {
    expect(() => writeOne(output, returned)).toThrow(message);
  });

  it("refuses outputs of one request that have different shapes", () => {
    expect(() =>
      writeMany(
        output,
        [
          [[1, 2]],
          [
            [1, 2],
            [3, 4],
          ],
        ],
        2,
      ),
    ).toThrow(/Output 1: the shape is \[2, 2\], and that of output 0 is \[1, 2\]/);
  });

  it("refuses an answer whose bytes are not its shape", () => {
    const header = (): string => "1,3";
    const answer = { mediaType: bytes, cardinality: "many" as const, header };
    expect(() => output.read(new Uint8Array(8), answer)).toThrow(/not the tensor/);
    expect(() => output.read(new Uint8Array(8), { ...answer, header: () => null })).toThrow(
      /X-Tensor-Shape/,
    );
  });

  it("refuses shapes and types that do not exist", () => {
    expect(() => tensorOutput({ shape: [0], dtype: "int8" })).toThrow(/shape/);
    expect(() => tensorOutput({ shape: 3 as never, dtype: "int8" })).toThrow(/shape/);
    expect(() => tensorOutput({ shape: [], dtype: "float16" as never })).toThrow(/float16/);
  });
});

describe("imageOutput", () => {
  const pixels = {
    grey: createTensorArray(Uint8Array.of(0, 85, 170, 255), [2, 2]),
    rgba: createTensorArray(Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 255), [1, 2, 4]),
    floats: createTensorArray(Float32Array.of(0, 0.5, 1, 2, -1, Number.NaN), [2, 1, 3]),
  };

  it.each([
    ["png", "image/png"],
    ["jpeg", "image/jpeg"],
    ["webp", "image/webp"],
  ] as const)("encodes pixels as %s", async (format, mediaType) => {
    const output = imageOutput({ format });
    expect(output.mediaTypes("one")).toEqual([mediaType]);
    for (const [name, image] of Object.entries(pixels)) {
      const bytes = (await writeOne(output, image)) as Uint8Array;
      expect(sniffImage(bytes)).toBe(format);
      const { width, height } = await sharp(bytes).metadata();
      expect({ name, size: [height, width] }).toEqual({ name, size: image.dims.slice(0, 2) });
    }
  });

  it("keeps every pixel in a PNG, and grey ones grey", async () => {
    const read = async (source: unknown): Promise<number[]> => {
      const bytes = (await writeOne(imageOutput(), source)) as Uint8Array;
      const { channels } = await sharp(bytes).metadata();
      const image = sharp(bytes).toColourspace(channels < 3 ? "b-w" : "srgb");
      return [...(await image.raw().toBuffer())];
    };
    expect(await read(pixels.grey)).toEqual([0, 85, 170, 255]);
    expect(await read(pixels.rgba)).toEqual([255, 0, 0, 255, 0, 255, 0, 255]);
    expect(await read(pixels.floats)).toEqual([0, 128, 255, 255, 0, 0]);
  });

  it("passes a file of its format on without reading it", () => {
    const file = Uint8Array.of(0xff, 0xd8, 0xff, 1, 2, 3);
    expect(writeOne(imageOutput({ format: "jpeg" }), file)).toBe(file);
    expect(sniffImage(Buffer.from("RIFF\0\0\0\0WEBP"))).toBe("webp");
    expect(sniffImage(Buffer.from("RIFF\0\0\0\0WAVE"))).toBeUndefined();
    expect(sniffImage(new Uint8Array())).toBeUndefined();
  });

  it("copies pixels before it waits for anything", async () => {
    const image = createTensorArray(Uint8Array.of(1, 2, 3), [1, 1, 3]);
    const written = writeOne(imageOutput(), image) as Promise<Uint8Array>;
    for (let i = 0; i < 3; i++) image[i] = 9;
    expect([
      ...(await sharp(await written)
        .raw()
        .toBuffer()),
    ]).toEqual([1, 2, 3]);
  });

  it("refuses a format that it does not write", () => {
    expect(() => imageOutput({ format: "gif" as never })).toThrow(/"gif"/);
  });
});

describe("bytesOutput and textOutput", () => {
  it("take a media type in lower case without parameters", () => {
    expect(bytesOutput("image/svg+xml").mediaTypes("one")).toEqual(["image/svg+xml"]);
    for (const wrong of ["", "text", "text/", "Text/Plain", "text/plain; charset=utf-8", "a/b/c"]) {
      expect(() => bytesOutput(wrong)).toThrow(/media type/);
      expect(() => textOutput(wrong)).toThrow(/media type/);
    }
  });

  it("give texts, and bytes as base64, to the Open Inference Protocol", () => {
    expect(textOutput().toTensors!(toSlice("many", ["a", "b"], 2))).toEqual([
      { name: "output", type: "string", dims: [2], data: ["a", "b"] },
    ]);
    expect(bytesOutput().toTensors!(toSlice("one", Uint8Array.of(0)))).toEqual([
      {
        name: "output",
        type: "string",
        dims: [1],
        data: ["AA=="],
        parameters: { content_type: "base64" },
      },
    ]);
  });
});

describe("streams", () => {
  it("write an event whose data is one line, whatever is in it", () => {
    const output = eventStream();
    expect(output.writeChunk!("a\nb\r\nc", "text/event-stream")).toBe('data: "a\\nb\\r\\nc"\n\n');
    expect(output.writeChunk!(undefined, "text/event-stream")).toBe("data: null\n\n");
    expect(output.keepAlive!("text/event-stream")).toBe(":\n\n");
    expect(output.writeEnd!("text/event-stream")).toBe("event: end\ndata: {}\n\n");
    expect(output.writeBreak!({ code: "X" }, "text/event-stream")).toBe(
      'event: error\ndata: {"code":"X"}\n\n',
    );
  });

  it("write a line a value and the problem as the last one", () => {
    const output = ndjsonStream();
    expect(output.writeChunk!({ a: "b\nc" }, "application/x-ndjson")).toBe('{"a":"b\\nc"}\n');
    expect(output.writeBreak!({ code: "X" }, "application/x-ndjson")).toBe(
      '{"error":{"code":"X"}}\n',
    );
  });

  it("raise a problem of a code that is not known as INTERNAL", () => {
    const answer = { mediaType: "", cardinality: "one" as const, header: () => null };
    const text = 'event: error\ndata: {"code":"toString","detail":"Odd."}\n\n';
    expect(() => eventStream().read(Buffer.from(text), answer)).toThrow("Odd.");
    try {
      eventStream().read(Buffer.from(text), answer);
    } catch (error) {
      expect(error).toMatchObject({ code: "INTERNAL" });
    }
  });
});
