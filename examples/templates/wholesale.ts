import { dataframe, z } from "ekiben";
import { base, Flower } from "./base.js";

/** Many flowers a request: it overrides a part of the state and an API, and adds one of its own. */
export default base
  .named("wholesale")
  .setup(() => ({ threshold: 0.9 }))
  .api("status", {
    route: "v1/status",
    output: z.object({ service: z.string(), threshold: z.number(), answered: z.number() }),
    handler: (_, { state }) => ({
      service: "wholesale",
      threshold: state.threshold,
      answered: state.answered.count,
    }),
  })
  .api("classify", {
    route: "v1/classify",
    input: dataframe(Flower),
    output: z.object({ species: z.string() }),
    batch: { maxBatchSize: 256, maxLatencyMs: 200 },
    example: [{ sepal_length: 6.7, sepal_width: 3.0, petal_length: 5.2, petal_width: 2.3 }],
    async handler(flowers, { models }) {
      const { label } = await models.classifier.run<{ label: string }>(flowers);
      return { species: Array.from(label) };
    },
  });
