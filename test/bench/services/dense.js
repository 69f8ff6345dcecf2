import { defineService, json, onnx, z } from "ekiben";

const options = {
  input: json(z.array(z.number()).length(256)),
  output: z.array(z.number()),
  async handler(batch, { models }) {
    const y = await models.net.predict(batch);
    return Array.from(batch, (_, i) => Array.from(y.row(i)));
  },
};

/** One model that gains from batches, with and without them. */
export default defineService({ name: "bench-dense" })
  .models({ net: onnx("models/dense.onnx") })
  .api("batched", {
    ...options,
    route: "batched",
    batch: { maxBatchSize: 64, maxLatencyMs: 10_000 },
  })
  .api("single", {
    ...options,
    route: "single",
    handler: async (item, context) => (await options.handler([item], context))[0],
  });
