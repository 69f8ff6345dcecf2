import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRecordPrinter } from "../../sdk/observability/records/print-record.js";
import type { PredictionFacts } from "../../sdk/observability/records/record.js";
import { createRedactor } from "../../sdk/observability/records/redact.js";
import { createSampler, toShare } from "../../sdk/observability/records/sample.js";

function printer(options: { redact?: string[]; maxRecordBytes?: number; headers?: string[] } = {}) {
  const made = createRecordPrinter({
    service: "s",
    redactor: createRedactor(options.redact ?? []),
    headers: options.headers ?? [],
    maxRecordBytes: options.maxRecordBytes ?? 256 * 1024,
    now: () => 0,
  });
  return {
    ...made,
    prediction: (facts: PredictionFacts) => Buffer.from(made.prediction(facts)).toString(),
  };
}

function prediction(changes: Partial<PredictionFacts> = {}): PredictionFacts {
  return {
    requestId: "r",
    api: "a",
    method: "POST",
    route: "/a",
    target: "/a",
    status: 200,
    durationMs: 1.5,
    headers: { get: () => null },
    params: {},
    output: { bytes: "[]", mediaType: "application/json" },
    rows: false,
    runs: [],
    ...changes,
  };
}

test("a body in bytes has the same line as the same body as a text", () => {
  const made = printer();
  const body = fc.string({ unit: "binary", maxLength: 3000 });
  fc.assert(
    fc.property(body, fc.array(body, { maxLength: 2 }), fc.nat(3), (sent, before, offset) => {
      const mediaType = "text/plain";
      // Wherever it begins in its memory.
      const bytes = Buffer.from(" ".repeat(offset) + sent).subarray(offset);
      const line = made.prediction(prediction({ input: { bytes, mediaType } }));
      // What was made before stays as it was.
      for (const other of before) {
        made.prediction(prediction({ input: { bytes: Buffer.from(other), mediaType } }));
      }
      const text = bytes.toString();
      expect(line).toBe(made.prediction(prediction({ input: { bytes: text, mediaType } })));
      expect(JSON.parse(line)["ekiben.input.body"]).toBe(text);
    }),
  );
});

test("lines in bytes are whole for as long as somebody holds them", () => {
  const { prediction: print } = createRecordPrinter({
    service: "s",
    redactor: createRedactor([]),
    headers: [],
    maxRecordBytes: 256 * 1024,
    now: () => 0,
  });
  const lines = Array.from({ length: 500 }, (_, at) =>
    print(
      prediction({ input: { bytes: Buffer.from(`${at}`.repeat(700)), mediaType: "text/plain" } }),
    ),
  );
  for (const [at, line] of lines.entries()) {
    expect(line).toBeInstanceOf(Uint8Array);
    expect(JSON.parse(Buffer.from(line).toString())["ekiben.input.body"]).toBe(`${at}`.repeat(700));
  }
});

