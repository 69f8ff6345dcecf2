import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { EkibenError } from "../../sdk/core/errors.js";
import { reject } from "../../sdk/core/rejection.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { createFileInput, file } from "../../sdk/inputs/file.js";
import { form } from "../../sdk/inputs/form.js";
import type { Input, RequestBody, StreamedBody } from "../../sdk/inputs/input.js";
import { json } from "../../sdk/inputs/json.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { createTempFiles } from "../../sdk/inputs/temp-files.js";
import { text } from "../../sdk/inputs/text.js";
import { describeInput } from "../contracts/input.js";

const Meta = z.object({ id: z.number().int(), at: z.date().optional() });
const CRLF = "\r\n";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ekiben-test-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function found(): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

function multipart(
  ...parts: readonly (readonly [headers: string, content: string])[]
): RequestBody {
  const printed = parts.map(([headers, content]) =>
    [`--b`, `Content-Disposition: form-data; ${headers}`, "", content].join(CRLF),
  );
  return body([...printed, "--b--", ""].join(CRLF), "multipart/form-data; boundary=b");
}

function body(content: string, contentType: string): RequestBody {
  return { bytes: Buffer.from(content), ...parseMediaType(contentType) };
}

function streamed({ bytes, ...head }: RequestBody, size: number): StreamedBody {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  return { ...head, chunks: chunks() };
}

async function read<One>(input: Input<any, One>, sent: RequestBody): Promise<One> {
  return input.toArgument(await input.parse(sent));
}

async function refusal(run: () => unknown): Promise<EkibenError> {
  try {
    await run();
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

describeInput("form", () => ({
  input: form(
    { photo: file({ mediaTypes: ["image/*"] }), meta: json(Meta), note: text() },
    { optional: ["note"] },
  ),
  samples: [
    { photo: { bytes: Buffer.from("png"), mediaType: "image/png" }, meta: { id: 1 } },
    {
      photo: { b64: "AAAA", mediaType: "image/jpeg", name: 'a "b" ü.jpg' },
      meta: { id: 2, at: new Date(5) },
      note: "日本\r\n--b--",
    },
  ],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    body("", "multipart/form-data"),
    body("", "multipart/form-data; boundary=b"),
    multipart(['name="meta"', "{}"]),
    body("{}", "application/json"),
    body("[]", "application/json"),
    body("{", "application/json"),
    body("note=1", "application/x-www-form-urlencoded"),
  ],
}));

describeInput("form of texts", () => ({
  input: form({ a: text(z.string().min(1)), b: json(z.array(z.number())) }, { repeated: ["a"] }),
  samples: [
    { a: ["1"], b: [] },
    { a: ["x", "y", "x"], b: [1, 2] },
  ],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    multipart(['name="a"', "1"]),
    multipart(['name="a"', ""], ['name="b"', "[]"]),
    multipart(['name="a"', "1"], ['name="b"', "[]"], ['name="b"', "[]"]),
    body("a=1&b=[", "application/x-www-form-urlencoded"),
    body("a=%zz&b=[]", "application/x-www-form-urlencoded"),
    body("a=%ff&b=[]", "application/x-www-form-urlencoded"),
    body('{"a":"1","b":[]}', "application/json"),
    body('{"a":[],"b":[]}', "application/json"),
  ],
}));

