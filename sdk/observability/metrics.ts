import { EkibenError } from "../core/errors.js";
import { DEFAULT_BUCKETS } from "./buckets.js";
import { createLabelLimit, type LabelLimit } from "./label-limit.js";
import { createLateRegistry } from "./late-registry.js";
import { silentLog, type Log } from "./log.js";
import {
  addTo,
  createSeries,
  createTally,
  toHistogram,
  toMetric,
  type Labels,
  type MetricKeeper,
  type OwnMetric,
} from "./tally.js";

/** The value of each label of a series; a label that is left out is empty. */
export type MetricLabels<Name extends string = string> = {
  readonly [Key in Name]?: string | number | boolean;
};

export interface MetricOptions<Name extends string = never> {
  /** The names of its labels. Give a label few values: each combination is a series of its own. */
  labels?: readonly Name[];
}

export interface HistogramOptions<Name extends string = never> extends MetricOptions<Name> {
  /** Upper bounds, ascending. @default from 5 ms to 10 s */
  buckets?: readonly number[];
}

export interface CounterMetric<Name extends string = never> {
  /** @default 1 */
  inc(amount?: number): void;
  inc(labels: MetricLabels<Name>, amount?: number): void;
}

export interface GaugeMetric<Name extends string = never> {
  set(value: number): void;
  set(labels: MetricLabels<Name>, value: number): void;
}

export interface HistogramMetric<Name extends string = never> {
  observe(value: number): void;
  observe(labels: MetricLabels<Name>, value: number): void;
}

/** The metrics of a service's author: asked for by name, made once, shown at `/metrics`. */
export interface Metrics {
  /** @example metrics.counter("rows_scored_total", "Rows", { labels: ["plan"] }).inc({ plan }, 2) */
  counter<Name extends string = never>(
    name: string,
    help: string,
    options?: MetricOptions<Name>,
  ): CounterMetric<Name>;
  /** With several workers the values of all are added up. */
  gauge<Name extends string = never>(
    name: string,
    help: string,
    options?: MetricOptions<Name>,
  ): GaugeMetric<Name>;
  histogram<Name extends string = never>(
    name: string,
    help: string,
    options?: readonly number[] | HistogramOptions<Name>,
  ): HistogramMetric<Name>;
}

export interface MetricsOptions {
  /** Hears of a metric whose labels take too many values. */
  log?: Log;
  /** The most values that a label may take; what comes later is counted as `other`. @default 100 */
  maxLabelValues?: number;
  /** The most series of one metric, by the combinations of its labels. @default 1_000 */
  maxSeries?: number;
}

type Kind = "counter" | "gauge" | "histogram";

/** A metric behind its limit. */
interface Made {
  readonly kind: Kind;
  readonly labels: string;
  readonly handle: CounterMetric & GaugeMetric & HistogramMetric;
}

/**
 * Keeps the author's metrics in a registry; a name that was made before is given again.
 * @throws SERVICE_INVALID when the name or a label is none, or belongs to a metric of another kind
 * or with other labels; and when a value is no number, or a label is not declared.
 */
export function createMetrics(
  keeper: MetricKeeper = createLateRegistry({ labels: {} }),
  { log = silentLog, maxLabelValues = 100, maxSeries = 1_000 }: MetricsOptions = {},
): Metrics {
  const made = new Map<string, Made>();

  function findOrCreate(
    kind: Kind,
    { name, labels = [] }: { name: string; labels?: readonly string[] },
    create: (labels: readonly string[]) => Counted,
  ): Made["handle"] {
    const key = labels.join();
    const known = made.get(name);
    if (known !== undefined) {
      if (known.kind !== kind) throw otherKind(name, kind);
      if (known.labels !== key) throw otherLabels(name, known.labels, key);
      return known.handle;
    }
    if (keeper.getSingleMetric(name) !== undefined) throw otherKind(name, kind);
    checkNames(name, labels);
    const limit = createLabelLimit(name, labels, { maxLabelValues, maxSeries, log });
    const { metric, write } = create(labels);
    keeper.registerMetric(metric);
    const handle = createHandle(name, kind, limit, write);
    made.set(name, { kind, labels: key, handle });
    return handle;
  }

  return {
    counter: (name, help, options) =>
      findOrCreate("counter", { name, ...options }, (labels) =>
        createNumbers({ name, help, labels, type: "counter" }),
      ),
    gauge: (name, help, options) =>
      findOrCreate("gauge", { name, ...options }, (labels) =>
        createNumbers({ name, help, labels, type: "gauge" }),
      ),
    histogram(name, help, given) {
      const options = (isBuckets(given) ? { buckets: given } : given) ?? {};
      const { buckets = DEFAULT_BUCKETS } = options;
      return findOrCreate("histogram", { name, ...options }, (labels) =>
        createHistogram({ name, help, labels, bounds: [...buckets] }),
      );
    },
  };
}

