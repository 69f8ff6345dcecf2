import { readFileSync } from "node:fs";
import * as ekiben from "ekiben";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { frameOf } from "../../sdk/frame/lazy-data-frame.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { ORIENTS } from "../../sdk/tables/orients.js";
import { toBody } from "./table-formats.js";
import { parseNow } from "./tables.js";

const page = readFileSync(new URL("../../sdk/inputs/dataframe.md", import.meta.url), "utf8");

function blocksOf(language: string): string[] {
  return Array.from(
    page.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs")),
    (match) => match[1]!,
  );
}

/** Runs code of the page and gives back what it names. */
function run(code: string, name: string, known: object = {}): unknown {
  const body = code.replace(/import (\{.*\}) from "ekiben";/, "const $1 = ekiben;");
  // oxlint-disable-next-line no-implied-eval, no-new-func
  return new Function("ekiben", ...Object.keys(known), `${body}\nreturn ${name};`)(
    ekiben,
    ...Object.values(known),
  );
}

const Customer = run(blocksOf("ts")[0]!, "Customer") as z.ZodObject;

describe("the page about tables", () => {
  test("shows a service that answers in all orients", async () => {
    const { app } = run(blocksOf("ts")[0]!, "billing") as ekiben.Service;
    const headers = { "content-type": "application/json" };
    for (const body of blocksOf("json")[0]!.trim().split("\n")) {
      const answer = await app.request("/yearly", { method: "POST", headers, body });
      expect(answer.status).toBe(200);
      const [charge] = (await answer.json()) as number[];
      // danfojs keeps floats of 32 bits.
      expect(charge).toBeCloseTo(844.2, 3);
    }
  });

  test("shows one table in each orient", () => {
    const lines = blocksOf("json")[0]!.trim().split("\n");
    const input = dataframe(Customer);
    const tables = lines.map((line) =>
      frameOf(input.toArgument(parseNow(input, toBody(line))))!.toRecords(),
    );
    expect(lines).toHaveLength(ORIENTS.length + 1);
    for (const table of tables) expect(table).toEqual(tables[0]);
    for (const orient of ORIENTS) expect(page).toContain(`\`${orient}\``);
  });

  test("shows CSV that is read as it says", () => {
    const input = dataframe(Customer);
    const payload = parseNow(input, toBody(blocksOf("csv")[0]!, "text/csv"));
    expect(frameOf(input.toArgument(payload))!.toRecords()).toEqual([
      {
        customer_id: "007",
        plan: "basic",
        monthly_charges: 70.35,
        age: null,
        since: new Date("2018-05-07"),
      },
      { customer_id: '0"8', plan: "pro", monthly_charges: 100, age: 44 },
    ]);
  });

  test("names every media type, and options that there are", () => {
    for (const mediaType of dataframe(Customer).mediaTypes)
      expect(page).toContain(`\`${mediaType}\``);
    const shown = blocksOf("ts")[1]!.replace(/;\s*$/, "");
    expect(() => run("", shown, { dataframe, Customer })).not.toThrow();
  });
});
