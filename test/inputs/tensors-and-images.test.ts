import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as ekiben from "ekiben";
import { describe, expect, it } from "vitest";
import { tensor } from "../../sdk/inputs/tensor.js";
import { IMAGE_FORMATS } from "../../sdk/inputs/image-format.js";
import { TENSOR_TYPES } from "../../sdk/tensor/tensor.js";

const page = readFileSync(
  new URL("../../sdk/inputs/tensors-and-images.md", import.meta.url),
  "utf8",
);
const fixtures = new URL("../fixtures/", import.meta.url);

function blockOf(language: string): string {
  return new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)![1]!;
}

/** The service of the page, with the model of the fixtures. */
function defineShown(): ekiben.Service {
  const model = fileURLToPath(new URL("torch-digits-cnn/model.onnx", fixtures));
  const code = blockOf("ts")
    .replace(/import (\{.*\}) from "ekiben";/, "const $1 = ekiben;")
    .replace('"models/digits.onnx"', JSON.stringify(model));
  // oxlint-disable-next-line no-implied-eval, no-new-func
  return new Function("ekiben", `${code}\nreturn digits;`)(ekiben) as ekiben.Service;
}

describe("the page about tensors and images", () => {
  it("shows a service that answers", async () => {
    const { app } = defineShown();
    const post = async (path: string, body: Uint8Array): Promise<unknown> => {
      const headers = { "content-type": "application/octet-stream" };
      const answer = await app.request(path, { method: "POST", headers, body: body as never });
      expect(answer.status).toBe(200);
      return await answer.json();
    };
    const file = readFileSync(new URL("images/digit_04_4.png", fixtures));
    expect(await post("/predict", file)).toBe(4);
    expect(await post("/logits", new Uint8Array(28 * 28 * 4))).toHaveLength(10);
  });

  it("shows three ways to write one tensor", () => {
    const input = tensor({ shape: [1, 2, 2], dtype: "float32" });
    const lines = blockOf("json").trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) {
      const body = { bytes: Buffer.from(line), mediaType: "application/json", parameters: {} };
      const payload = input.parse(body);
      if (payload instanceof Promise) throw new Error("a tensor is read at once");
      expect(input.toArgument(payload)).toEqual(Float32Array.of(0, 0.5, 1, 0));
    }
  });

  it("names every kind of image and the ends of every range of types", () => {
    for (const format of IMAGE_FORMATS) expect(page).toContain(`\`${format}\``);
    for (const type of TENSOR_TYPES) {
      const between = /^u?int(16|32)$/.test(type);
      if (!between) expect(page).toContain(`\`${type}\``);
    }
  });
});
