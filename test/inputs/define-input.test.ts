import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { isRejection, reject, type Rejection } from "../../sdk/core/rejection.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { defineInput } from "../../sdk/inputs/define-input.js";
import { file } from "../../sdk/inputs/file.js";
import type { Input, Payload, RequestBody } from "../../sdk/inputs/input.js";
import { json } from "../../sdk/inputs/json.js";
import { parseMediaType } from "../../sdk/inputs/media-type.js";
import { describeInput } from "../contracts/input.js";

const Row = z.object({ id: z.number().int(), name: z.string().default("none") });

function body(content: unknown, contentType = "application/json"): RequestBody {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return { bytes: Buffer.from(text), ...parseMediaType(contentType) };
}

async function refusal(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("It was accepted.");
}

function parse(input: Input, sent: RequestBody): Payload {
  return input.parse(sent) as Payload;
}

const broken = [
  body("{"),
  body(""),
  body("1", "text/plain"),
  body('{"rows":1}'),
  body({ rows: [{}] }),
];
const rows = [
  { rows: [] },
  { rows: [{ id: 1 }] },
  { rows: [1, 2, 3, 4].map((id) => ({ id, name: "x" })) },
];

describeInput("of an author's own, of one item", () => ({
  input: defineInput({
    parse: (request) => request.json(z.object({ rows: z.array(Row) })),
    schema: z.object({ rows: z.array(Row) }),
  }),
  samples: rows,
  itemsOf: (argument) => argument as unknown[],
  broken,
}));

describeInput("of an author's own, of many items", () => ({
  input: defineInput({
    many: true,
    items: Row,
    parse: (request) => request.json(z.object({ rows: z.array(z.unknown()) })).rows,
    merge: (items) => ({ ids: items.map(({ id }) => id), items }),
    schema: z.object({ rows: z.array(Row) }),
  }),
  samples: rows,
  itemsOf: (argument) => (argument as { items: unknown[] }).items,
  broken,
}));

describeInput("of an author's own that waits", () => ({
  input: defineInput({
    mediaTypes: ["text/csv", "application/json"],
    async parse(request) {
      await new Promise((resolve) => setImmediate(resolve));
      return Object.freeze(request.text().split(","));
    },
    encode: (value: readonly string[]) => value.join(","),
  }),
  samples: [["a"], ["b", "c"]],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    { ...body("", "text/csv"), bytes: Uint8Array.of(0xff) },
    body("a", "text/csv; charset=klingon"),
    body("a", "text/plain"),
  ],
}));

describeInput("of an author's own with a table inside", () => ({
  input: defineInput({
    kind: "report",
    input: dataframe(Row),
    parse: (request) => request.json(z.object({ rows: z.array(z.unknown()) })).rows,
    schema: z.object({ rows: z.array(Row) }),
  }),
  samples: rows,
  itemsOf: (argument) => (argument as { values: unknown[] }).values,
  broken,
}));

