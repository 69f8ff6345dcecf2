import { json, reject, z } from "ekiben";
import { base, Flower } from "./base.js";

/** The service of the florists: it inherits keys, CORS, the model, hooks and error bodies. */
export default base.named("templates").api("classify", {
  route: "v1/:shop/classify",
  params: z.object({ shop: z.enum(["north", "south"]) }),
  query: z.object({ sure: z.boolean().default(false) }),
  input: json(Flower),
  output: z.object({ shop: z.string(), species: z.string() }),
  example: { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 },
  exampleParameters: { params: { shop: "north" }, query: { sure: true } },
  async handler(flower, { models, state, params, query }) {
    const { label, probabilities } = await models.classifier.run<{
      label: string;
      probabilities: number;
    }>([Object.values(flower)]);
    const probability = Math.max(...Array.from(probabilities.row(0)));
    if (query.sure && probability < state.threshold) throw reject(422, { errorCode: 21 });
    return { shop: params.shop, species: label[0]! };
  },
});
