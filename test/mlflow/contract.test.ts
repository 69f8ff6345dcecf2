import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { mlflow, type MlflowModel } from "../../sdk/mlflow/mlflow.js";
import { describeModelContract } from "../contracts/model.js";
import { FIXTURES } from "./server.js";

const folder = mkdtempSync(join(tmpdir(), "ekiben-mlflow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
const options = { cache: join(folder, "cache") };

for (const name of ["iris-onnx-v1", "iris-xgb-v3", "iris-lgb-v1"]) {
  describeModelContract<MlflowModel>({
    kind: "mlflow",
    define: (model = {}) =>
      mlflow(join(FIXTURES, "mlflow-2.22", name), { ...options, model } as never),
    defineMissing() {
      const file = join(folder, "gone");
      return { definition: mlflow(file, options), file };
    },
    defineInvalid() {
      const file = join(folder, `broken-${name}`);
      mkdirSync(file, { recursive: true });
      cpSync(join(FIXTURES, "mlflow-2.22", name), file, { recursive: true });
      for (const model of ["model.onnx", "model.ubj", "model.lgb"]) {
        writeFileSync(join(file, model), "this is no model");
      }
      return { definition: mlflow(file, options), file };
    },
    async use(model) {
      const answer = await model.predict([[5.1, 3.5, 1.4, 0.2]]);
      return [answer.dims, Array.from(answer)];
    },
  });
}
