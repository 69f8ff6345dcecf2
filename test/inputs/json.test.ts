import { expect, test } from "vitest";
import { z } from "zod";
import type { EkibenError } from "../../sdk/core/errors.js";
import type { Payload, RequestBody } from "../../sdk/inputs/input.js";
import { json } from "../../sdk/inputs/json.js";
import { describeInput } from "../contracts/input.js";
import { parseNow } from "./tables.js";

const Order = z.object({
  id: z.bigint(),
  at: z.date().nullable(),
  lines: z.array(z.object({ amount: z.number().positive(), note: z.string().default("none") })),
});

function body(text: string, mediaType = "application/json"): RequestBody {
  return { bytes: Buffer.from(text), mediaType, parameters: {} };
}

function refuse(schema: z.ZodType, text: string): EkibenError {
  try {
    json(schema).parse(body(text));
  } catch (error) {
    return error as EkibenError;
  }
  throw new Error("It was accepted.");
}

describeInput("json of an object", () => ({
  input: json(Order),
  samples: [
    { id: 1n, at: null, lines: [] },
    { id: 2n ** 70n, at: new Date(5), lines: [{ amount: 1 }, { amount: 0.5, note: "ü" }] },
  ],
  itemsOf: (argument) => argument as unknown[],
  broken: [
    body(""),
    body("{"),
    body("null"),
    body('{"id":1}'),
    body('{"id":1.5,"at":null,"lines":[]}'),
    body('{"id":1,"at":"noon","lines":[]}'),
    body("<a/>", "application/xml"),
  ],
}));

describeInput("json of a text", () => ({
  input: json(z.string().min(1)),
  samples: ["a", "日本", "0"],
  itemsOf: (argument) => argument as unknown[],
  broken: [body('""'), body("1"), body("a")],
}));

test("transforms and defaults of the schema are applied once", () => {
  const input = json(z.object({ a: z.string().transform((value) => `${value}!`) }));
  const payload = parseNow(input, body('{"a":"x"}'));
  expect(input.merge([payload, payload])).toEqual([{ a: "x!" }, { a: "x!" }]);
  expect(input.toArgument(payload)).toEqual({ a: "x!" });
});

test("a default that is made by a function is made for each request", () => {
  let counter = 1;
  const input = json(
    z.object({ at: z.date().default(() => new Date(counter++)), list: z.array(z.date()) }),
  );
  const take = () =>
    input.toArgument(parseNow(input, body('{"list":["2020-01-01"]}'))) as { at: Date };
  expect(take().at.getTime()).toBeLessThan(take().at.getTime());
});

test("an error names the path, what was expected and what came", () => {
  const error = refuse(Order, '{"id":1,"at":null,"lines":[{"amount":1},{"amount":"x"}]}');
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toBe(
    'The body is not valid: lines[1].amount: expected number, received string "x".',
  );
  expect(error.facts.issues).toEqual([
    {
      path: "lines[1].amount",
      message: 'expected number, received string "x"',
      expected: "number",
      received: 'string "x"',
    },
  ]);
  expect(refuse(Order, '{"id":1}').message).toContain("(and 1 more)");
  expect(refuse(z.object({ "a b": z.number() }), '{"a b":null}').message).toContain('["a b"]');
});

test("the words of the schema's author are kept", () => {
  const schema = z.object({
    age: z.number({ error: "age has to be a number" }).min(18, "too young"),
  });
  expect(refuse(schema, '{"age":"x"}').message).toContain(
    'age: age has to be a number, received string "x"',
  );
  expect(refuse(schema, '{"age":3}').message).toContain("age: too young, received number 3");
});

test("long values are cut short in messages", () => {
  const error = refuse(z.number(), JSON.stringify("x".repeat(10_000)));
  expect(error.message.length).toBeLessThan(200);
});

test("a value that is nested deeper than the stack is refused, not a crash", () => {
  type Tree = Tree[];
  const Tree: z.ZodType<Tree> = z.lazy(() => z.array(Tree));
  const error = refuse(Tree, "[".repeat(200_000) + "]".repeat(200_000));
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toContain("nested too deeply");
});

test("keys of the body cannot reach the prototype of objects", () => {
  const input = json(z.looseObject({ a: z.number() }));
  const value = input.toArgument(
    parseNow(
      input,
      body('{"a":1,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
    ),
  );
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});

test("a schema that has to wait is refused where it is declared, or where it shows", () => {
  expect(() => json(z.string().refine(async () => true))).toThrow("asynchronous");
  expect(() => json("text" as never)).toThrow("needs a zod schema");
  const hidden = json(z.string().refine(() => Promise.resolve(true)));
  expect(() => hidden.parse(body('"a"'))).toThrow(
    expect.objectContaining({ code: "SCHEMA_UNSUPPORTED" }),
  );
});

test("what JSON cannot say is not sent", () => {
  const input = json(z.unknown());
  expect(() => input.encode(undefined)).toThrow("JSON cannot say undefined");
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  expect(() => input.encode(circle)).toThrow("cannot be sent as JSON");
});

test("a value that is part of something else is read as a body would be, each time anew", () => {
  const input = json(Order);
  const sent = { id: "5", at: "2024-02-29", lines: [{ amount: 1 }] };
  const expected = { id: 5n, at: new Date("2024-02-29"), lines: [{ amount: 1, note: "none" }] };
  const payload = input.parseJson!(sent) as Payload;
  const given = input.toArgument(payload);
  expect(given).toEqual(expected);
  given.lines.pop();
  expect(input.toArgument(payload)).toEqual(expected);
  expect(() => input.parseJson!({ ...sent, lines: [{ amount: -1 }] })).toThrow("lines[0].amount");
});

test("a value that is nested too deeply is refused", () => {
  const deep: unknown = JSON.parse("[".repeat(1e5) + "]".repeat(1e5));
  expect(() => json(z.any()).parseJson!(deep)).toThrow("nested too deeply");
});

test("an example is shown as a caller writes it", () => {
  const example = { id: 2n ** 60n, at: new Date(5), lines: [] };
  expect(json(Order).content(example)["application/json"]!.example).toEqual({
    id: String(2n ** 60n),
    at: "1970-01-01T00:00:00.005Z",
    lines: [],
  });
});
