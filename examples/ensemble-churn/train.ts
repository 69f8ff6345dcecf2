import * as tf from "@tensorflow/tfjs";
import { readCSV, toJSON } from "danfojs-node";
import { saveTfjs } from "ekiben";
import { Customer, toFeatures, toRow } from "./features.js";

const SEED = 11;

/** The rows that also the other two models were trained with; the last 1,000 are for comparing them. */
const TRAINED_WITH = 4000;

/** Trains a small network with the first rows of a table, in a few seconds, and writes its folder. */
async function train(csv: string, folder: string): Promise<void> {
  await tf.setBackend("cpu");
  const table = toJSON(await readCSV(csv)) as Record<string, unknown>[];
  const customers = table.slice(0, TRAINED_WITH).map(toCustomer);
  const x = tf.tensor2d(customers.map((customer) => toRow(toFeatures(customer))));
  const y = tf.tensor2d(table.slice(0, TRAINED_WITH).map((row) => [Number(row["churned"])]));

  const initial = (seed: number) => tf.initializers.glorotUniform({ seed });
  const net = tf.sequential({
    layers: [
      tf.layers.dense({
        units: 16,
        activation: "relu",
        inputShape: [x.shape[1]],
        kernelInitializer: initial(SEED),
        kernelRegularizer: tf.regularizers.l2({ l2: 1e-3 }),
      }),
      tf.layers.dense({ units: 1, activation: "sigmoid", kernelInitializer: initial(SEED + 1) }),
    ],
  });
  net.compile({ optimizer: tf.train.adam(0.005), loss: "binaryCrossentropy" });
  // The rows are in no order, so that not shuffling them costs nothing and each run trains the same.
  await net.fit(x, y, { epochs: 12, batchSize: 64, shuffle: false, verbose: 0 });
  await saveTfjs(net, folder);
  tf.dispose([x, y]);
  net.dispose();
}

function toCustomer(row: Record<string, unknown>): Customer {
  const cells = Object.keys(Customer.shape).map((name) => {
    const cell = row[name];
    return [name, cell === undefined || Number.isNaN(cell) ? null : cell];
  });
  return Customer.parse(Object.fromEntries(cells));
}

const [csv = "notebooks/data/churn.csv", folder = "examples/ensemble-churn/models/net"] =
  process.argv.slice(2);
await train(csv, folder);
