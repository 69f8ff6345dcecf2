import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseMediaType } from "../../sdk/outputs/accept.js";

const JSON_CSV = ["application/json", "text/csv", "application/x-ndjson"];
const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8";

describe("the choice of a media type", () => {
  it.each([
    // What clients send when nobody tells them otherwise
    [null, "application/json"],
    ["", "application/json"],
    ["*/*", "application/json"],
    ["application/json", "application/json"],
    ["application/json, text/plain, */*", "application/json"],
    [BROWSER, "application/json"],
    ["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "application/json"],
    // Asked for
    ["text/csv", "text/csv"],
    ["TEXT/CSV", "text/csv"],
    ["text/*", "text/csv"],
    ["text/csv; charset=utf-8", "text/csv"],
    ["text/csv;header=present", "text/csv"],
    [" text/csv , application/json;q=0.5 ", "text/csv"],
    ["application/x-ndjson,application/json", "application/json"],
    ["application/json;q=0.2, text/csv;q=0.7, */*;q=0.1", "text/csv"],
    // Among equals what is named more closely
    ["text/csv, */*", "text/csv"],
    ["*/*, application/x-ndjson", "application/x-ndjson"],
    // The closest range decides, not the best
    ["*/*, application/json;q=0.1", "text/csv"],
    ["text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5", "application/json"],
    ["text/csv;profile=a;q=1, text/csv;q=0.1, application/json;q=0.5", "application/json"],
    // Refused
    ["application/json;q=0, */*", "text/csv"],
    ["application/json;q=0", undefined],
    ["image/png", undefined],
    ["image/*, text/html", undefined],
    ["*/*;q=0", undefined],
    ["text/csv;q=0.000, text/*;q=0", undefined],
    // Written badly
    ["garbage", "application/json"],
    [",,;q=1,", "application/json"],
    ["garbage, text/csv", "text/csv"],
    ["text/csv;q=high, application/json;q=0.1", "application/json"],
    ["text/csv;q=7", "text/csv"],
    ["text/csv;q=", "application/json"],
    ['text/html;title="a, text/csv", application/json', "application/json"],
    ['text/html;title="a\\", text/csv', undefined],
  ])("of Accept: %s is %s", (accept, chosen) => {
    expect(chooseMediaType(accept, JSON_CSV)).toBe(chosen);
    // The second time it comes from the cache.
    expect(chooseMediaType(accept, JSON_CSV)).toBe(chosen);
  });

  it("has nothing to choose where nothing is offered", () => {
    expect(chooseMediaType("*/*", [])).toBeUndefined();
    expect(chooseMediaType("text/csv", [])).toBeUndefined();
  });

  it("is one of those offered, or none, whatever comes", () => {
    const part = fc.constantFrom(
      ...'*/,;q=0.5 "\\'.split(""),
      "text",
      "csv",
      "application/json",
      "*/*",
    );
    const header = fc.array(part, { maxLength: 30 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(header, fc.string()), (accept) => {
        expect([...JSON_CSV, undefined]).toContain(chooseMediaType(accept, JSON_CSV));
      }),
      { numRuns: 500 },
    );
  });

  it("takes no longer than a hostile header is long, and remembers none of it", () => {
    const hostile = [
      "text/csv;q=0.1,".repeat(5000),
      `text/csv${";a=b".repeat(20_000)}`,
      `text/csv;a="${'\\"'.repeat(40_000)}`,
      `${'"'.repeat(80_000)}`,
      " ".repeat(80_000),
      "a/".repeat(40_000),
    ];
    const started = performance.now();
    for (let round = 0; round < 20; round++) {
      for (const accept of hostile) chooseMediaType(accept, JSON_CSV);
    }
    expect((performance.now() - started) / 120).toBeLessThan(20);
  });

  it("stays right after many different headers", () => {
    for (let i = 0; i < 1000; i++) chooseMediaType(`text/x-${i}`, JSON_CSV);
    expect(chooseMediaType("text/csv, */*;q=0.1", JSON_CSV)).toBe("text/csv");
  });
});