describe("the size of a line", () => {
  test("is kept whatever the bodies are, and what was cut is told", () => {
    const text = fc.string({ unit: "binary", maxLength: 20_000 });
    fc.assert(
      fc.property(text, text, fc.integer({ min: 4096, max: 30_000 }), (input, output, limit) => {
        const line = printer({ maxRecordBytes: limit }).prediction(
          prediction({
            input: { bytes: input, mediaType: "text/plain" },
            output: { bytes: output, mediaType: "text/plain" },
          }),
        );
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(limit);
        expect(line).not.toMatch(/[\n\r]/);
        const read = JSON.parse(line);
        for (const [name, sent] of [
          ["input", input],
          ["output", output],
        ] as const) {
          const kept = read[`ekiben.${name}.body`] as string;
          expect(read[`ekiben.${name}.bytes`]).toBe(Buffer.byteLength(sent));
          if (kept === sent) expect(read).not.toHaveProperty(`ekiben.${name}.change`);
          else expect(read[`ekiben.${name}.change`]).toBe("truncated");
          // Lone halves of a character are written as what Node reads of them.
          expect(sent.startsWith(kept)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("leaves a short body whole and cuts the long one", () => {
    const line = printer({ maxRecordBytes: 10_000 }).prediction(
      prediction({
        input: { bytes: "x".repeat(50_000), mediaType: "text/plain" },
        output: { bytes: '{"y":1}', mediaType: "application/json" },
      }),
    );
    const read = JSON.parse(line);
    expect(read["ekiben.output.body"]).toBe('{"y":1}');
    expect(read["ekiben.input.body"].length).toBeGreaterThan(6000);
    expect(read["ekiben.input.change"]).toBe("truncated");
  });

  test("bytes are base64 or nothing", () => {
    const bytes = Buffer.from([0xff, 0xd8, 0xff, 0x00]);
    const small = printer().prediction(prediction({ input: { bytes, mediaType: "image/jpeg" } }));
    expect(JSON.parse(small)["ekiben.input.base64"]).toBe(bytes.toString("base64"));
    const large = printer({ maxRecordBytes: 8192 }).prediction(
      prediction({ input: { bytes: Buffer.alloc(9000, 255), mediaType: "image/jpeg" } }),
    );
    expect(JSON.parse(large)).toMatchObject({
      "ekiben.input.bytes": 9000,
      "ekiben.input.change": "omitted",
    });
    expect(large).not.toContain("base64");
  });
});

describe("redaction", () => {
  const of = (names: string[], text: string, type = "application/json", rows = false) =>
    createRedactor(names).body(text, type, rows);
  const hidden = (names: string[], value: unknown, rows = false) =>
    JSON.parse(of(names, JSON.stringify(value), "application/json", rows).text!);
  const X = "[REDACTED]";

  test("a name hides keys anywhere, a path from the top only", () => {
    const value = { ssn: 1, a: [{ ssn: 2, b: { mail: 3 } }], mail: 4 };
    expect(hidden(["ssn"], value)).toEqual({ ssn: X, a: [{ ssn: X, b: { mail: 3 } }], mail: 4 });
    expect(hidden(["a.b.mail"], value)).toEqual({
      ssn: 1,
      a: [{ ssn: 2, b: { mail: X } }],
      mail: 4,
    });
    expect(hidden(["b.mail"], value)).toEqual(value);
  });

  test("tables in each orient, and named tensors", () => {
    expect(hidden(["ssn"], [{ ssn: 1, x: 2 }], true)).toEqual([{ ssn: X, x: 2 }]);
    expect(hidden(["ssn"], { ssn: [1, 2], x: [3, 4] }, true)).toEqual({ ssn: X, x: [3, 4] });
    expect(hidden(["ssn"], { "0": { ssn: 1, x: 2 } }, true)).toEqual({ "0": { ssn: X, x: 2 } });
    const split = { columns: ["x", "ssn"], index: [0], data: [[1, 2]] };
    expect(hidden(["ssn"], split)).toEqual({ ...split, data: [[1, X]] });
    const wrapped = { dataframe_split: split };
    expect(hidden(["ssn"], wrapped)).toEqual({ dataframe_split: { ...split, data: [[1, X]] } });
    const tensors = {
      inputs: [
        { name: "ssn", shape: [1], data: [1] },
        { name: "x", data: [2] },
      ],
    };
    expect(hidden(["ssn"], tensors)).toEqual({
      inputs: [
        { name: "ssn", shape: [1], data: X },
        { name: "x", data: [2] },
      ],
    });
  });

  test("rows without names are left out, since nobody knows which cell it is", () => {
    expect(of(["ssn"], "[[1,2],[3,4]]", "application/json", true).text).toBeUndefined();
    expect(of(["ssn"], "[[1,2],[3,4]]", "application/json", false).text).toBe("[[1,2],[3,4]]");
  });

  test("what has no such value stays to the last letter", () => {
    const text = '{ "x" : 1.0,\n "big": 12345678901234567890 }';
    expect(of(["ssn"], text)).toEqual({ text, changed: false });
  });

  test("an escape does not hide a key", () => {
    expect(of(["ssn"], String.raw`{"\u0073sn":123}`)).toEqual({
      text: `{"ssn":"${X}"}`,
      changed: true,
    });
  });

  test("lines of JSON, events, CSV, forms", () => {
    expect(of(["ssn"], '{"ssn":1}\n{"x":2}\n', "application/x-ndjson").text).toBe(
      `{"ssn":"${X}"}\n{"x":2}\n`,
    );
    expect(of(["ssn"], 'data: {"ssn":1}\n\n', "text/event-stream").text).toBe(
      `data: {"ssn":"${X}"}\n\n`,
    );
    expect(of(["ssn"], 'x,"ssn",y\r\n1,"a\n""b",2\r\n3,,4', "text/csv").text).toBe(
      `x,"ssn",y\r\n1,${X},2\r\n3,,4`,
    );
    expect(of(["ssn"], "x;ssn\n1;2", "text/csv").text).toBe(`x;ssn\n1;${X}`);
    expect(of(["ssn"], "x=1&ssn=2&ssn=3", "application/x-www-form-urlencoded").text).toBe(
      "x=1&ssn=%5BREDACTED%5D",
    );
  });

  test("what cannot be read is left out where it may hold the name", () => {
    expect(of(["ssn"], '{"ssn":1').text).toBeUndefined();
    expect(of(["ssn"], '{"x":1').text).toBe('{"x":1');
    expect(of(["ssn"], '--b\r\nname="ssn"\r\n\r\n1', "multipart/form-data").text).toBeUndefined();
    const bytes = { bytes: Buffer.from([255, 0]), mediaType: "application/vnd.apache.parquet" };
    const line = JSON.parse(printer({ redact: ["ssn"] }).prediction(prediction({ input: bytes })));
    expect(line["ekiben.input.change"]).toBe("omitted");
  });

  test("the query, headers, parameters and feedback", () => {
    const line = JSON.parse(
      printer({
        redact: ["ssn", "X-Tenant"],
        headers: ["authorization", "x-tenant", "x-a"],
      }).prediction(
        prediction({
          target: "/a?ssn=123&b=1",
          params: { ssn: "123", b: "2" },
          headers: { get: (name) => `value of ${name}` },
        }),
      ),
    );
    expect(line["url.query"]).toBe("ssn=%5BREDACTED%5D&b=1");
    expect(line["ekiben.params"]).toBe(`{"ssn":"${X}","b":"2"}`);
    expect(line["http.request.headers.authorization"]).toBe(X);
    expect(line["http.request.headers.x-tenant"]).toBe(X);
    expect(line["http.request.headers.x-a"]).toBe("value of x-a");
    const feedback = printer({ redact: ["ssn"] }).feedback({
      requestId: "r",
      ownId: "o",
      fields: { ssn: 5, ok: true },
    });
    expect(JSON.parse(feedback)).toMatchObject({
      "ekiben.feedback.body": `{"ssn":"${X}","ok":true}`,
      "ekiben.feedback.change": "redacted",
    });
  });

  test("a hidden value is nowhere in the line, whatever else is in the body", () => {
    const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.string());
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom("a", "b", "ssn", "columns", "data", "name"), tie("value")),
      ),
    })).value;
    const mark = (value: unknown, inside: boolean): unknown => {
      if (Array.isArray(value)) return value.map((one) => mark(one, inside));
      if (value !== null && typeof value === "object") {
        return Object.fromEntries(
          Object.entries(value).map(([key, one]) => [key, mark(one, inside || key === "ssn")]),
        );
      }
      return inside ? "TOP SECRET" : value;
    };
    fc.assert(
      fc.property(json, (value) => {
        const { text = "" } = of(["ssn"], JSON.stringify(mark(value, false)));
        expect(text).not.toContain("TOP SECRET");
      }),
    );
  });
});

describe("sampling", () => {
  test("ids that count up are spread evenly", () => {
    const shares = Array.from({ length: 20_000 }, (_, i) =>
      toShare(`0b0c1c64-3c0e-4f7c-8a37-${i.toString(16).padStart(12, "0")}`),
    );
    for (let tenth = 0; tenth < 10; tenth++) {
      const count = shares.filter((share) => Math.floor(share * 10) === tenth).length;
      expect(Math.abs(count - 2000)).toBeLessThan(200);
    }
  });

  test("a higher rate keeps all that a lower one does", () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (id, rate) => {
        const low = createSampler({ prediction: rate / 2 })("prediction", id, "a");
        const high = createSampler({ prediction: rate })("prediction", id, "a");
        return !low || high;
      }),
    );
  });
});
