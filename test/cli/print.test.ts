import { expect, test } from "vitest";
import { describeError } from "../../sdk/cli/print-error.js";
import { printBytes, printTable } from "../../sdk/cli/print-table.js";
import { toLabels, toPort } from "../../sdk/cli/options.js";
import { EkibenError } from "../../sdk/core/errors.js";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [9_949, "9.9 kB"],
  [12_345, "12 kB"],
  [999_499, "999 kB"],
  [999_600, "1.0 MB"],
  [3_400_000_000, "3.4 GB"],
])("%d bytes are printed as %s", (bytes, text) => {
  expect(printBytes(bytes)).toBe(text);
});

test("columns are as wide as their widest cell", () => {
  expect(
    printTable(
      ["a", "long title"],
      [
        ["wider", "x"],
        ["b", ""],
      ],
    ),
  ).toBe("a      long title\nwider  x\nb");
});

test("an error is told by its code, its hint and its findings", () => {
  const error = new EkibenError("BUILD_FAILED", {
    detail: "It failed.",
    hint: "Mend it.",
    issues: [{ message: "one", path: "a.ts:1:2" }, { message: "two" }],
    issueCount: 5,
    cause: new Error("the cause"),
  });
  expect(describeError(error, false)).toBe(
    "error BUILD_FAILED: It failed.\n  Mend it.\n  - a.ts:1:2: one\n  - two\n  … and 3 more\n",
  );
  expect(describeError(error, true)).toMatch(/print\.test\.ts[^]*Error: the cause/);
  expect(describeError(new TypeError("odd"), false)).toMatch(/^error INTERNAL: odd\n.*--verbose/);
  expect(describeError("thrown text", false)).toMatch(/^error INTERNAL: thrown text/);
});

test("options are read strictly", () => {
  expect(toPort("0")).toBe(0);
  expect(toPort("65535")).toBe(65_535);
  for (const text of ["65536", "-1", "80a", "", "1.5", "0x50"])
    expect(() => toPort(text)).toThrow();
  expect(toLabels("a=b=c", { x: "y" })).toEqual({ x: "y", a: "b=c" });
  expect(toLabels("a=")).toEqual({ a: "" });
  expect(() => toLabels("=b")).toThrow();
});
