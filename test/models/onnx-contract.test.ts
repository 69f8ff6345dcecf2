import { join } from "node:path";
import { onnx } from "../../sdk/models/onnx.js";
import type { OnnxModel } from "../../sdk/models/onnx-model.js";
import { describeModelContract } from "../contracts/model.js";
import { FIXTURES, loadFixture, toInputs } from "./fixture.js";

function useFixture(id: string): (model: OnnxModel) => Promise<unknown> {
  const inputs = toInputs(loadFixture(id), [0, 1, 2]);
  return async (model) => {
    const outputs = Object.entries(await model.run(inputs));
    return outputs.map(([name, output]) => [name, output.dims, Array.from(output)]);
  };
}

for (const id of [
  "torch-churn-tabular",
  "skl-churn-columntransformer",
  "torch-iris-fixed-batch-1",
]) {
  const file = join(FIXTURES, id, "model.onnx");
  describeModelContract<OnnxModel>({
    kind: "onnx",
    define: (options) => onnx(file, options),
    defineMissing: (options) => ({
      definition: onnx(`${file}.gone`, options),
      file: `${file}.gone`,
    }),
    defineInvalid(options) {
      const invalid = join(FIXTURES, "broken/sklearn.pkl");
      return { definition: onnx(invalid, options), file: invalid };
    },
    use: useFixture(id),
  });
}
