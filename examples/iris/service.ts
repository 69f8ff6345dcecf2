import { defineService, json, onnx, z } from "ekiben";

const Flower = z.object({
  sepal_length: z.number().positive(),
  sepal_width: z.number().positive(),
  petal_length: z.number().positive(),
  petal_width: z.number().positive(),
});

/** One flower a request; the flowers of many requests go through the model together. */
export default defineService({ name: "iris", description: "Which iris is it?" })
  .models({ classifier: onnx("models/iris.onnx") })
  .api("classify", {
    route: "v1/iris/classify",
    summary: "Classify a flower by its measures in centimetres",
    input: json(Flower),
    output: z.object({ species: z.string(), probability: z.number().min(0).max(1) }),
    batch: { maxBatchSize: 64, maxLatencyMs: 100 },
    example: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 },
    async handler(flowers, { models }) {
      const rows = flowers.map((f) => [
        f.sepal_length,
        f.sepal_width,
        f.petal_length,
        f.petal_width,
      ]);
      const { label, probabilities } = await models.classifier.run<{
        label: string;
        probabilities: number;
      }>(rows);
      return Array.from(label, (species, i) => ({
        species,
        probability: Math.max(...Array.from(probabilities.row(i))),
      }));
    },
  });
