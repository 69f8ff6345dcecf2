import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { image } from "../../sdk/inputs/image.js";
import type { RequestBody } from "../../sdk/inputs/input.js";
import { onnx } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";

const fixtures = new URL("../fixtures/", import.meta.url);
const folder = new URL("images/", fixtures);

interface Case {
  file: string;
  check: "logits" | "logits-loose" | "class" | "error";
  predicted: number;
  logits: number[];
  predicted_if_exif_ignored?: number;
}

const expected = JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")) as {
  images: Case[];
  tolerance: Record<"logits" | "logits-loose", { abs: number; rel: number }>;
};
const cases = expected.images;

// As the model was trained on: gray, 28 by 28, levels from 0 to 1.
const digit = image({
  size: { width: 28, height: 28 },
  channels: 1,
  layout: "CHW",
  scale: 1 / 255,
});

function bodyOf(file: string): RequestBody {
  return { bytes: readFileSync(new URL(file, folder)), mediaType: "", parameters: {} };
}

function classOf(logits: ArrayLike<number>): number {
  return Array.from(logits).indexOf(Math.max(...Array.from(logits)));
}

function expectLogits(found: ArrayLike<number>, { check, logits, predicted }: Case): void {
  expect(classOf(found)).toBe(predicted);
  if (check !== "logits" && check !== "logits-loose") return;
  const { abs, rel } = expected.tolerance[check];
  Array.from(found).forEach((value, i) => {
    const off = Math.abs(value - logits[i]!);
    expect(off).toBeLessThanOrEqual(abs + rel * Math.abs(logits[i]!));
  });
}

describe("an image, read as the model was trained", () => {
  let model: OnnxModel;
  beforeAll(async () => {
    const file = fileURLToPath(new URL("torch-digits-cnn/model.onnx", fixtures));
    model = await onnx(file).load({ name: "digits" });
  });
  afterAll(() => model.release());

  it.each(cases.filter(({ check }) => check !== "error"))(
    "predicts $predicted from $file, $check",
    async (one) => {
      const argument = digit.toArgument(await digit.parse(bodyOf(one.file)));
      expect(argument.dims).toEqual([1, 28, 28]);
      const logits = await model.predict(digit.merge([await digit.parse(bodyOf(one.file))]));
      expectLogits(logits, one);
    },
  );

  it("predicts the same of all images in one batch", async () => {
    const readable = cases.filter(({ check }) => check !== "error");
    const payloads = await Promise.all(readable.map(({ file }) => digit.parse(bodyOf(file))));
    const stack = digit.merge(payloads);
    expect(stack.dims).toEqual([readable.length, 1, 28, 28]);
    const logits = await model.predict(stack);
    readable.forEach((one, i) => expectLogits(logits.row(i), one));
  });

  it.each(cases.filter(({ check }) => check === "error"))("refuses $file", async ({ file }) => {
    const bytes = bodyOf(file).bytes.length;
    await expect(digit.parse(bodyOf(file))).rejects.toMatchObject({
      code: "BODY_MALFORMED",
      message: expect.stringContaining(`begins as PNG, but its ${bytes} bytes cannot be decoded`),
    });
  });

  it("leaves a photo as it is stored when it is told to", async () => {
    const turned = cases.find((one) => one.predicted_if_exif_ignored !== undefined)!;
    const stored = image({
      size: { width: 28, height: 28 },
      channels: 1,
      layout: "CHW",
      scale: 1 / 255,
      orient: false,
    });
    const logits = await model.predict(stored.merge([await stored.parse(bodyOf(turned.file))]));
    expect(classOf(logits)).toBe(turned.predicted_if_exif_ignored);
  });
});
