import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { expect, test } from "vitest";

const PAGE = "sdk/server/faults.md";
const ROW = /^\| (?<fault>[^|]+) \| (?<effect>[^|]+) \| \[(?<title>[^\]]+)\]\((?<file>[^)]+)\) \|$/;

test("each fault of the page has the test that it names", () => {
  const lines = readFileSync(PAGE, "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| ") && !/^\| (fault|---) /.test(line));
  expect(rows.length).toBeGreaterThan(20);
  const wrong = rows.filter((row) => {
    const found = ROW.exec(row)?.groups;
    if (found === undefined) return true;
    return !readFileSync(resolve(dirname(PAGE), found["file"]!), "utf8").includes(found["title"]!);
  });
  expect(wrong).toEqual([]);
});
