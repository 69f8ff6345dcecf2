import { defineService, json, z } from "ekiben";

const options = {
  input: json(z.object({ x: z.number() })),
  output: z.object({ y: z.number() }),
  async handler(items) {
    await new Promise((resolve) => setTimeout(resolve, 10 + items.length));
    return items.map(({ x }) => ({ y: 2 * x }));
  },
};

/**
 * A model that takes 10 ms a call and 1 ms an item, made of a timer: the server itself stays free.
 * `patient` never gives up a request, so that its capacity can be measured with a long queue.
 */
export default defineService({ name: "bench-busy" })
  .api("limited", {
    ...options,
    route: "limited",
    batch: { maxBatchSize: 100, maxLatencyMs: 200 },
  })
  .api("patient", {
    ...options,
    route: "patient",
    batch: { maxBatchSize: 100, maxLatencyMs: 30_000 },
  });
