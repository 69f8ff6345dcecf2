import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { onnx, type OnnxOptions } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import type { OutputTensor } from "../../sdk/models/output-tensor.js";
import { FIXTURES } from "./fixture.js";

interface Expected {
  inputs: Record<string, unknown[]>;
  outputs: Record<string, unknown[]>;
}

/** A model that the onnx package wrote: `make.py` in their folder. */
export function madeFile(name: string): string {
  return join(FIXTURES, "onnx-made", `${name}.onnx`);
}

/** What it is given there, and what numpy answers. */
export function madeExpectation(name: string): Expected {
  const text = readFileSync(join(FIXTURES, "onnx-made/expected.json"), "utf8");
  return (JSON.parse(text) as Record<string, Expected>)[name]!;
}

export async function loadMade(name: string, options?: OnnxOptions): Promise<OnnxModel> {
  return loadFile(madeFile(name), options);
}

export async function loadFile(file: string, options?: OnnxOptions): Promise<OnnxModel> {
  const model = await onnx(file, options).load({ name: "net" });
  onTestFinished(() => model.release());
  return model;
}

/** Compares an output with nested lists of the same dimensions. */
export function expectClose(
  output: OutputTensor<never> | undefined,
  wanted: unknown[],
  tolerance = 1e-6,
): void {
  const flat = wanted.flat(9);
  expect(output!.dims[0]).toBe(wanted.length);
  expect(output!.length).toBe(flat.length);
  Array.from(output as ArrayLike<unknown>).forEach((value, i) => {
    const other = flat[i];
    if (typeof other !== "number") expect(value).toBe(other);
    else if (!(Math.abs((value as number) - other) <= tolerance * Math.max(1, Math.abs(other)))) {
      expect.fail(`element ${i}: got ${String(value)}, expected ${other}`);
    }
  });
}