describe("parse", () => {
  test("sees the body, its type and the headers of the request", () => {
    const seen: unknown[] = [];
    const input = defineInput({
      mediaTypes: ["text/*"],
      parse(request) {
        seen.push(request.bytes.length, request.mediaType, request.parameters["charset"]);
        return [request.headers.get("x-customer"), request.text()];
      },
    });
    const sent = {
      bytes: Uint8Array.of(0xe9),
      ...parseMediaType("text/x; charset=latin1"),
      headers: new Headers({ "X-Customer": "c1" }),
    };
    expect(input.toArgument(parse(input, sent))).toEqual(["c1", "é"]);
    expect(seen).toEqual([1, "text/x", "latin1"]);
    const { headers: _, ...without } = sent;
    expect(input.toArgument(parse(input, without))).toEqual([null, "é"]);
  });

  test("answers at once when it does not wait", () => {
    const input = defineInput({ parse: (request) => request.json() });
    expect(input.parse(body([1]))).not.toBeInstanceOf(Promise);
  });

  test("is told where JSON is broken and what does not match its schema", async () => {
    const input = defineInput({
      parse: (request) => request.json(z.object({ rows: z.array(Row) })),
    });
    const malformed = (await refusal(() => input.parse(body('{"rows": [}')))) as EkibenError;
    expect(malformed.code).toBe("BODY_MALFORMED");
    expect(malformed.message).toContain("line 1, column 11");
    const wrong = (await refusal(() => input.parse(body({ rows: [{ id: "1" }] })))) as EkibenError;
    expect(wrong.facts.issues).toMatchObject([{ path: "rows[0].id", received: 'string "1"' }]);
  });

  test.each([
    [
      "throws",
      () => {
        throw reject(200, { Code: "E2001" });
      },
    ],
    [
      "throws later",
      async () => {
        throw reject(200, { Code: "E2001" });
      },
    ],
    ["returns", () => reject(200, { Code: "E2001" })],
    ["returns later", async () => reject(200, { Code: "E2001" })],
  ])("answers the request itself when it %s a rejection", async (_name, run) => {
    for (const shape of [{}, { many: true }, { input: json(z.any()) }, { input: dataframe(Row) }]) {
      const input = defineInput({ ...shape, parse: run } as never) as Input;
      const error = (await refusal(() => input.parse(body({})))) as Rejection;
      expect(isRejection(error)).toBe(true);
      expect([error.status, error.body]).toEqual([200, { Code: "E2001" }]);
    }
  });

  test.each([
    [
      "throws",
      () => {
        throw new TypeError("x is undefined");
      },
      "x is undefined",
    ],
    [
      "throws later",
      async () => {
        throw new TypeError("x is undefined");
      },
      "x is undefined",
    ],
    [
      "throws what is no error",
      () => {
        throw "x is undefined";
      },
      "x is undefined",
    ],
    ["returns nothing", () => undefined, "parse returned nothing where an item is expected"],
  ])("that %s is the author's fault, not the client's", async (_name, run, message) => {
    const input = defineInput({ kind: "orders", parse: run as () => unknown });
    const error = (await refusal(() => input.parse(body({})))) as EkibenError;
    expect([error.code, error.status]).toEqual(["HANDLER_FAILED", 500]);
    expect(error.message).toBe(`The input "orders" failed: ${message}`);
  });

  test("of many items returns an array", async () => {
    const input = defineInput({ many: true, parse: (request) => request.json() as unknown[] });
    const error = (await refusal(() => input.parse(body({ a: 1 })))) as EkibenError;
    expect(error.code).toBe("HANDLER_FAILED");
    expect(error.message).toContain("returned object where an array of items is expected");
  });

  test("is asked anew for a request that is given again, part by part", () => {
    let asked = 0;
    const input = defineInput({
      many: true,
      parse(request) {
        asked++;
        return request.json() as { n: number }[];
      },
    });
    const payload = parse(input, body([{ n: 1 }, { n: 2 }, { n: 3 }]));
    const parts = input.split!(payload, 2);
    for (const part of parts) for (const item of input.toArgument(part)) item.n = 0;
    expect(asked).toBe(1);
    expect(input.merge(parts)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(asked).toBe(3);
  });

  test("that makes other items the second time is a fault", () => {
    let made = 0;
    const input = defineInput({ many: true, parse: () => Array.from({ length: ++made }, () => 0) });
    const payload = parse(input, body({}));
    input.toArgument(payload);
    expect(() => input.toArgument(payload)).toThrow("parse made 2 items of a request that had 1");
  });
});

describe("items with an answer of their own", () => {
  const unknown = (id: number): Rejection => reject(404, { unknown: id });

  test("are left out of the argument and keep their places", () => {
    const input = defineInput({
      many: true,
      parse: (request) => (request.json() as number[]).map((id) => (id < 0 ? unknown(id) : id)),
    });
    const payload = parse(input, body([-1, 1, 2, -2]));
    expect([payload.items, input.toArgument(payload)]).toEqual([2, [1, 2]]);
    expect([...payload.rejected!].map(([at, { body }]) => [at, body])).toEqual([
      [0, { unknown: -1 }],
      [3, { unknown: -2 }],
    ]);
    const good = parse(input, body([3]));
    expect(good.rejected).toBeUndefined();
    expect(input.merge([payload, good])).toEqual([1, 2, 3]);
  });

  test("may be found before another input reads the rest", () => {
    const input = defineInput({
      input: dataframe(Row),
      parse: (request) =>
        (request.json() as { id: number }[]).map((row) => (row.id < 0 ? unknown(row.id) : row)),
    });
    const payload = parse(input, body([{ id: 1 }, { id: -1 }, { id: 2 }]));
    expect(input.toArgument(payload).values).toEqual([
      [1, "none"],
      [2, "none"],
    ]);
    expect([...payload.rejected!.keys()]).toEqual([1]);
    const none = parse(input, body([{ id: -1 }]));
    expect([none.items, none.rejected!.size]).toEqual([0, 1]);
  });

  test("keep their places through inputs inside of each other", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 3 })), fc.boolean(), async (kinds, waits) => {
        const inner = defineInput({
          many: true,
          parse(request) {
            const items = (request.json() as number[]).map((kind) =>
              kind === 1 ? unknown(1) : kind,
            );
            return waits ? Promise.resolve(items) : items;
          },
        });
        const outer = defineInput({
          input: inner,
          parse: (request) =>
            (request.json() as number[]).map((kind) => (kind === 0 ? unknown(0) : kind)),
        });
        const payload = await outer.parse(body(kinds));
        const answers = kinds.map((_, at) => payload.rejected?.get(at)?.body);
        expect(answers).toEqual(kinds.map((kind) => (kind < 2 ? { unknown: kind } : undefined)));
        expect(outer.toArgument(payload)).toEqual(kinds.filter((kind) => kind >= 2));
        expect([...(payload.rejected ?? new Map()).keys()]).toEqual(
          kinds.flatMap((kind, at) => (kind < 2 ? [at] : [])),
        );
      }),
      { numRuns: 100 },
    );
  });

  test("are not checked by the schema of the items", async () => {
    const input = defineInput({
      many: true,
      items: Row,
      parse: (request) => [reject(410), ...(request.json() as unknown[])],
    });
    const payload = parse(input, body([{ id: 1 }]));
    expect(input.toArgument(payload)).toEqual([{ id: 1, name: "none" }]);
    const error = (await refusal(() =>
      input.parse(body([{ id: 1 }, { id: 0.5 }, 3])),
    )) as EkibenError;
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain("Item 2: ");
    expect(error.facts.issues).toMatchObject([{ path: "[2].id", received: "number 0.5" }]);
  });
});

