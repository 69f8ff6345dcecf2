import { dataframe, defineService, json, onnx, z } from "ekiben";

const Customer = z.object({
  plan: z.enum(["basic", "standard", "premium", "enterprise"]),
  payment_method: z.string().nullable(),
  country: z.string(),
  auto_renew: z.enum(["Yes", "No"]),
  age: z.number().nullable(),
  tenure_months: z.number(),
  monthly_charges: z.number(),
  total_charges: z.number().nullable(),
  usage_hours: z.number().nullable(),
  support_tickets: z.number(),
  satisfaction: z.number().nullable(),
});

// All limits are the defaults: these tests tell what they are worth.
export default defineService({ name: "churn" })
  .models({ net: onnx("../fixtures/skl-churn-columntransformer/model.onnx") })
  .api("predict", {
    route: "v1/predict",
    input: dataframe(Customer),
    output: z.object({ churn: z.number().min(0).max(1) }),
    batch: {},
    example: [
      {
        plan: "basic",
        payment_method: "PayPal",
        country: "DE",
        auto_renew: "No",
        age: 40,
        tenure_months: 3,
        monthly_charges: 70.35,
        total_charges: null,
        usage_hours: 3.1,
        support_tickets: 4,
        satisfaction: 2,
      },
    ],
    async handler(customers, { models }) {
      const { probabilities } = await models.net.run(customers);
      return { churn: probabilities!.column(1) };
    },
  })
  .api("repeat", {
    route: "v1/repeat",
    input: json(
      z.object({
        text: z.string(),
        times: z.number().int().nonnegative().default(1),
        waitMs: z.number().nonnegative().default(0),
      }),
    ),
    output: z.string(),
    async handler({ text, times, waitMs }) {
      if (text === "fail") throw new Error("asked to fail");
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      return text.repeat(times);
    },
  });