/** What a metric keeps, and how a value gets there. */
interface Counted {
  readonly metric: OwnMetric;
  write(labels: Labels, value: number): void;
}

interface Declared {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

function createNumbers({
  name,
  help,
  labels: names,
  type,
}: Declared & { type: "counter" | "gauge" }): Counted {
  const series = createSeries(names, () => ({ value: 0 }));
  return {
    metric: toMetric({ name, help, type }, () =>
      series.all().map(([labels, { value }]) => ({ value, labels })),
    ),
    write(labels, value) {
      const one = series.at(labels);
      one.value = type === "counter" ? one.value + value : value;
    },
  };
}

function createHistogram({
  name,
  help,
  labels: names,
  bounds,
}: Declared & { bounds: readonly number[] }): Counted {
  const series = createSeries(names, () => createTally(bounds));
  return {
    metric: toMetric({ name, help, type: "histogram" }, () =>
      series.all().flatMap(([labels, tally]) => toHistogram(name, labels, { tally, bounds })),
    ),
    write: (labels, value) => addTo(series.at(labels), value, bounds),
  };
}

function isBuckets(given: unknown): given is readonly number[] {
  return Array.isArray(given);
}

const EXPECTED: Readonly<Record<Kind, string>> = {
  counter: "a finite number from 0",
  gauge: "a number",
  histogram: "a finite number",
};

function createHandle(
  name: string,
  kind: Kind,
  limit: LabelLimit,
  write: (labels: Labels, value: number) => void,
): Made["handle"] {
  const add = (first: unknown, second?: unknown): void => {
    const hasLabels = typeof first === "object" && first !== null;
    const value = (hasLabels ? second : first) ?? (kind === "counter" ? 1 : undefined);
    const isAmount = typeof value === "number" && !Number.isNaN(value);
    const isEndless = kind !== "gauge" && Math.abs(value as number) === Infinity;
    if (!isAmount || isEndless || (kind === "counter" && value < 0)) {
      throw new EkibenError("SERVICE_INVALID", {
        detail: `The metric ${name} got ${String(value)}.`,
        expected: EXPECTED[kind],
        received: String(value),
      });
    }
    write(limit.toLabels(hasLabels ? (first as MetricLabels) : undefined), value);
  };
  return { inc: add, set: add, observe: add };
}

// What every series has besides, or a histogram adds of its own.
const RESERVED_LABELS = new Set(["service", "worker", "le", "quantile"]);

function checkNames(name: string, labels: readonly string[]): void {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `${JSON.stringify(name)} is not the name of a metric.`,
      hint: "Use letters, digits and underscores, and begin with a letter.",
      received: name,
    });
  }
  if (/^(ekiben|process|nodejs)_/.test(name)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The metric ${name} has a name that is kept for ekiben and the process.`,
      hint: "Begin it with something of your own, such as the name of the service.",
      received: name,
    });
  }
  for (const [at, label] of labels.entries()) {
    const isName = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) && !label.startsWith("__");
    if (isName && !RESERVED_LABELS.has(label) && labels.indexOf(label) === at) continue;
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The metric ${name} cannot have the label ${JSON.stringify(label)}.`,
      hint: `Use letters, digits and underscores, each name once, and not ${[...RESERVED_LABELS].join(", ")}.`,
      received: label,
    });
  }
}

function otherKind(name: string, kind: Kind): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `There is a metric ${name} already, and it is not a ${kind} of the service.`,
    hint: "Choose another name.",
    received: name,
  });
}

function otherLabels(name: string, known: string, asked: string): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `The metric ${name} was made with other labels before.`,
    hint: "Give the same labels in the same order each time.",
    expected: known === "" ? "no labels" : known,
    received: asked === "" ? "no labels" : asked,
  });
}