describe("a part", () => {
  const input = form(
    { meta: json(Meta), note: text(), doc: file() },
    { optional: ["note", "doc"] },
  );

  test.each(["", "Content-Type: text/plain", "Content-Type: application/octet-stream"])(
    "is read as what it has to be when its type is %j",
    async (type) => {
      const header = `name="meta"${type === "" ? "" : CRLF + type}`;
      expect(await read(input, multipart([header, '{"id":1}']))).toEqual({ meta: { id: 1 } });
    },
  );

  test("keeps its own content type, charset and file name", async () => {
    const { note, doc } = await read(
      input,
      multipart(
        ['name="meta"', '{"id":1}'],
        [`name="note"${CRLF}Content-Type: text/plain; charset=utf-16be`, "\0a"],
        [`name="doc"; filename="x/ü.pdf"${CRLF}Content-Type: application/pdf`, "pdf"],
      ),
    );
    expect(note).toBe("a");
    expect({ ...doc }).toEqual({ name: "ü.pdf", mediaType: "application/pdf", size: 3 });
  });

  test("of another type is refused by its name", async () => {
    const header = `name="meta"${CRLF}Content-Type: text/html`;
    const error = await refusal(() => read(input, multipart([header, "<p>"])));
    expect(error.code).toBe("MEDIA_TYPE_UNSUPPORTED");
    expect(error.message).toMatch(/^Part "meta": .*application\/json/);
  });

  test("that is not valid is explained with its name in the path", async () => {
    for (const sent of [
      multipart(['name="meta"', '{"id":"1"}']),
      body('{"meta":{"id":"1"}}', "application/json"),
    ]) {
      const error = await refusal(() => read(input, sent));
      expect(error.code).toBe("INPUT_INVALID");
      expect(error.message).toContain('Part "meta": ');
      expect(error.facts.issues).toMatchObject([{ path: "meta.id", received: 'string "1"' }]);
    }
    const broken = await refusal(() => read(input, multipart(['name="meta"', '{"id":'])));
    expect([broken.code, broken.facts.issues]).toEqual(["BODY_MALFORMED", undefined]);
    expect(broken.message).toContain('Part "meta": ');
  });

  test("that is missing or comes twice is named", async () => {
    const missing = await refusal(() => read(input, multipart(['name="note"', ""])));
    expect(missing.facts.issues).toEqual([{ path: "meta", message: "is missing" }]);
    const twice = await refusal(() =>
      read(input, multipart(['name="note"', "1"], ['name="note"', "2"])),
    );
    expect(twice.facts.issues).toMatchObject([{ path: "note" }]);
  });

  test("that is not declared is dropped, whatever its name and size", async () => {
    const sent = multipart(
      ['name="__proto__"', '{"polluted":1}'],
      ['name="constructor"', "1"],
      ['name="big"', "x".repeat(300_000)],
      ['name="meta"', '{"id":1}'],
    );
    const given = await read(input, sent);
    expect(given).toEqual({ meta: { id: 1 } });
    expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
    const asJson = body('{"__proto__":{"note":"1"},"meta":{"id":1}}', "application/json");
    expect(await read(input, asJson)).toEqual({ meta: { id: 1 } });
  });

  test("may have a name that every object inherits", async () => {
    const odd = form({ constructor: text(), ["__proto__"]: text() });
    const given = await read(
      odd,
      multipart(['name="constructor"', "1"], ['name="__proto__"', "2"]),
    );
    expect(Object.entries(given)).toEqual([
      ["constructor", "1"],
      ["__proto__", "2"],
    ]);
    const error = await refusal(() => read(odd, body("{}", "application/json")));
    expect(error.facts.issues).toHaveLength(2);
  });

  test("that a browser sends for a file field left empty counts as not sent", async () => {
    const none = [
      `name="doc"; filename=""${CRLF}Content-Type: application/octet-stream`,
      "",
    ] as const;
    expect(await read(input, multipart(['name="meta"', '{"id":1}'], none))).toEqual({
      meta: { id: 1 },
    });
    const error = await refusal(() => read(form({ doc: file() }), multipart(none)));
    expect(error.facts.issues).toMatchObject([{ path: "doc" }]);
    const named = [none[0], "content"] as const;
    expect(await (await read(form({ doc: file() }), multipart(named))).doc.text()).toBe("content");
  });

  test("that has to be in memory may not be larger than its limit", async () => {
    const small = form({ note: text() }, { maxPartBytes: 5 });
    expect(await read(small, multipart(['name="note"', "12345"]))).toEqual({ note: "12345" });
    const error = await refusal(() => read(small, multipart(['name="note"', "123456"])));
    expect(error.code).toBe("BODY_TOO_LARGE");
    expect(error.message).toContain('Part "note"');
  });
});

test("repeated parts are an array in their order, also of one and of none", async () => {
  const input = form({ tags: text(), a: text() }, { repeated: ["tags"], optional: ["tags"] });
  const given = await read(
    input,
    multipart(['name="tags"', "x"], ['name="a"', ""], ['name="tags"', "y"]),
  );
  expect(given).toEqual({ tags: ["x", "y"], a: "" });
  expect(await read(input, multipart(['name="a"', ""]))).toEqual({ tags: [], a: "" });
  const fields = body("a=%C3%BC+1&tags=&&tags=2&other=3", "application/x-www-form-urlencoded");
  expect(await read(input, fields)).toEqual({ tags: ["", "2"], a: "ü 1" });
});

test("a table is a part like any other", async () => {
  const input = form({ table: dataframe(z.object({ a: z.number() })), id: text() });
  const sent = multipart(['name="table"', '[{"a":1},{"a":2}]'], ['name="id"', "x"]);
  const { table, id } = await read(input, sent);
  expect([id, table.shape, table.values]).toEqual(["x", [2, 1], [[1], [2]]]);
  const asJson = body('{"table":[{"a":3}],"id":"y"}', "application/json");
  expect((await read(input, asJson)).table.values).toEqual([[3]]);
  const wrong = multipart(['name="table"', '[{"a":1},{"a":"2"}]'], ['name="id"', "x"]);
  const error = await refusal(() => read(input, wrong));
  expect(error.facts.issues).toMatchObject([{ path: "table", row: 1, column: "a" }]);
});

