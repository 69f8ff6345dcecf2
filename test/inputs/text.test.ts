import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import type { EkibenError } from "../../sdk/core/errors.js";
import type { Input, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { text } from "../../sdk/inputs/text.js";
import { describeInput } from "../contracts/input.js";

function body(bytes: string | readonly number[], contentType = "text/plain"): RequestBody {
  return { bytes: Buffer.from(bytes as string), ...parseMediaType(contentType) };
}

function read(input: Input, sent: RequestBody): unknown {
  return input.toArgument(input.parse(sent) as Payload);
}

function refusal(run: () => unknown): EkibenError {
  try {
    run();
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

describeInput("text", () => ({
  input: text(),
  samples: ["", "a", "日本 \u{1f371}\r\n", "[1]"],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    body([0xff, 0xfe, 0xfd]),
    body("x", "text/plain; charset=klingon"),
    body("1", "application/json"),
    body("[", "application/json"),
    body("a", "text/html"),
  ],
}));

describeInput("text with a schema", () => ({
  input: text(
    z
      .string()
      .min(2)
      .transform((words) => words.split(" ")),
  ),
  samples: ["one two", "ab"],
  itemsOf: (argument) => argument as unknown[],
  broken: [body(""), body("a"), body('"a"', "application/json")],
}));

test.each([
  ["text/plain", [0xc3, 0xa9], "é"],
  ["text/plain; charset=UTF-8", [0xef, 0xbb, 0xbf, 0x61], "a"],
  ["text/plain; charset=latin-1", [0xe9], "é"],
  ["text/plain; charset=ISO-8859-1", [0xe9], "é"],
  ["text/plain; charset=windows-1252", [0x80, 0x81, 0x9f, 0xa0], "€\u0081Ÿ\u00a0"],
  ["text/plain; charset=us-ascii", [0x61], "a"],
  ["text/plain; charset=utf_8", [0x61], "a"],
  ["text/plain; charset=utf-16", [0xff, 0xfe, 0x61, 0x00], "a"],
  ["text/plain; charset=utf-16", [0xfe, 0xff, 0x00, 0x61], "a"],
  ["text/plain; charset=utf-16be", [0x00, 0x61], "a"],
  ['text/plain; charset="shift_jis"', [0x93, 0xfa], "日"],
  ["text/plain; charset=euc-jp", [0xc6, 0xfc], "日"],
  ["", [0x61], "a"],
  ["application/json", Array.from(Buffer.from('"\\u00e9"')), "é"],
])("a body of %s %j is %j", (contentType, bytes, expected) => {
  expect(read(text(), body(bytes, contentType))).toBe(expected);
});

test("a charset that is not known is named", () => {
  const error = refusal(() => text().parse(body("x", "text/plain; charset=klingon")));
  expect([error.code, error.facts.received]).toEqual(["MEDIA_TYPE_UNSUPPORTED", "klingon"]);
});

test("bytes that are not in their charset are refused, not replaced", () => {
  for (const charset of ["utf-8", "shift_jis", "euc-jp", "utf-16le"]) {
    const error = refusal(() => text().parse(body([0xff], `text/plain; charset=${charset}`)));
    expect(error.code).toBe("BODY_MALFORMED");
    expect(error.message).toContain(charset);
  }
});

test("what the schema refuses is explained", () => {
  const error = refusal(() => text(z.string().max(3)).parse(body("abcd")));
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.facts.issues).toMatchObject([{ expected: "<=3", received: 'string "abcd"' }]);
});

test("a tensor of one text is read, another one refused", () => {
  const input = text();
  const tensor = { name: "text", type: "string", dims: [1], data: ["a"] } as const;
  expect(input.toArgument(input.parseTensors!([{ ...tensor, data: ["a"] }]) as Payload)).toBe("a");
  expect(input.describeTensors!()).toEqual([{ name: "text", dtype: "string", shape: [null] }]);
  const refused = [
    [],
    [{ ...tensor, dims: [2], data: ["a", "b"] }],
    [{ ...tensor, type: "float32", data: new Float32Array(1) }],
  ] as const;
  for (const tensors of refused) {
    const error = refusal(() => input.parseTensors!(tensors as never));
    expect(error.code).toBe("INPUT_INVALID");
  }
});

test("any text comes back as it was sent, as text and as JSON", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (sent) => {
      const input = text();
      fc.pre(!sent.startsWith("\ufeff"));
      expect(read(input, { ...body(""), bytes: input.encode(sent).bytes })).toBe(sent);
      expect(read(input, body(JSON.stringify(sent), "application/json"))).toBe(sent);
      expect(input.toArgument(input.parseJson!(sent) as Payload)).toBe(sent);
    }),
  );
});

test("an example is shown as it is", () => {
  const content = text().content("Hello");
  expect(Object.values(content).map(({ example }) => example)).toEqual(["Hello", "Hello"]);
});
