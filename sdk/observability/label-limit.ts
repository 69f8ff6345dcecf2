import { EkibenError } from "../core/errors.js";
import type { Log } from "./log.js";

/** Keeps the labels of one metric to a bounded number of series. */
export interface LabelLimit {
  /** @throws SERVICE_INVALID for a label that was not declared */
  toLabels(given: Readonly<Record<string, unknown>> | undefined): Record<string, string>;
}

/** What values beyond the limit are counted under. */
const OTHER = "other";

const NO_LABELS = Object.freeze({});

/**
 * Every series is kept in memory for as long as the process runs, and by Prometheus for longer: a
 * label that a client chooses must not make as many as it likes.
 */
export function createLabelLimit(
  metric: string,
  names: readonly string[],
  { maxLabelValues, maxSeries, log }: { maxLabelValues: number; maxSeries: number; log: Log },
): LabelLimit {
  const seen = new Map(names.map((name) => [name, new Set<string>()]));
  const series = new Set<string>();
  let warned = false;

  function warn(what: string): void {
    if (warned) return;
    warned = true;
    log.warn(`the metric ${metric} has too many ${what}: more are counted as "${OTHER}"`, {
      metric,
    });
  }

  function toValue(name: string, given: unknown): string {
    const value = given === undefined || given === null ? "" : String(given);
    const values = seen.get(name)!;
    if (values.has(value) || value === "") return value;
    if (values.size >= maxLabelValues) {
      warn(`values of the label ${name}, ${maxLabelValues} is the limit`);
      return OTHER;
    }
    values.add(value);
    return value;
  }

  return {
    toLabels(given) {
      if (given !== undefined) {
        for (const name in given) if (!seen.has(name)) throw unknownLabel(metric, name, names);
      }
      if (names.length === 0) return NO_LABELS;
      const labels: Record<string, string> = {};
      for (const name of names) labels[name] = toValue(name, given?.[name]);
      if (names.length === 1) return labels;
      const key = JSON.stringify(Object.values(labels));
      if (series.has(key)) return labels;
      if (series.size >= maxSeries) {
        warn(`combinations of its labels, ${maxSeries} is the limit`);
        for (const name of names) labels[name] = OTHER;
        return labels;
      }
      series.add(key);
      return labels;
    },
  };
}

function unknownLabel(metric: string, name: string, names: readonly string[]): EkibenError {
  return new EkibenError("SERVICE_INVALID", {
    detail: `The metric ${metric} has no label ${JSON.stringify(name)}.`,
    hint: "Declare it where the metric is made: `{ labels: [...] }`.",
    expected: names.length === 0 ? "no labels" : names.join(", "),
    received: name,
  });
}
