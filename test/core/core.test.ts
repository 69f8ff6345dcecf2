import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EkibenError, ERROR_CATALOGUE, toProblem, type ErrorCode } from "../../sdk/core/errors.js";
import { canonicalJson, sha256 } from "../../sdk/core/hash.js";
import { createVersion, parseTag, printTag } from "../../sdk/core/tag.js";

describe("an error", () => {
  it("carries the status of the catalogue and shows its code where it is printed", () => {
    for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
      const error = new EkibenError(code, { detail: "What happened.", hint: "What to do." });
      expect(error.status).toBe(ERROR_CATALOGUE[code].status);
      expect(String(error)).toBe(`EkibenError [${code}]: What happened. What to do.`);
    }
  });

  it("tells a client nothing of the inside", () => {
    const secrets = [
      new Error("password is hunter2"),
      new EkibenError("HANDLER_FAILED", { detail: "hunter2", cause: new Error("hunter2") }),
      new EkibenError("MODEL_FILE_MISSING", { detail: "/home/hunter2", hint: "hunter2" }),
      "hunter2",
      undefined,
    ];
    for (const secret of secrets) {
      const problem = toProblem(secret, "id-1");
      expect(JSON.stringify(problem)).not.toContain("hunter2");
      expect(problem).toMatchObject({ status: 500, requestId: "id-1" });
    }
  });

  it("tells a client what is wrong with its own request", () => {
    const error = new EkibenError("INPUT_INVALID", {
      detail: "1 of 2 rows is not valid.",
      expected: "number",
      received: "string",
      issues: [{ message: "expected number", row: 1, column: "age" }],
      issueCount: 1,
    });
    expect(toProblem(error)).toEqual({
      type: "urn:ekiben:error:INPUT_INVALID",
      title: ERROR_CATALOGUE.INPUT_INVALID.title,
      status: 422,
      code: "INPUT_INVALID",
      detail: "1 of 2 rows is not valid.",
      expected: "number",
      received: "string",
      issues: [{ message: "expected number", row: 1, column: "age" }],
      issueCount: 1,
    });
  });

  it("shows everything where the one who asks is its author", () => {
    const problem = toProblem(new TypeError("df.foo is not a function"), "id", true);
    expect(problem.detail).toBe("df.foo is not a function");
  });
});

describe("a tag", () => {
  const name = fc.stringMatching(/^[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?$/);
  const version = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/);

  it("reads what it prints", () => {
    fc.assert(
      fc.property(name, version, (name, version) => {
        expect(parseTag(printTag({ name, version }))).toEqual({ name, version });
      }),
    );
  });

  it("means the latest version when it names none", () => {
    expect(parseTag("churn")).toEqual({ name: "churn", version: "latest" });
  });

  it.each([
    "",
    ":1",
    "Churn:1",
    "a:",
    "a:b:c",
    "a/b",
    "../a",
    "a:../b",
    "a b:1",
    `a:${"1".repeat(129)}`,
  ])("refuses %j", (text) => {
    expect(() => parseTag(text)).toThrow(expect.objectContaining({ code: "TAG_INVALID" }));
  });

  it("has versions that sort by time", () => {
    const versions = [0, 1, 1e9, 1e12, 1e12 + 1000].map((ms) => createVersion(new Date(ms), "ab"));
    expect([...versions].sort()).toEqual(versions);
    expect(createVersion(new Date(Date.UTC(2026, 0, 2, 3, 4, 5)), "0123456789")).toBe(
      "20260102-030405-01234567",
    );
  });
});

describe("canonical JSON", () => {
  it("is the same for equal values, whatever the order of their keys", () => {
    const shuffled = (value: unknown): unknown =>
      value !== null && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, inner]) => [key, shuffled(inner)]),
          )
        : Array.isArray(value)
          ? value.map(shuffled)
          : value;
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(sha256(canonicalJson(shuffled(value)))).toBe(sha256(canonicalJson(value)));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
