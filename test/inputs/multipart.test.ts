import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EkibenError } from "../../sdk/core/errors.js";
import { parseDisposition } from "../../sdk/inputs/disposition.js";
import { collectChunks, readParts, readSinglePart } from "../../sdk/inputs/multipart.js";

interface ReadPart {
  name: string;
  mediaType: string;
  text: string;
}

const CRLF = "\r\n";

function head(boundary = "b") {
  return { mediaType: "multipart/form-data", parameters: { boundary } };
}

function form(...parts: readonly (readonly [headers: string, content: string])[]): string {
  const printed = parts.map(([headers, content]) => `--b${CRLF}${headers}${CRLF}${CRLF}${content}`);
  return [...printed, "--b--", ""].join(CRLF);
}

function named(name: string, content: string, more = ""): readonly [string, string] {
  return [`Content-Disposition: form-data; name="${name}"${more}`, content];
}

async function* inChunks(text: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text as string);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string | Uint8Array, size = 1e9, maxParts?: number): Promise<ReadPart[]> {
  const parts: ReadPart[] = [];
  await readParts(
    { ...head(), chunks: inChunks(text, size) },
    async ({ name, mediaType, chunks }) => {
      parts.push({ name, mediaType, text: Buffer.from(await collectChunks(chunks)).toString() });
    },
    maxParts === undefined ? {} : { maxParts },
  );
  return parts;
}

