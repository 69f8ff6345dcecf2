import type { Metric } from "prom-client";

interface Tally {
  count: number;
  sum: number;
  /** Counts by bucket, not yet added up; the last one is above all bounds. */
  readonly buckets: number[];
}

type Labels = Record<string, string | number>;

interface Value {
  value: number;
  labels: Labels;
  metricName?: string;
}

/**
 * Counts requests and their durations. It is asked for each request, where prom-client would make a
 * label text and several objects each time, so it keeps plain numbers and tells prom-client of them
 * when they are scraped.
 */
export interface RequestTallies {
  add(endpoint: string, method: string, status: number, seconds: number): void;
  /** The counter and the histogram, for a registry. */
  readonly metrics: readonly Metric[];
}

/** `bounds`: upper bounds of the buckets in seconds, ascending. */
export function createRequestTallies(bounds: readonly number[]): RequestTallies {
  const tallies = new Map<string, Map<string, Map<number, Tally>>>();

  function* each(): Generator<[Labels, Tally]> {
    for (const [endpoint, byMethod] of tallies) {
      for (const [method, byStatus] of byMethod) {
        for (const [status, tally] of byStatus) yield [{ endpoint, method, status }, tally];
      }
    }
  }

  const requests = toMetric("ekiben_requests_total", "Requests that were answered", "counter", () =>
    Array.from(each(), ([labels, { count }]) => ({ value: count, labels })),
  );
  const duration = toMetric(
    "ekiben_request_duration_seconds",
    "From the arrival of a request to its answer",
    "histogram",
    () =>
      Array.from(each(), ([labels, tally]) =>
        toHistogram("ekiben_request_duration_seconds", labels, { tally, bounds }),
      ).flat(),
  );

  return {
    metrics: [requests, duration],
    add(endpoint, method, status, seconds) {
      const tally = find(find(tallies, endpoint), method).get(status) ?? make();
      tally.count++;
      tally.sum += seconds;
      let bucket = 0;
      while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
      tally.buckets[bucket]!++;

      function make(): Tally {
        const made = { count: 0, sum: 0, buckets: Array<number>(bounds.length + 1).fill(0) };
        find(find(tallies, endpoint), method).set(status, made);
        return made;
      }
    },
  };
}

function find<Key, Inner>(map: Map<Key, Map<Inner, any>>, key: Key): Map<Inner, any> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Map<Inner, any>();
  map.set(key, made);
  return made;
}

function toHistogram(
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

/** A registry asks its metrics for their values by `get()`. */
function toMetric(
  name: string,
  help: string,
  type: "counter" | "histogram",
  values: () => Value[],
): Metric {
  const get = async (): Promise<object> => ({
    name,
    help,
    type,
    aggregator: "sum",
    values: values(),
  });
  return { name, help, type, aggregator: "sum", get, reset() {} } as unknown as Metric;
}
