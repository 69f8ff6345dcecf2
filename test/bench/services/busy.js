import { defineService, json, z } from "ekiben";

/** A model that takes 10 ms a call and 1 ms an item, made of a timer: the server itself stays free. */
export default defineService({ name: "bench-busy" }).api("predict", {
  route: "predict",
  input: json(z.object({ x: z.number() })),
  output: z.object({ y: z.number() }),
  batch: { maxBatchSize: 100, maxLatencyMs: 200 },
  async handler(items) {
    await new Promise((resolve) => setTimeout(resolve, 10 + items.length));
    return items.map(({ x }) => ({ y: 2 * x }));
  },
});
