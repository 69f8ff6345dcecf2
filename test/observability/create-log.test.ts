import { expect, test } from "vitest";
import { createLog } from "../../sdk/observability/create-log.js";

function record(format: "json" | "plain", level?: "debug" | "warn") {
  const lines: string[] = [];
  const log = createLog({
    service: "churn",
    version: "v1",
    format,
    write: (line) => void lines.push(line),
    ...(level === undefined ? {} : { level }),
  });
  return { log, lines };
}

test("a JSON line carries the names of the Elastic Common Schema", () => {
  const { log, lines } = record("json");
  log.child({ requestId: "r-1" }).warn("slow", { status: 503, api: "predict" });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/\n$/);
  const line = JSON.parse(lines[0]!);
  expect(line).toMatchObject({
    "log.level": "warn",
    message: "slow",
    "service.name": "churn",
    "service.version": "v1",
    "process.pid": process.pid,
    "http.request.id": "r-1",
    "http.response.status_code": 503,
    api: "predict",
  });
  expect(new Date(line["@timestamp"]).getTime()).toBeGreaterThan(Date.now() - 10_000);
  expect(line).not.toHaveProperty("time");
  expect(line).not.toHaveProperty("level");
});

test("an error is written with its stack and that of its cause", () => {
  const { log, lines } = record("json");
  log.error("failed", { error: new TypeError("outer", { cause: new Error("inner") }) });
  const line = JSON.parse(lines[0]!);
  expect(line).toMatchObject({ "error.type": "TypeError", "error.message": "outer" });
  expect(line["error.stack_trace"]).toMatch(/outer[\s\S]*caused by: Error: inner/);
});

test("an error whose cause is itself is written", () => {
  for (const format of ["json", "plain"] as const) {
    const { log, lines } = record(format);
    const error = new Error("round");
    error.cause = error;
    log.error("failed", { error });
    expect(lines).toHaveLength(1);
  }
});

test("one call is one JSON line, whatever is in it", () => {
  const { log, lines } = record("json");
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  log.info("two\nlines\u2028", { circular, big: 1n, nothing: undefined, fn: () => 1 });
  expect(lines.join("").split("\n")).toHaveLength(2);
  expect(JSON.parse(lines[0]!).message).toBe("two\nlines\u2028");
});

test("values that JSON has no form for do not take others with them", () => {
  const { log, lines } = record("json");
  const circular: Record<string, unknown> = { a: 1 };
  circular["self"] = circular;
  const throws = {
    toJSON() {
      throw new Error("no");
    },
  };
  const fields = { circular, big: 1n, nothing: undefined, nan: Number.NaN, throws, api: "predict" };
  log.child({ batch: 7n }).info("odd", fields);
  expect(lines[0]).toContain('"batch":7,');
  const { "process.pid": _, "@timestamp": __, ...line } = JSON.parse(lines[0]!);
  expect(line).toEqual({
    "log.level": "info",
    "service.name": "churn",
    "service.version": "v1",
    batch: 7,
    circular: { a: 1, self: "[Circular]" },
    big: 1,
    nan: null,
    throws: expect.any(String),
    api: "predict",
    message: "odd",
  });
});

test("lines under the level are not written", () => {
  for (const format of ["json", "plain"] as const) {
    const { log, lines } = record(format, "warn");
    log.debug("a");
    log.info("b", { a: 1 });
    log.warn("c");
    log.error("d", { a: 1 });
    expect(lines.map((line) => /c|d/.exec(line)![0])).toHaveLength(2);
    const chatty = record(format, "debug");
    chatty.log.debug("a");
    expect(chatty.lines).toHaveLength(1);
  }
});

test("a plain line reads as a sentence with its fields", () => {
  const { log, lines } = record("plain");
  log.child({ api: "predict" }).info("warmed up", { ms: 12, note: "two words", tags: ["a"] });
  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} info  warmed up api=predict ms=12 note="two words" tags=\["a"\]\n$/,
  );
});

test("a plain line leaves out what its sentence has, and the rest of a long object", () => {
  const { log, lines } = record("plain");
  const address = "http://127.0.0.1:3000";
  log.info(`answers on ${address}`, { address, shapes: Array.from({ length: 99 }, (_, at) => at) });
  expect(lines[0]).toMatch(/ answers on http:\/\/127\.0\.0\.1:3000 shapes=\[0,1,[\d,]{115}…\n$/);
});

test("a plain line shows the stack of an error beneath it", () => {
  const { log, lines } = record("plain");
  log.error("failed", { error: new Error("outer", { cause: new Error("inner") }), api: "predict" });
  const [first, ...rest] = lines.join("").split("\n");
  expect(first).toMatch(/error failed api=predict$/);
  expect(rest[0]).toBe("    Error: outer");
  expect(rest.join("\n")).toContain("caused by: Error: inner");
});

test("what a client wrote can neither steer a terminal nor forge a line", () => {
  const { log, lines } = record("plain");
  log.info("refused\n12:00:00 info  forged", {
    detail: "\u001b[2J\nforged",
    object: { a: "\u009b2J" },
  });
  const text = lines.join("");
  // oxlint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(text.trimEnd().split("\n")).toHaveLength(1);
});
