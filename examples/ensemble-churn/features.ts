import { z } from "ekiben";
import preprocessing from "./models/preprocess.json" with { type: "json" };

/** One customer. All three models learned from a table with gaps, so any cell may be missing. */
export const Customer = z.object({
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
export type Customer = z.infer<typeof Customer>;

type Column = keyof Customer;
type Numbers = Readonly<Record<string, number>>;

/** What training found out about the columns, as the Python script that trained the network wrote it. */
const texts = preprocessing.categorical as readonly Column[];
const numbers = preprocessing.continuous as readonly Column[];
const flagged = preprocessing.na_indicator_for as readonly Column[];
const categories: Readonly<Record<string, readonly string[]>> = preprocessing.categories;
const { median, mean, std }: Record<"median" | "mean" | "std", Numbers> = preprocessing;

/** The texts that each column had in training, in the order of their codes. */
export const knownTexts = Object.fromEntries(
  texts.map((name) => [name, categories[name]!.slice(1)]),
);

/**
 * A customer as the networks see one: a code for every text and for whether a number was missing, 0
 * for a text that training did not know; and numbers with a mean of 0 and a deviation of 1, gaps
 * filled with the median.
 */
export function toFeatures(customer: Customer): { codes: number[]; values: number[] } {
  const ofTexts = texts.map((name) =>
    Math.max(0, categories[name]!.indexOf(String(customer[name]))),
  );
  const ofGaps = flagged.map((name) => (customer[name] === null ? 2 : 1));
  const values = numbers.map(
    (name) => (Number(customer[name] ?? median[name]) - mean[name]!) / std[name]!,
  );
  return { codes: [...ofTexts, ...ofGaps], values };
}

/** Where the flags of each code begin in a row. */
const starts: number[] = [];
let width = numbers.length;
for (const name of preprocessing.x_cat_order) {
  starts.push(width);
  width += categories[name]!.length;
}

/** The same as one row of numbers: the values, then for each code a 1 among zeros. */
export function toRow({ codes, values }: { codes: number[]; values: number[] }): number[] {
  const row = [...values, ...Array<number>(width - values.length).fill(0)];
  codes.forEach((code, i) => (row[starts[i]! + code] = 1));
  return row;
}