test("an answer that a part's input gives answers the whole form", async () => {
  const sold = reject(410, "sold");
  const inner: Input = {
    ...text(),
    parse: () => ({ items: 0, data: 0, rejected: new Map([[0, sold]]) }),
  };
  const thrown: Input = {
    ...text(),
    parse() {
      throw sold;
    },
  };
  for (const input of [inner, thrown]) {
    expect(await refusal(() => read(form({ a: input }), multipart(['name="a"', ""])))).toBe(sold);
  }
});

describe("files of a form", () => {
  const files = () =>
    createFileInput(
      { maxMemoryBytes: 10 },
      createTempFiles(() => folder),
    );
  const long = "x".repeat(40);

  test("are on disk until the request is over", async () => {
    const input = form({ a: files(), b: files(), c: files() });
    const sent = multipart(['name="a"', long], ['name="b"', "short"], ['name="c"', long]);
    const payload = await input.parseStream!(streamed(sent, 7));
    expect(found()).toHaveLength(2);
    const { a, b, c } = input.toArgument(payload);
    expect([await a.text(), await b.text(), await c.text()]).toEqual([long, "short", long]);
    await payload.release!();
    expect(found()).toEqual([]);
  });

  test("are removed when the form is cut short at any byte", async () => {
    const input = form({ a: files(), meta: json(Meta) });
    const whole = multipart(['name="a"', long], ['name="meta"', '{"id":1}']);
    const end = whole.bytes.length - CRLF.length;
    for (let length = 0; length < end; length++) {
      const sent = { ...whole, bytes: whole.bytes.subarray(0, length) };
      const error = await refusal(() => input.parseStream!(streamed(sent, 16)));
      expect([length, error.code, found()]).toEqual([length, "BODY_MALFORMED", []]);
    }
    await (
      await input.parseStream!(streamed(whole, 16))
    ).release!();
  });

  test("are removed when another part is not valid, missing, or the client goes", async () => {
    const input = form({ a: files(), meta: json(Meta) });
    for (const sent of [
      multipart(['name="a"', long], ['name="meta"', "1"]),
      multipart(['name="a"', long]),
      multipart(['name="a"', long], ['name="a"', long]),
    ]) {
      const error = await refusal(() => input.parseStream!(streamed(sent, 16)));
      expect([error.code, found()]).toEqual(["INPUT_INVALID", []]);
    }
    const gone = new Error("gone");
    async function* leaving(): AsyncGenerator<Uint8Array> {
      yield multipart(['name="a"', long], ['name="meta"', "1"]).bytes.subarray(0, 130);
      throw gone;
    }
    const head = parseMediaType("multipart/form-data; boundary=b");
    expect(await refusal(() => input.parseStream!({ ...head, chunks: leaving() }))).toBe(gone);
    expect(found()).toEqual([]);
  });
});

test("a form is described with the media types of its parts", () => {
  const Node = z.object({
    name: z.string(),
    get children() {
      return z.array(Node);
    },
  });
  const input = form(
    {
      doc: file({ mediaTypes: ["application/pdf"] }),
      tree: json(Node),
      trees: json(Node),
      note: text(),
    },
    { optional: ["note"], repeated: ["trees"] },
  );
  const { schema, encoding } = input.content()["multipart/form-data"]!;
  expect(encoding).toEqual({
    doc: { contentType: "application/pdf" },
    tree: { contentType: "application/json" },
    trees: { contentType: "application/json" },
    note: { contentType: "text/plain, application/json" },
  });
  expect(schema).toMatchObject({
    type: "object",
    properties: { doc: { format: "binary" }, trees: { type: "array" }, note: { type: "string" } },
    required: ["doc", "tree", "trees"],
  });
  const node = { name: "a", children: [{ name: "b", children: [] }] };
  const described = z.fromJSONSchema(input.content()["application/json"]!.schema as never);
  const sent = { doc: { b64: "" }, tree: node, trees: [node] };
  expect(described.safeParse(sent).error).toBeUndefined();
  const wrong = { ...sent, trees: [{ name: "a", children: [{ name: 1 }] }] };
  expect(described.safeParse(wrong).success).toBe(false);
  expect(Object.keys(input.content())).toEqual(["multipart/form-data", "application/json"]);
  expect(Object.keys(form({ doc: file() }).content())).toEqual([
    "multipart/form-data",
    "application/json",
  ]);
});

