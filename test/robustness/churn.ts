import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { makeHome, type CliHome } from "../cli/run-cli.js";

export type Customer = Record<string, string | number | null>;

const FIXTURE = "test/fixtures/skl-churn-columntransformer";

const readJson = <T>(file: string): T =>
  JSON.parse(readFileSync(`${FIXTURE}/${file}`, "utf8")) as T;

interface Expected {
  row_kinds: string[];
  outputs: { probabilities: [number, number][] };
}

const { row_kinds, outputs } = readJson<Expected>("expected.json");

/** Customers of the data set, each with the probability that scikit-learn gave. */
export const CUSTOMERS = readJson<Customer[]>("inputs.json")
  .map((row, at) => ({ row, churn: outputs.probabilities[at]![1] }))
  .filter((_, at) => row_kinds[at] === "data");

/** Whether an answer holds the probabilities of these customers, in their order. */
export function isRight(answer: unknown, expected: readonly { churn: number }[]): boolean {
  return (
    Array.isArray(answer) &&
    answer.length === expected.length &&
    answer.every((one, at) => Math.abs(one.churn - expected[at]!.churn) < 1e-5)
  );
}

/** A store of its own with the churn service in it. */
export async function makeChurnHome(...options: string[]): Promise<CliHome> {
  const home = await makeHome();
  const service = resolve("test/robustness/churn-service.ts");
  const built = await home.run(["build", service, ...options]);
  if (built.code !== 0) throw new Error(built.stderr);
  return home;
}
