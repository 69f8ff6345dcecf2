import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { dataframe, defineService, lightgbm, z } from "../../sdk/index.js";
import { danfojsWasUsed } from "../../sdk/frame/lazy-data-frame.js";
import { FIXTURES } from "./fixture.js";

const folder = join(FIXTURES, "lgb-churn-categorical");

const Customer = z.object({
  plan: z.string().nullable(),
  payment_method: z.string().nullable(),
  country: z.string().nullable(),
  auto_renew: z.string().nullable(),
  age: z.number().nullable(),
  tenure_months: z.number().nullable(),
  monthly_charges: z.number().nullable(),
  total_charges: z.number().nullable(),
  usage_hours: z.number().nullable(),
  support_tickets: z.number().nullable(),
  satisfaction: z.number().nullable(),
});

it("a service answers tables with a LightGBM model, batched, without danfojs", async () => {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), "utf8"));
  const records = read("inputs.json") as z.infer<typeof Customer>[];
  const { outputs } = read("expected.json") as { outputs: { prediction: number[] } };
  const service = defineService({ name: "churn" })
    .models({ trees: lightgbm(join(folder, "model.txt")) })
    .api("predict", {
      input: dataframe(Customer),
      output: z.number(),
      batch: { maxBatchSize: 500 },
      handler: async (df, { models }) => Array.from(await models.trees.predict(df)),
    });
  const answers = await Promise.all([
    service.call.predict(records),
    ...records.slice(0, 5).map((record) => service.call.predict([record])),
  ]);
  answers.flat().forEach((answer, i) => {
    const wanted = outputs.prediction[i < records.length ? i : i - records.length]!;
    expect(Math.abs(answer - wanted)).toBeLessThanOrEqual(4 * Number.EPSILON * wanted);
  });
  expect(answers.flat().length).toBe(records.length + 5);
  expect(danfojsWasUsed()).toBe(false);
});
