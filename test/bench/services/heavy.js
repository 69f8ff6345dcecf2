import { defineService, json, onnx, z } from "ekiben";

const toApi = (name) => ({
  route: name,
  input: json(z.array(z.number()).length(256)),
  output: z.array(z.number()),
  batch: { maxBatchSize: 64, maxLatencyMs: 10_000 },
  async handler(batch, { models }) {
    const y = await models[name].predict(batch);
    return Array.from(batch, (_, i) => Array.from(y.row(i)));
  },
});

/** One heavy model, on the loop and in a worker thread. */
export default defineService({ name: "bench-heavy" })
  .models({
    loop: onnx("models/heavy.onnx", { execution: "loop" }),
    worker: onnx("models/heavy.onnx", { execution: "worker" }),
  })
  .api("loop", toApi("loop"))
  .api("worker", toApi("worker"));
