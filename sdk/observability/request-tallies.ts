import {
  addTo,
  createTalliedCounter,
  createTally,
  toHistogram,
  toMetric,
  type Labels,
  type OwnMetric,
  type Tally,
  type Value,
} from "./tally.js";

/** Requests of one method to one endpoint. */
interface Route {
  running: number;
  received: number;
  sent: number;
  readonly byStatus: Map<number, Tally>;
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
  streamBroke(endpoint: string, method: string, code: string): void;
  /** The counter, the histogram and the gauge, for a registry. */
  readonly metrics: readonly OwnMetric[];
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

  const broken = createTalliedCounter("ekiben_streams_broken_total", {
    help: "Streams that ended with an error after their status had been sent",
    labels: ["endpoint", "method", "code", "service_version"],
  });

  // Each request asks three times for its route, and most of them for the same one.
  let last: { endpoint: string; method: string; route: Route } | undefined;

  function find(endpoint: string, method: string): Route {
    if (last?.endpoint === endpoint && last.method === method) return last.route;
    const route = findRoute(endpoint, method);
    last = { endpoint, method, route };
    return route;
  }

  function findRoute(endpoint: string, method: string): Route {
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
      toMetric(
        { name: "ekiben_requests_total", help: "Requests that were answered", type: "counter" },
        () => Array.from(eachStatus(), ([labels, { count }]) => ({ value: count, labels })),
      ),
      toMetric(
        { name: DURATION, help: "From the arrival of a request to its answer", type: "histogram" },
        () =>
          Array.from(eachStatus(), ([labels, tally]) =>
            toHistogram(DURATION, labels, { tally, bounds }),
          ).flat(),
      ),
      toMetric(
        {
          name: "ekiben_requests_in_progress",
          help: "Requests that wait for their answer",
          type: "gauge",
        },
        () => Array.from(each(), ([route, { running }]) => toValue(route, running)),
      ),
      toMetric(
        {
          name: "ekiben_request_body_bytes_total",
          help: "Bytes of bodies of requests",
          type: "counter",
        },
        () => Array.from(each(), ([route, { received }]) => toValue(route, received)),
      ),
      toMetric(
        {
          name: "ekiben_response_body_bytes_total",
          help: "Bytes of bodies of answers",
          type: "counter",
        },
        () => Array.from(each(), ([route, { sent }]) => toValue(route, sent)),
      ),
      broken.metric,
    ],
    streamBroke(endpoint, method, code) {
      broken.add([endpoint, METHODS.has(method) ? method : "other", code, version]);
    },
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
      if (tally === undefined) route.byStatus.set(status, (tally = createTally(bounds)));
      addTo(tally, seconds, bounds);
    },
  };
}
