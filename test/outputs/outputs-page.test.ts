import { readFileSync } from "node:fs";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jsonOutput } from "../../sdk/outputs/json-output.js";
import { toOutputBatch, toSingleOutput } from "../../sdk/outputs/output-batch.js";
import { tensorOutput } from "../../sdk/outputs/tensor-output.js";
import type { TensorType } from "../../sdk/tensor/tensor.js";

const PAGE = readFileSync(new URL("../../sdk/outputs/outputs.md", import.meta.url), "utf8");

/** The rows of the table on the page that begins with this column under this heading. */
function rowsUnder(heading: string, firstColumn: string): string[][] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const lines = section.split("\n");
  const first = lines.findIndex((line) => line.startsWith(`| ${firstColumn} |`));
  const rows = lines.slice(first + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) =>
      line
        .slice(2, -2)
        .split(" | ")
        .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")),
    );
}

function evaluate(expression: string): unknown {
  return new Function("z", `return (${expression});`)(z) as unknown;
}

function toSchema(expression: string): z.ZodType | undefined {
  return expression === "–" ? undefined : z.object({ x: evaluate(expression) as z.ZodType });
}

describe("the page about outputs", () => {
  const json = rowsUnder("JSON", "Output");
  const csv = rowsUnder("CSV", "Value of a key");
  const arrow = rowsUnder("Arrow", "Schema of the key");
  const columns = rowsUnder("Tensors", "Schema of the key");
  const tensors = rowsUnder("Tensors", "dtype");

  it("has a table for every format", () => {
    for (const rows of [json, csv, arrow, columns, tensors]) {
      expect(rows.length).toBeGreaterThan(5);
    }
  });

  it.each(json)("is right that %s is the JSON %s", (expression, expected) => {
    const format = { mediaType: "application/json", cardinality: "one" as const };
    const slice = toSingleOutput("api", evaluate(expression!), false).slice(0, 1);
    expect(jsonOutput().write(slice, format)).toBe(expected);
  });

  it.each(json)("is right that %s is the line %s", (expression, expected) => {
    const format = { mediaType: "application/x-ndjson", cardinality: "many" as const };
    const slice = toOutputBatch("api", [evaluate(expression!)], 1).slice(0, 1);
    expect(jsonOutput().write(slice, format)).toBe(`${expected}\n`);
  });

  it.each(csv)("is right that %s is the field %s", (expression, expected) => {
    const format = { mediaType: "text/csv", cardinality: "many" as const };
    const slice = toOutputBatch("api", [{ x: evaluate(expression!) }], 1).slice(0, 1);
    const field = expected === "*empty*" ? "" : expected;
    expect(jsonOutput().write(slice, format)).toBe(`x\r\n${field}\r\n`);
  });

  it.each(arrow)("is right that %s %s is Arrow's %s", async (schema, values, type, cells) => {
    const format = {
      mediaType: "application/vnd.apache.arrow.stream",
      cardinality: "many" as const,
    };
    const x = evaluate(values!) as unknown[];
    const slice = toOutputBatch("api", { x }, x.length).slice(0, x.length);
    const bytes = await jsonOutput(toSchema(schema!)).write(slice, format);
    const column = tableFromIPC(bytes as Uint8Array).getChild("x")!;
    expect(String(column.type)).toBe(type);
    expect(Array.from(column as Iterable<unknown>)).toEqual(evaluate(cells!));
  });

  it.each(columns)(
    "is right about the tensor of %s for %s",
    (schema, value, dtype, element, contentType) => {
      const output = jsonOutput(toSchema(schema!));
      expect(output.describeTensors!()).toEqual([{ name: "x", dtype, shape: [null] }]);
      const slice = toOutputBatch("api", [{ x: evaluate(value!) }], 1).slice(0, 1);
      const [tensor] = output.toTensors!(slice);
      expect(tensor).toMatchObject({ name: "x", type: dtype, dims: [1] });
      expect(tensor!.data[0]).toEqual(evaluate(element!));
      expect(tensor!.parameters?.["content_type"] ?? "–").toBe(contentType);
    },
  );

  it.each(tensors)("is right that %s %s is the JSON %s", (dtype, element, expected) => {
    const output = tensorOutput({ shape: [1], dtype: dtype as TensorType });
    const slice = toSingleOutput("api", [evaluate(element!)], false).slice(0, 1);
    const format = { mediaType: "application/json", cardinality: "one" as const };
    expect(output.write(slice, format)).toBe(`[${expected}]`);
  });
});
