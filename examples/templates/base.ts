import { apiKey, cors, defineService, onnx, reject, z } from "ekiben";

/** What every service of this house has; the others continue from it. */
export const base = defineService({ name: "base" })
  // First, so that pages of the shop can also read why they were refused.
  .use(cors({ origins: ["https://shop.example"] }))
  // The keys are in a variable of the machine that serves: SHOP_KEYS=key-one,key-two
  .use(apiKey({ env: "SHOP_KEYS" }))
  .models({ classifier: onnx("../iris/models/iris.onnx") })
  .setup(() => ({ threshold: 0.5, answered: { count: 0 } }))
  .before((_, { api, items, log }) => {
    log.debug("handling", { api, requests: items.length });
  })
  .after((_, { state, items }) => {
    state.answered.count += items.length;
  })
  // The clients of this house know errors by number, and read the body of every answer.
  .onError((error, { id }) => {
    const { code } = error as { code?: string };
    return reject(code === "UNAUTHENTICATED" ? 401 : code === "INPUT_INVALID" ? 422 : 500, {
      errorCode: code === "INPUT_INVALID" ? 18 : code === "UNAUTHENTICATED" ? 16 : 1,
      requestId: id,
    });
  })
  .api("status", {
    route: "v1/status",
    summary: "How sure the service has to be",
    output: z.object({ service: z.string(), threshold: z.number() }),
    handler: (_, { state }) => ({ service: "base", threshold: state.threshold }),
  });

export const Flower = z.object({
  sepal_length: z.number().positive(),
  sepal_width: z.number().positive(),
  petal_length: z.number().positive(),
  petal_width: z.number().positive(),
});
