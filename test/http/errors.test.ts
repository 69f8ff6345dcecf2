import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ERROR_CATALOGUE } from "../../sdk/core/errors.js";

const page = await readFile(new URL("../../sdk/http/errors.md", import.meta.url), "utf8");

const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

test("the page lists every code of the catalogue once, with its status, and no other", () => {
  const onPage = rows.map(([code, status]) => `${code} ${status}`);
  const inCatalogue = Object.entries(ERROR_CATALOGUE).map(
    ([code, { status }]) => `\`${code}\` ${status}`,
  );
  expect(onPage.toSorted()).toEqual(inCatalogue.toSorted());
});

test("every row says when and what to do, in sentences", () => {
  for (const [code, , when, what, ...rest] of rows) {
    expect([code, when?.endsWith("."), what?.endsWith("."), rest]).toEqual([code, true, true, []]);
  }
});
