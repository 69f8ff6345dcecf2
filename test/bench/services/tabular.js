import { dataframe, defineService, onnx, z } from "ekiben";
import { FEATURES } from "../features.js";

const Row = z.object(Object.fromEntries(FEATURES.map((name) => [name, z.number()])));

/** Rows of 30 numbers and a model that costs next to nothing, so that all else shows. */
export default defineService({ name: "bench-tabular" })
  .models({ linear: onnx("models/linear.onnx") })
  .api("predict", {
    route: "predict",
    input: dataframe(Row),
    output: z.object({ score: z.number() }),
    batch: { maxBatchSize: 1000, maxLatencyMs: 10_000 },
    async handler(df, { models }) {
      return { score: await models.linear.predict(df) };
    },
  });