describe("onInvalid", () => {
  const input = defineInput({
    input: dataframe(Row),
    parse: (request) => request.json().df_data,
    onInvalid(error, request) {
      if (error.code === "INPUT_INVALID") return reject(200, [error.facts.issueCount]);
      if (error.code === "BODY_MALFORMED") throw reject(400, { Code: "E400", Msg: error.message });
      if (request.mediaType === "text/odd") throw new Error("odd");
      return undefined;
    },
  });

  test("answers malformed bodies and tables that are not valid in the author's words", async () => {
    const malformed = (await refusal(() => input.parse(body("{")))) as Rejection;
    expect([malformed.status, (malformed.body as { Code: string }).Code]).toEqual([400, "E400"]);
    const wrong = body({ df_data: [{ id: 0.5 }, { id: 1 }, {}] });
    const invalid = (await refusal(() => input.parse(wrong))) as Rejection;
    expect([invalid.status, invalid.body]).toEqual([200, [2]]);
  });

  test("leaves the standard answer when it returns nothing", async () => {
    const error = (await refusal(() => input.parse(body("", "text/html")))) as EkibenError;
    expect(error.code).toBe("MEDIA_TYPE_UNSUPPORTED");
  });

  test("that fails is the author's fault", async () => {
    const error = (await refusal(() => input.parse(body("", "text/odd")))) as EkibenError;
    expect([error.code, error.facts.detail]).toEqual([
      "HANDLER_FAILED",
      'The input "custom" failed: odd',
    ]);
  });

  test("is not asked about faults of the service", async () => {
    const asked = defineInput({
      parse(): never {
        throw new EkibenError("MODEL_RUN_FAILED", { detail: "broken" });
      },
      onInvalid: () => reject(200),
    });
    const error = (await refusal(() => asked.parse(body({})))) as EkibenError;
    expect(error.code).toBe("MODEL_RUN_FAILED");
  });
});

