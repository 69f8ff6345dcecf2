import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import * as zod from "zod";
import { EkibenError } from "../../sdk/core/errors.js";
import { createKernel } from "./support/kernel.js";
import { load, slice } from "./support/save.js";
import * as pricing from "../fixtures/slicing/input/pricing.js";
import * as service from "./support/service.js";

const folder = fileURLToPath(new URL("../fixtures/slicing", import.meta.url));
const alias = { ekiben: fileURLToPath(new URL("./support/service.ts", import.meta.url)) };

/** The parts of a file of cells: `//# cell`, `//# save <service>`, `//# ask <api> <input>`. */
function readNotebookFile(file: string) {
  const cells: string[] = [];
  const asks: { api: string; input: unknown }[] = [];
  let entry = "service";
  for (const part of readFileSync(file, "utf8").split(/^(?=\/\/# )/m)) {
    const [head = "", ...rest] = part.split("\n");
    const [, verb, argument = "", input = ""] = /^\/\/# (\w+) ?(\S*) ?(.*)$/.exec(head) ?? [];
    if (verb === "cell") cells.push(rest.join("\n").trimEnd());
    if (verb === "save") entry = argument;
    if (verb === "ask") asks.push({ api: argument, input: JSON.parse(input) });
  }
  return { cells, asks, entry };
}

const modules = { ekiben: service, zod, "./pricing.ts": { ...pricing, __esModule: true } };

async function answerOf(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answer: await ask() };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

describe("a notebook and the program sliced from it", () => {
  const files = readdirSync(join(folder, "input")).filter((name) => name.endsWith(".cells.ts"));
  test.each(files)("%s", async (name) => {
    const { cells, asks, entry } = readNotebookFile(join(folder, "input", name));
    const kernel = createKernel(modules);
    for (const cell of cells) await kernel.run(cell);
    const output = join(folder, "output", name.replace(".cells.ts", ".ts"));

    let sliced;
    try {
      sliced = slice(kernel, entry);
    } catch (error) {
      if (!(error instanceof EkibenError)) throw error;
      expect(error.code).toBe("CAPTURE_FAILED");
      expect(error.facts.hint).toBeTruthy();
      await expect(`// refused: ${error.message}\n`).toMatchFileSnapshot(output);
      return;
    }
    const report = sliced.report.map(
      ({ name, kind, cell, line, reason }) => `// [${cell}]:${line} ${kind} ${name}: ${reason}\n`,
    );
    await expect(`${sliced.program.code}\n${report.join("")}`).toMatchFileSnapshot(output);

    const saved = await load(kernel, sliced, { directory: join(folder, "input"), alias });
    const inKernel = kernel.read(entry) as service.Service;
    expect(asks.length).toBeGreaterThan(0);
    for (const { api, input } of asks) {
      const expected = await answerOf(() => inKernel.ask(api, structuredClone(input)));
      const actual = await answerOf(() => (saved as service.Service).ask(api, input));
      expect(actual).toEqual(expected);
    }
  });
});
