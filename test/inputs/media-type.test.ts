import { expect, test } from "vitest";
import { parseMediaType } from "../../sdk/inputs/media-type.js";

test("a header is a media type in lower case and its parameters", () => {
  expect(parseMediaType("Application/JSON; Charset=UTF-8")).toEqual({
    mediaType: "application/json",
    parameters: { charset: "UTF-8" },
  });
  expect(parseMediaType(" text/plain ")).toEqual({ mediaType: "text/plain", parameters: {} });
});

test("a missing or empty header names no media type", () => {
  for (const header of [undefined, null, ""]) {
    expect(parseMediaType(header)).toEqual({ mediaType: "", parameters: {} });
  }
});

test("quoted parameters may hold semicolons, equal signs and escapes", () => {
  expect(parseMediaType('multipart/form-data; boundary="a;b=c\\"d" ; x=1').parameters).toEqual({
    boundary: 'a;b=c"d',
    x: "1",
  });
});

test("the first of two parameters with one name counts", () => {
  expect(parseMediaType("a/b; x=1; X=2").parameters).toEqual({ x: "1" });
});

test("what cannot be read is left out and never throws", () => {
  for (const header of [";;;", "a/b;", "a/b; =x", 'a/b; x="open', "a/b; x", ";charset=utf-8"]) {
    expect(() => parseMediaType(header)).not.toThrow();
  }
  expect(parseMediaType("a/b; x; y=2").parameters).not.toHaveProperty("x");
});

test("a parameter cannot reach the prototype", () => {
  const { parameters } = parseMediaType("a/b; __proto__=x; constructor=y");
  expect(parameters["__proto__"]).toBe("x");
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  expect(parseMediaType("a/b").parameters["toString"]).toBeUndefined();
});

test("many different headers are read alike, remembered or not", () => {
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) {
      expect(parseMediaType(`a/b; x=${i}`)).toEqual({
        mediaType: "a/b",
        parameters: { x: `${i}` },
      });
    }
  }
});
