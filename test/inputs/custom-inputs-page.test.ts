import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import type { Service } from "../../sdk/service/infer.js";

const require = createRequire(import.meta.url);
const page = readFileSync(new URL("../../sdk/inputs/custom-inputs.md", import.meta.url), "utf8");

interface Section {
  title: string;
  code: string;
  rows: string[][];
}

const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section): Section => {
    const code = /^```ts\n([\s\S]*?)^```/m.exec(section)?.[1] ?? "";
    const rows = Array.from(section.matchAll(/^\| `(.*)` \| (\d+) \| (.*) \|$/gm), (match) =>
      match.slice(1),
    );
    return { title: section.split("\n")[0]!, code, rows };
  })
  .filter(({ code }) => code !== "");

/** Runs a block as a module of CommonJS, as a kernel does. */
function run(code: string): Service {
  const module = { exports: {} as { default?: Service } };
  const compiled = transformSync(code, { loader: "ts", format: "cjs" }).code;
  new Function("require", "module", "exports", compiled)(require, module, module.exports);
  return module.exports.default!;
}

test("the page has blocks and requests to run", () => {
  expect(sections.map(({ rows }) => rows.length)).toEqual([3, 4, 4, 1]);
});

describe.each(sections)("$title", ({ code, rows }) => {
  const service = run(code);
  const [api] = Object.values(service.definition.apis);

  test.each(rows)("%s is answered with %s %s", async (sent, status, expected) => {
    const response = await service.app.request(`/${api!.route}`, {
      method: "POST",
      headers: { "content-type": api!.input.mediaTypes[0]! },
      body: sent!,
    });
    const answer = (await response.json()) as { code?: string };
    expect(response.status).toBe(Number(status));
    const exact = /^`(.*)`$/.exec(expected!)?.[1];
    if (exact === undefined) expect(answer.code).toBe(expected);
    else expect(answer).toEqual(JSON.parse(exact));
  });
});