test("merge makes the argument of a batch, and fails under the name of the input", () => {
  const input = defineInput({
    kind: "sums",
    parse: (request) => request.json() as number,
    merge(items: number[]) {
      if (items.includes(-1)) throw new Error("minus");
      return items.reduce((sum, item) => sum + item, 0);
    },
  });
  const [one, two, minus] = [1, 2, -1].map((item) => parse(input, body(item)));
  expect([input.merge([one!, two!]), input.toArgument(two!)]).toEqual([3, 2]);
  expect(() => input.merge([one!, minus!])).toThrow('The input "sums" failed: minus');
});

test("a file inside of an own input is released with its request", async () => {
  const input = defineInput({ input: file(), parse: (request) => ({ b64: request.text() }) });
  const payload = parse(input, body("AAAA"));
  expect(await input.toArgument(payload).bytes()).toHaveLength(3);
  await payload.release!();
});

test("a value that is part of something else is read as a body of JSON", () => {
  const input = defineInput({ input: json(Row), parse: (request) => request.json().row });
  expect(input.toArgument(input.parseJson!({ row: { id: 1 } }) as Payload)).toEqual({
    id: 1,
    name: "none",
  });
  expect(defineInput({ mediaTypes: ["text/csv"], parse: () => 1 }).parseJson).toBeUndefined();
});

test("requests are described by what their author gives", () => {
  const schema = z.object({ df_data: z.array(Row) });
  const example = { df_data: [{ id: 1 }] };
  const input = defineInput({
    input: dataframe(Row),
    parse: (request) => request.json().df_data,
    schema,
    example,
  });
  expect(input.content()["application/json"]).toMatchObject({
    schema: { type: "object", required: ["df_data"] },
    example,
  });
  const other = { df_data: [] };
  expect(input.content(other)["application/json"]!.example).toEqual(other);
  expect(input.itemSchema()).toMatchObject({ required: ["id"] });

  const written = defineInput({
    mediaTypes: ["text/csv"],
    parse: (request) => request.text(),
    encode: (value: string[]) => value.join(","),
    schema: { type: "string" },
    example: ["a", "b"],
  });
  expect(written.content()).toEqual({ "text/csv": { schema: { type: "string" }, example: "a,b" } });
  const content = { "text/csv": { schema: { type: "string", title: "mine" } } };
  expect(defineInput({ parse: () => 1, content }).content()).toEqual(content);
});

type Encode = ((value: any) => string) | undefined;

test.each<[encode: Encode, type: string, bytes: string, value: unknown]>([
  [undefined, "application/json", "null", null],
  [undefined, "text/plain", "a", "a"],
  [undefined, "application/json", '"a"', "a"],
  [undefined, "image/*", "\u0001", Uint8Array.of(1)],
  [(value) => `[${value}]`, "application/json", "[1]", "1"],
])("what a caller gives is written as it is meant (%#)", (encode, type, bytes, value) => {
  const input = defineInput({
    mediaTypes: [type],
    parse: () => 1,
    ...(encode === undefined ? {} : { encode }),
  });
  const encoded = input.encode(value);
  expect(Buffer.from(encoded.bytes).toString()).toBe(bytes);
  expect(encoded.mediaType).toBe(type === "image/*" ? "application/octet-stream" : type);
});

test.each<[options: object, message: string]>([
  [{}, "`parse`"],
  [{ parse: () => 1, merge: 1 }, "`merge`"],
  [{ parse: () => 1, input: z.string() }, "`input`"],
  [{ parse: () => 1, input: json(Row), many: true }, "`many`"],
  [{ parse: () => 1, mediaTypes: ["csv"] }, '"csv"'],
  [{ parse: () => 1, items: Row }, "`many`"],
  [{ parse: () => 1, oninvalid: () => 1 }, '"onInvalid"'],
])("options such as %j are refused", async (options, message) => {
  const error = (await refusal(() => defineInput(options as never))) as EkibenError;
  expect(error.code).toBe("SERVICE_INVALID");
  expect(error.message).toContain(message);
});