async function refusal(run: () => Promise<unknown>): Promise<EkibenError> {
  try {
    await run();
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

describe("a form", () => {
  const body = form(
    named("note", "hello"),
    named("empty", ""),
    [`Content-Disposition: form-data; name="data"${CRLF}Content-Type: Application/JSON`, "{}"],
    named("note", `- --b is no boundary${CRLF}`),
  );
  const parts = [
    { name: "note", mediaType: "", text: "hello" },
    { name: "empty", mediaType: "", text: "" },
    { name: "data", mediaType: "application/json", text: "{}" },
    { name: "note", mediaType: "", text: `- --b is no boundary${CRLF}` },
  ];

  test("is read the same however it is cut into chunks", async () => {
    for (const size of [1, 2, 3, 7, 50, 1000]) expect(await read(body, size)).toEqual(parts);
  });

  test("may have no parts, a preamble and an epilogue", async () => {
    expect(await read(`--b--${CRLF}`)).toEqual([]);
    expect(await read(`--b--`, 1)).toEqual([]);
    expect(await read(`preamble${CRLF}${body}epilogue --b`, 5)).toEqual(parts);
  });

  test("is refused when it is cut short at any byte", async () => {
    const end = body.lastIndexOf("--b--") + 5;
    for (let length = 0; length < end; length++) {
      const error = await refusal(() => read(body.slice(0, length), 40));
      expect([length, error.code]).toEqual([length, "BODY_MALFORMED"]);
    }
  });

  test("of any bytes comes back, in any chunks", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom("-", "b", "\r", "\n", "x", " ") })),
        fc.integer({ min: 1, max: 30 }),
        async (contents, size) => {
          fc.pre(contents.every((text) => !`${CRLF}${text}${CRLF}`.includes(`${CRLF}--b`)));
          const sent = form(...contents.map((text, at) => named(`p${at}`, text)));
          expect((await read(sent, size)).map(({ text }) => text)).toEqual(contents);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("of a large part is read without holding it", async () => {
    const chunk = Buffer.alloc(1 << 16, "x");
    let produced = 0;
    let ahead = 0;
    let seen = 0;
    async function* large(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`--b${CRLF}Content-Disposition: form-data; name="f"${CRLF}${CRLF}`);
      for (; produced < 500; produced++) yield chunk;
      yield Buffer.from(`${CRLF}--b--`);
    }
    await readParts({ ...head(), chunks: large() }, async ({ chunks }) => {
      for await (const { length } of chunks) {
        seen += length;
        ahead = Math.max(ahead, produced * chunk.length - seen);
        if (produced % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    expect(seen).toBe(500 * chunk.length);
    expect(ahead).toBeLessThan(8 * chunk.length);
  });

  test("goes on with the next part when one is not read to its end", async () => {
    const names: string[] = [];
    const sent = form(
      named("a", "x".repeat(300_000)),
      named("b", "y".repeat(300_000)),
      named("c", ""),
    );
    await readParts({ ...head(), chunks: inChunks(sent, 10_000) }, async ({ name, chunks }) => {
      names.push(name);
      if (name === "b") for await (const _ of chunks) break;
    });
    expect(names).toEqual(["a", "b", "c"]);
  });

  test("stops at the first error of whoever takes its parts, and of the body", async () => {
    const sent = form(named("a", "x".repeat(300_000)), named("b", ""));
    const taken: string[] = [];
    const mine = new Error("mine");
    const error = await refusal(() =>
      readParts({ ...head(), chunks: inChunks(sent, 1000) }, async ({ name }) => {
        taken.push(name);
        throw mine;
      }),
    );
    expect([error, taken]).toEqual([mine, ["a"]]);

    const gone = new Error("gone");
    let ended = false;
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(sent.slice(0, 1000));
      throw gone;
    }
    const broken = await refusal(() =>
      readParts({ ...head(), chunks: breaking() }, async ({ chunks }) => {
        try {
          await collectChunks(chunks);
        } finally {
          ended = true;
        }
      }),
    );
    expect([broken, ended]).toEqual([gone, true]);
  });
});

describe("a hostile form", () => {
  test.each([
    ["no boundary", { parameters: {} }],
    ["an empty boundary", { parameters: { boundary: "" } }],
    ["a boundary that is too long", { parameters: { boundary: "b".repeat(71) } }],
    ["another boundary than the body", { parameters: { boundary: "c" } }],
  ])("with %s is refused", async (_name, { parameters }) => {
    const chunks = inChunks(form(named("a", "1")), 1000);
    const error = await refusal(() =>
      readParts({ mediaType: "multipart/form-data", parameters, chunks }, async () => {}),
    );
    expect(error.code).toBe("BODY_MALFORMED");
  });

  test.each([
    [
      "thousands of parts",
      form(...Array.from({ length: 3000 }, () => named("a", ""))),
      /1000 parts/,
    ],
    ["huge headers", form(named("a", "", `${CRLF}X: ${"x".repeat(20_000)}`)), /headers of part 1/],
    [
      "a header that never ends",
      `--b${CRLF}X: ${"x".repeat(2e6)}${CRLF}--b--`,
      /no end of its headers/,
    ],
    ["many headers", form(named("a", "", `${CRLF}X: x`.repeat(100))), /64 lines/],
    ["a long name", form(named("a".repeat(300), "")), /256 characters/],
    ["a part without a name", form(["Content-Disposition: form-data", ""]), /no name/],
    ["a part without headers", form(["", ""]), /no/],
    ["a part of another kind", form(['Content-Disposition: attachment; name="a"', ""]), /no name/],
  ])("with %s is refused", async (_name, body, message) => {
    for (const size of [1000, 1e9]) {
      const error = await refusal(() => read(body, size));
      expect(error.code).toBe("BODY_MALFORMED");
      expect(error.message).toMatch(message);
    }
  });

  test("with a transfer encoding is refused by name", async () => {
    const sent = form(named("a", "YQ==", `${CRLF}Content-Transfer-Encoding: base64`));
    const error = await refusal(() => read(sent));
    expect(error.code).toBe("MEDIA_TYPE_UNSUPPORTED");
    expect(error.message).toContain('Part "a"');
  });

  test("with a form inside has that as one part", async () => {
    const inner = `--i${CRLF}Content-Disposition: form-data; name="x"${CRLF}${CRLF}1${CRLF}--i--`;
    const [part, ...rest] = await read(
      form(named("a", inner, `${CRLF}Content-Type: multipart/mixed; boundary=i`)),
    );
    expect([part!.mediaType, part!.text, rest]).toEqual(["multipart/mixed", inner, []]);
  });

  test("may name a part after what objects inherit", async () => {
    const sent = form(named("__proto__", "1"), named("constructor", "2"));
    expect((await read(sent)).map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
    expect(({} as Record<string, unknown>)["1"]).toBeUndefined();
  });

  test("of random bytes ends, with an error or parts", async () => {
    const bits = fc.constantFrom(
      "--b",
      "--b--",
      CRLF,
      "\r",
      "\n",
      "-",
      ":",
      ";",
      '"',
      "x",
      CRLF + CRLF,
      "name=",
      'Content-Disposition: form-data; name="a"',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(bits, { maxLength: 30 }),
        fc.integer({ min: 1, max: 20 }),
        async (list, size) => {
          const outcome = await read(list.join(""), size).catch((error: EkibenError) => error.code);
          expect(Array.isArray(outcome) || outcome === "BODY_MALFORMED").toBe(true);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe("a form of one file", () => {
  test("is read as that file", async () => {
    const sent = form(
      named("f", "abc", `; filename="a.txt"${CRLF}Content-Type: text/plain; charset=x`),
    );
    const part = await readSinglePart({ ...head(), bytes: Buffer.from(sent) });
    expect(Buffer.from(part.bytes).toString()).toBe("abc");
    expect([part.mediaType, part.parameters["charset"]]).toEqual(["text/plain", "x"]);
    expect(parseDisposition(part.headers!.get("Content-Disposition")!).fileName).toBe("a.txt");
  });

  test.each([[[]], [[named("a", "1"), named("b", "2")]]])("is not one of %j", async (parts) => {
    const bytes = Buffer.from(form(...parts));
    const error = await refusal(() => readSinglePart({ ...head(), bytes }));
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toContain("one file");
  });
});

describe("Content-Disposition", () => {
  test.each([
    ['form-data; name="a"; filename="C:\\dir\\b.png"', { name: "a", fileName: "b.png" }],
    ['form-data; name="a \\"b\\" %22c%22"', { name: 'a "b" "c"' }],
    ["form-data; name=a; filename=../../etc/passwd", { name: "a", fileName: "passwd" }],
    ['form-data; name=a; filename=".."', { name: "a" }],
    ['form-data; name=a; filename=""', { name: "a" }],
    [
      "form-data; NAME=a; filename=x.txt; filename*=UTF-8''%E6%97%A5.txt",
      { name: "a", fileName: "日.txt" },
    ],
    ["form-data; name=a; filename*=UTF-8''%E6%97%2", { name: "a" }],
    ['form-data; name="a;b"; name="c"', { name: "a;b" }],
    ['form-data; name="open', {}],
  ])("%s", (header, expected) => {
    expect(parseDisposition(header)).toEqual({ type: "form-data", ...expected });
  });
});
