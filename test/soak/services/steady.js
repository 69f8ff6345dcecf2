import { defineService, json, z } from "ekiben";

/** Answers what can be checked, in batches. */
export default defineService({ name: "steady" }).api("double", {
  route: "v1/double",
  input: json(z.object({ value: z.number() })),
  output: z.object({ doubled: z.number() }),
  batch: { maxBatchSize: 32 },
  example: { value: 1 },
  handler: (items) => items.map(({ value }) => ({ doubled: 2 * value })),
});
