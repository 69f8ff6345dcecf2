import { setImmediate } from "node:timers/promises";
import { dataframe, defineService, frameOf, onnx, tfjs, xgboost, z } from "ekiben";
import type { Frame, OnnxModel, TensorArray, TfjsModel, XGBoostModel } from "ekiben";
import { Customer, knownTexts, toFeatures, toRow } from "./features.js";

/** How many rows of a large table go through the models at once. */
const PIECE = 500;

interface Models {
  trees: XGBoostModel;
  torch: OnnxModel;
  net: TfjsModel;
}

/** The mean of the three models, and what each of them says. */
type Scores = Record<"churn" | keyof Models, Float64Array>;

async function score(customers: Frame, models: Models): Promise<Scores> {
  const features = (customers.toRecords() as Customer[]).map(toFeatures);
  const [logits, probabilities] = await Promise.all([
    models.torch.predict({
      x_cat: features.map(({ codes }) => codes),
      x_cont: features.map(({ values }) => values),
    }),
    models.net.predict(features.map(toRow)),
  ]);
  const torch = toProbabilities(logits);
  const net = Float64Array.from(probabilities);
  // XGBoost finds its columns by their names, and takes missing cells and texts as they are.
  const trees = Float64Array.from(await models.trees.predict(customers));
  const churn = trees.map((p, i) => (p + torch[i]! + net[i]!) / 3);
  return { churn, trees, torch, net };
}

/** The second of two classes, by the softmax of their logits `[N, 2]`. */
function toProbabilities(logits: TensorArray): Float64Array {
  const [stays, leaves] = [logits.column(0), logits.column(1)];
  return Float64Array.from(leaves, (logit, i) => 1 / (1 + Math.exp(stays[i]! - logit)));
}

const probability = z.number().min(0).max(1);

const example: z.infer<typeof Customer> = {
  plan: "basic",
  payment_method: "Credit card",
  country: "DE",
  auto_renew: "No",
  age: 40,
  tenure_months: 3,
  monthly_charges: 17.74,
  total_charges: 53.2,
  usage_hours: 3.1,
  support_tickets: 4,
  satisfaction: null,
};

/** Models of three frameworks behind one address, each with the same customers. */
export default defineService({ name: "ensemble-churn", description: "Who is about to leave?" })
  .models({
    trees: xgboost("../../notebooks/models/churn.ubj", { categories: knownTexts }),
    torch: onnx("models/tabular.onnx"),
    net: tfjs("models/net"),
  })
  .api("predict", {
    route: "v1/churn/predict",
    summary: "Score customers, together with those of other requests",
    input: dataframe(Customer),
    output: z.object({
      churn: probability,
      trees: probability,
      torch: probability,
      net: probability,
    }),
    batch: { maxBatchSize: 500, maxLatencyMs: 200 },
    example: [example],
    handler: (customers, { models }) => score(frameOf(customers)!, models),
  })
  // A whole table at once, without `batch`: a rank means something only within the table of one request.
  .api("rank", {
    route: "v1/churn/rank",
    summary:
      "Rank a whole table, sent as CSV, NDJSON, Arrow, Parquet or JSON, from 1, the likeliest to leave",
    input: dataframe(Customer.extend({ customer_id: z.string() })),
    output: z.object({ customer_id: z.string(), churn: probability, rank: z.int() }),
    example: [{ customer_id: "C-1", ...example }],
    async handler(table, { models, items }) {
      const customers = frameOf(table)!;
      const churn = new Float64Array(customers.rowCount);
      for (let from = 0; from < churn.length; from += PIECE) {
        const piece = await score(customers.slice(from, from + PIECE), models);
        churn.set(piece.churn, from);
        // Small requests are answered between two pieces, and nobody works for a caller who has gone.
        await setImmediate();
        items[0]!.signal.throwIfAborted();
      }
      const rank = new Float64Array(churn.length);
      Array.from(churn.keys())
        .sort((a, b) => churn[b]! - churn[a]!)
        .forEach((row, place) => (rank[row] = place + 1));
      return { customer_id: customers.column("customer_id")!.values as string[], churn, rank };
    },
  });
