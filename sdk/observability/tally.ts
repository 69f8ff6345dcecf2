import type { Metric } from "prom-client";

/** A metric that keeps its values itself; a registry of prom-client takes it as one of its own. */
export type OwnMetric = Metric & { readonly name: string };

/** Where metrics are kept to be looked at; a registry of prom-client is one. */
export interface MetricKeeper {
  registerMetric(metric: OwnMetric): void;
  /** The metric of this name. */
  getSingleMetric(name: string): unknown;
}

export type Labels = Record<string, string | number>;

/** One series as a registry asks for it. */
export interface Value {
  value: number;
  labels: Labels;
  metricName?: string;
}

/** Values by the bucket that they fall in. */
export interface Tally {
  count: number;
  sum: number;
  /** Counts by bucket, not yet added up; the last one is above all bounds. */
  readonly buckets: number[];
}

/** `bounds`: upper bounds of the buckets, ascending. */
export function createTally(bounds: readonly number[]): Tally {
  return { count: 0, sum: 0, buckets: Array<number>(bounds.length + 1).fill(0) };
}

export function addTo(tally: Tally, value: number, bounds: readonly number[]): void {
  tally.count++;
  tally.sum += value;
  let bucket = 0;
  while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
  tally.buckets[bucket]!++;
}

/** The series of a histogram with these labels. */
export function toHistogram(
  name: string,
  labels: Labels,
  { tally, bounds }: { tally: Tally; bounds: readonly number[] },
): Value[] {
  let below = 0;
  const buckets = tally.buckets.map((count, index): Value => {
    below += count;
    const le = bounds[index] ?? "+Inf";
    return { value: below, labels: { le, ...labels }, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { value: tally.sum, labels, metricName: `${name}_sum` },
    { value: tally.count, labels, metricName: `${name}_count` },
  ];
}

/** What a metric is, besides its values. */
export interface MetricFacts {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "histogram" | "gauge";
  /** How values of several processes become one. @default "sum" */
  readonly aggregator?: "sum" | "average" | "max";
}

/** A registry asks its metrics for their values by `get()`. */
export function toMetric(given: MetricFacts, values: () => Value[]): OwnMetric {
  const facts = { aggregator: "sum", ...given };
  const get = async (): Promise<object> => ({ ...facts, values: values() });
  return { ...facts, get, reset() {} } as unknown as OwnMetric;
}

/** What is kept for each combination of labels; without labels it is there from the start. */
export interface Series<State> {
  /** `labels` has all names, in their order. */
  at(labels: Labels): State;
  all(): readonly (readonly [Labels, State])[];
}

export function createSeries<State>(names: readonly string[], create: () => State): Series<State> {
  const states = new Map<string, readonly [Labels, State]>();
  const at = (labels: Labels): State => {
    const values = Object.values(labels);
    const key = values.length === 1 ? String(values[0]) : JSON.stringify(values);
    let known = states.get(key);
    if (known === undefined) states.set(key, (known = [labels, create()]));
    return known[1];
  };
  if (names.length === 0) at({});
  return { at, all: () => [...states.values()] };
}

/** A histogram with one label. */
export interface TalliedHistogram {
  observe(label: string, value: number): void;
  readonly metric: OwnMetric;
}

/**
 * A histogram of what happens with each request or batch, where prom-client would make a label text
 * and several objects each time; it gets the series when they are scraped.
 */
export function createTalliedHistogram(
  name: string,
  { help, label, bounds }: { help: string; label: string; bounds: readonly number[] },
): TalliedHistogram {
  const tallies = new Map<string, Tally>();
  return {
    observe(of, value) {
      let tally = tallies.get(of);
      if (tally === undefined) tallies.set(of, (tally = createTally(bounds)));
      addTo(tally, value, bounds);
    },
    metric: toMetric({ name, help, type: "histogram" }, () =>
      Array.from(tallies, ([of, tally]) =>
        toHistogram(name, { [label]: of }, { tally, bounds }),
      ).flat(),
    ),
  };
}

/** A counter with labels. */
export interface TalliedCounter {
  /** Values of the labels in their order. */
  add(values: readonly string[], count?: number): void;
  readonly metric: OwnMetric;
}

export function createTalliedCounter(
  name: string,
  { help, labels }: { help: string; labels: readonly string[] },
): TalliedCounter {
  const series = new Map<string, Value>();
  return {
    add(values, count = 1) {
      const key = values.length === 1 ? values[0]! : values.join("\0");
      const known = series.get(key);
      if (known !== undefined) {
        known.value += count;
        return;
      }
      const named = Object.fromEntries(labels.map((label, at) => [label, values[at]!]));
      series.set(key, { value: count, labels: named });
    },
    metric: toMetric({ name, help, type: "counter" }, () =>
      Array.from(series.values(), (one) => ({ ...one, labels: { ...one.labels } })),
    ),
  };
}
