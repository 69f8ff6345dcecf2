import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { transformSync } from "esbuild";
import { describe, expect, test } from "vitest";
import type { Service } from "../../sdk/service/infer.js";

const require = createRequire(import.meta.url);
const page = readFileSync(new URL("../../sdk/inputs/inputs.md", import.meta.url), "utf8");

const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section) => ({
    title: section.split("\n")[0]!,
    code: /^```ts\n([\s\S]*?)^```/m.exec(section)![1]!,
    sent: Array.from(section.matchAll(/^\| `(.*)` \| (\S+\/.*?) \| (\d+) \| (.*) \|$/gm), (match) =>
      match.slice(1),
    ),
    asked: Array.from(section.matchAll(/^\| `(\/.*)` \| (\d+) \| (.*) \|$/gm), (match) =>
      match.slice(1),
    ),
  }));

/** Runs a block as a module of CommonJS, as a kernel does. */
function run(code: string): Service {
  const module = { exports: {} as { default?: Service } };
  const compiled = transformSync(code, { loader: "ts", format: "cjs" }).code;
  new Function("require", "module", "exports", compiled)(require, module, module.exports);
  return module.exports.default!;
}

async function check(response: Response, status: string, expected: string): Promise<void> {
  const answer = (await response.json()) as { code?: string };
  expect(response.status).toBe(Number(status));
  const exact = /^`(.*)`$/.exec(expected)?.[1];
  if (exact === undefined) expect(answer.code).toBe(expected);
  else expect(answer).toEqual(JSON.parse(exact));
}

test("the page has blocks and requests to run", () => {
  expect(sections.map(({ sent, asked }) => [sent.length, asked.length])).toEqual([
    [5, 0],
    [5, 0],
    [2, 0],
    [3, 0],
    [0, 3],
  ]);
});

describe.each(sections)("$title", ({ code, sent, asked }) => {
  const service = run(code);
  const [api] = Object.values(service.definition.apis);

  for (const [body, type, status, expected] of sent) {
    test(`${body} as ${type} is answered with ${status}`, async () => {
      const response = await service.app.request(`/${api!.route}`, {
        method: "POST",
        headers: { "content-type": type! },
        body: body!,
      });
      await check(response, status!, expected!);
    });
  }

  for (const [path, status, expected] of asked) {
    test(`${path} is answered with ${status}`, async () => {
      await check(await service.app.request(path!), status!, expected!);
    });
  }
});
