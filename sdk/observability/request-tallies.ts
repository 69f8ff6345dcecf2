import type { Metric } from "prom-client";

interface Tally {
  count: number;
  sum: number;
  /** Counts by bucket, not yet added up; the last one is above all bounds. */
  readonly buckets: number[];
}

/** Requests of one method to one endpoint. */
interface Route {
  running: number;
  received: number;
  sent: number;
  readonly byStatus: Map<number, Tally>;
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
  begin(endpoint: string, method: string): void;
  end(endpoint: string, method: string, status: number, seconds: number): void;
  addBytes(
    endpoint: string,
    method: string,
    received: number | undefined,
    sent: number | undefined,
  ): void;
  /** The counter, the histogram and the gauge, for a registry. */
  readonly metrics: readonly Metric[];
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const DURATION = "ekiben_request_duration_seconds";

/**
 * `bounds`: upper bounds of the buckets in seconds, ascending. The version is on these series because
 * they are what two versions are compared by while both run. It costs no continuity: a deployment
 * starts new processes, whose counters begin at 0 anyway.
 */
export function createRequestTallies(bounds: readonly number[], version: string): RequestTallies {
  const routes = new Map<string, Map<string, Route>>();

  function find(endpoint: string, method: string): Route {
    // What a client writes there must not become a label.
    const known = METHODS.has(method) ? method : "other";
    let byMethod = routes.get(endpoint);
    if (byMethod === undefined) routes.set(endpoint, (byMethod = new Map()));
    let route = byMethod.get(known);
    if (route === undefined) {
      route = { running: 0, received: 0, sent: 0, byStatus: new Map() };
      byMethod.set(known, route);
    }
    return route;
  }

  function* each(): Generator<[{ endpoint: string; method: string }, Route]> {
    for (const [endpoint, byMethod] of routes) {
      for (const [method, route] of byMethod) yield [{ endpoint, method }, route];
    }
  }

  function* eachStatus(): Generator<[Labels, Tally]> {
    for (const [route, { byStatus }] of each()) {
      for (const [status, tally] of byStatus) {
        yield [{ ...route, status, service_version: version }, tally];
      }
    }
  }

  const toValue = (route: Labels, value: number): Value => ({
    value,
    labels: { ...route, service_version: version },
  });

  return {
    metrics: [
      toMetric("ekiben_requests_total", "Requests that were answered", "counter", () =>
        Array.from(eachStatus(), ([labels, { count }]) => ({ value: count, labels })),
      ),
      toMetric(DURATION, "From the arrival of a request to its answer", "histogram", () =>
        Array.from(eachStatus(), ([labels, tally]) =>
          toHistogram(labels, { tally, bounds }),
        ).flat(),
      ),
      toMetric("ekiben_requests_in_progress", "Requests that wait for their answer", "gauge", () =>
        Array.from(each(), ([route, { running }]) => toValue(route, running)),
      ),
      toMetric("ekiben_request_body_bytes_total", "Bytes of bodies of requests", "counter", () =>
        Array.from(each(), ([route, { received }]) => toValue(route, received)),
      ),
      toMetric("ekiben_response_body_bytes_total", "Bytes of bodies of answers", "counter", () =>
        Array.from(each(), ([route, { sent }]) => toValue(route, sent)),
      ),
    ],
    addBytes(endpoint, method, received = 0, sent = 0) {
      const route = find(endpoint, method);
      route.received += received;
      route.sent += sent;
    },
    begin(endpoint, method) {
      find(endpoint, method).running++;
    },
    end(endpoint, method, status, seconds) {
      const route = find(endpoint, method);
      route.running--;
      let tally = route.byStatus.get(status);
      if (tally === undefined) {
        tally = { count: 0, sum: 0, buckets: Array<number>(bounds.length + 1).fill(0) };
        route.byStatus.set(status, tally);
      }
      tally.count++;
      tally.sum += seconds;
      let bucket = 0;
      while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
      tally.buckets[bucket]!++;
    },
  };
}

function toHistogram(
  labels: Labels,
  { tally, bounds }: { tally: Tally; bounds: readonly number[] },
): Value[] {
  let below = 0;
  const buckets = tally.buckets.map((count, index): Value => {
    below += count;
    const le = bounds[index] ?? "+Inf";
    return { value: below, labels: { le, ...labels }, metricName: `${DURATION}_bucket` };
  });
  return [
    ...buckets,
    { value: tally.sum, labels, metricName: `${DURATION}_sum` },
    { value: tally.count, labels, metricName: `${DURATION}_count` },
  ];
}

/** A registry asks its metrics for their values by `get()`. */
function toMetric(
  name: string,
  help: string,
  type: "counter" | "histogram" | "gauge",
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
