// Compiled, never run: each line marked @ts-expect-error must be an error, every other must not.
import { dataframe, defineService, json, onnx, z } from "ekiben";

const Customer = z.object({
  tenure_months: z.number().nullable(),
  plan: z.enum(["basic", "standard", "premium"]),
  monthly_charges: z.number(),
});
const Score = z.object({ churn: z.number().min(0).max(1) });

const base = defineService({ name: "base" })
  .models({ net: onnx("models/churn.onnx") })
  .setup(async () => ({ threshold: 0.5 }));

const churn = base.named("churn").api("predict", {
  route: "v1/churn/predict",
  input: dataframe(Customer),
  output: Score,
  batch: { maxBatchSize: 500, maxLatencyMs: 200 },
  example: [{ tenure_months: 3, plan: "basic", monthly_charges: 70.35 }],
  async handler(df, { models, state, items, reject }) {
    const shape: number[] = df.shape;
    const threshold: number = state.threshold;
    const out = await models.net.run<{ probability: number }>(df);
    const id: string = items[0]!.id;
    reject(0, 422, { id, shape });
    return Array.from({ length: shape[0]! }, (_, i) => ({
      churn: out.probability[i]! > threshold ? 1 : 0,
    }));
  },
});

export async function callsAreTyped(): Promise<void> {
  const answers: { churn: number }[] = await churn.call.predict([
    { tenure_months: null, plan: "basic", monthly_charges: 70.35 },
  ]);
  const first: number = answers[0]!.churn;
  // @ts-expect-error the plan is not one of the plans
  await churn.call.predict([{ tenure_months: 1, plan: "gold", monthly_charges: first }]);
  // @ts-expect-error a table is an array of rows
  await churn.call.predict({ tenure_months: 1, plan: "basic", monthly_charges: 1 });
  // @ts-expect-error a column is missing
  await churn.call.predict([{ tenure_months: 1, plan: "basic" }]);
  // @ts-expect-error there is no such API
  await churn.call.score([]);
  // @ts-expect-error an answer has no such output
  const wrong = answers[0]!.probability;
  void wrong;
}

// One item a request: the handler gets the item and returns its output.
const single = defineService({ name: "single" }).api("area", {
  input: json(z.object({ width: z.number(), height: z.number().default(1) })),
  output: z.number(),
  handler: (shape) => {
    const height: number = shape.height;
    return shape.width * height;
  },
});

export async function oneItemIsOneAnswer(): Promise<number> {
  await single.call.area({ width: 2 });
  // @ts-expect-error one item is not a list
  await single.call.area([{ width: 2 }]);
  const area: number = await single.call.area({ width: 2, height: 3 });
  return area;
}

// With `batch` the same input hands over the items of several requests.
export const batched = defineService({ name: "batched" }).api("area", {
  input: json(z.object({ width: z.number() })),
  output: z.number(),
  batch: {},
  handler: (shapes) => shapes.map((shape) => shape.width * 2),
});

// Columns and typed arrays are outputs too.
export const columns = defineService({ name: "columns" })
  .api("scores", {
    input: dataframe(Customer),
    output: Score,
    handler: (df) => ({ churn: new Float32Array(df.shape[0]!) }),
  })
  .api("numbers", {
    input: dataframe(Customer),
    output: z.number(),
    handler: (df) => new Float64Array(df.shape[0]!),
  });

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  output: z.number(),
  batch: {},
  // @ts-expect-error a batch is answered by one output an item, not by one number
  handler: (shapes) => shapes.length,
});

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  output: z.object({ area: z.number() }),
  // @ts-expect-error the output has another type
  handler: (shape) => ({ area: String(shape.width) }),
});

defineService({ name: "wrong" }).api("predict", {
  input: json(z.object({ width: z.number() })),
  handler(shape, { models }) {
    // @ts-expect-error the item has no such key
    void shape.height;
    // @ts-expect-error the service has no such model
    void models.trees;
    return null;
  },
});

// @ts-expect-error an input is made by an input function
defineService({ name: "wrong" }).api("predict", { input: Customer, handler: () => [] });

// @ts-expect-error a service needs a name
defineService({});

// @ts-expect-error a model is made by a model function
defineService({ name: "wrong" }).models({ net: "models/churn.onnx" });

defineService({ name: "wrong" }).api("predict", {
  input: dataframe(Customer),
  // @ts-expect-error the example must be what a caller may send
  example: [{ tenure_months: 3, plan: "basic" }],
  handler: () => [],
});

// A template's children replace what they inherit, and keep the rest.
const child = churn.named("child").api("predict", {
  input: json(z.object({ id: z.string() })),
  output: z.string(),
  handler: async (item, { models, state }) => {
    await models.net.run({ x: [1] });
    return item.id + String(state.threshold);
  },
});

export async function childrenReplace(): Promise<string> {
  // @ts-expect-error the API takes JSON now
  await child.call.predict([{ tenure_months: 1, plan: "basic", monthly_charges: 1 }]);
  const answer: string = await child.call.predict({ id: "a" });
  return answer;
}