test("an example is shown as a caller writes it in JSON, and can be sent so", async () => {
  const input = form(
    { docs: file(), meta: json(Meta), note: text() },
    { optional: ["note"], repeated: ["docs"] },
  );
  const at = new Date(5);
  const { example } = input.content({
    docs: [Buffer.from("a"), { bytes: Buffer.from("b"), name: "b.txt" }, { b64: "Yw==" }],
    meta: { id: 1, at },
  })["application/json"]!;
  expect(example).toEqual({
    docs: [{ b64: "YQ==" }, { b64: "Yg==", name: "b.txt" }, { b64: "Yw==" }],
    meta: { id: 1, at: at.toISOString() },
  });
  const { docs, meta } = await read(input, body(JSON.stringify(example), "application/json"));
  expect(await Promise.all(docs.map((doc) => doc.text()))).toEqual(["a", "b", "c"]);
  expect(meta).toEqual({ id: 1, at });
});

test("any form comes back as it was sent", async () => {
  const input = form(
    { a: text(), b: json(z.any()), c: file() },
    { repeated: ["a"], optional: ["a"] },
  );
  const value = fc.record({
    a: fc.array(fc.string({ unit: "grapheme" }).filter((each) => !each.startsWith("\ufeff"))),
    b: fc
      .jsonValue({ noUnicodeString: false })
      .map((each) => JSON.parse(JSON.stringify(each)) as unknown),
    c: fc.uint8Array(),
  });
  await fc.assert(
    fc.asyncProperty(value, fc.integer({ min: 7, max: 200 }), async (sent, size) => {
      const { bytes, mediaType } = input.encode(sent);
      expect(input.encode(structuredClone(sent))).toEqual({ bytes, mediaType });
      const payload = await input.parseStream!(
        streamed({ bytes, ...parseMediaType(mediaType) }, size),
      );
      const { a, b, c } = input.toArgument(payload);
      expect({ a, b, c: Uint8Array.from(await c.bytes()) }).toEqual({
        ...sent,
        c: Uint8Array.from(sent.c),
      });
    }),
    { numRuns: 50 },
  );
});

test("what undici writes is read", async () => {
  const sent = new FormData();
  sent.append('odd "name"\r\n', "1");
  sent.append("doc", new File(["content"], 'a"b.txt', { type: "text/plain" }));
  const response = new Response(sent);
  const input = form({ ['odd "name"\r\n']: text(), doc: file() });
  const given = await read(input, {
    bytes: new Uint8Array(await response.arrayBuffer()),
    ...parseMediaType(response.headers.get("content-type")),
  });
  expect(given['odd "name"\r\n']).toBe("1");
  expect({ ...given.doc }).toEqual({ name: 'a"b.txt', mediaType: "text/plain", size: 7 });
});

test("what is written is read by undici", async () => {
  const input = form({ 'a "b"': text(), doc: file() });
  const { bytes, mediaType } = input.encode({
    'a "b"': "ü",
    doc: { bytes: Buffer.from("x"), name: "日.txt" },
  });
  const given = await new Response(bytes as never, {
    headers: { "content-type": mediaType },
  }).formData();
  expect(given.get('a "b"')).toBe("ü");
  expect((given.get("doc") as File).name).toBe("日.txt");
});

test.each([
  [{ parts: {}, options: {} }, "at least one part"],
  [{ parts: { a: z.string() }, options: {} }, '"a"'],
  [{ parts: { a: text() }, options: { optionals: ["a"] } }, '"optional"'],
  [{ parts: { a: text() }, options: { optional: ["b"] } }, '"b"'],
  [{ parts: { a: text() }, options: { repeated: ["toString"] } }, '"toString"'],
])("a declaration such as %j is refused", async ({ parts, options }, message) => {
  const error = await refusal(() => form(parts as never, options as never));
  expect(error.code).toBe("SERVICE_INVALID");
  expect(error.message).toContain(message);
});

test("a form gets no more parts than its limit", async () => {
  const input = form({ a: text() }, { repeated: ["a"], maxParts: 3 });
  const parts = Array.from({ length: 4 }, () => ['name="a"', "1"] as const);
  expect((await read(input, multipart(...parts.slice(1)))).a).toHaveLength(3);
  for (const sent of [
    multipart(...parts),
    body("a=1&b=2&c=3&d=4", "application/x-www-form-urlencoded"),
  ]) {
    expect((await refusal(() => read(input, sent))).code).toBe("BODY_MALFORMED");
  }
});
