import type { Registry } from "./openapi.js";

interface Probe {
  path: string;
  operationId: string;
  summary: string;
  /** What 503 means; absent where there is no 503. */
  unavailable?: string;
  contentType: string;
}

const JSON_TYPE = "application/json";

const PROBES: readonly Probe[] = [
  {
    path: "/livez",
    operationId: "livez",
    summary: "Whether the process runs",
    contentType: JSON_TYPE,
  },
  {
    path: "/readyz",
    operationId: "readyz",
    summary: "Whether requests may be sent here",
    unavailable: "Starting or draining",
    contentType: JSON_TYPE,
  },
  {
    path: "/healthz",
    operationId: "healthz",
    summary: "State, models and queues",
    unavailable: "Starting or draining",
    contentType: JSON_TYPE,
  },
  {
    path: "/metadata",
    operationId: "metadata",
    summary: "What runs here: APIs with their limits, models, versions",
    contentType: JSON_TYPE,
  },
  {
    path: "/metrics",
    operationId: "metrics",
    summary: "Metrics in the text format of Prometheus",
    contentType: "text/plain",
  },
];

export function addProbes(registry: Registry): void {
  for (const { path, operationId, summary, unavailable, contentType } of PROBES) {
    const schema = { type: contentType === JSON_TYPE ? ("object" as const) : ("string" as const) };
    const headers = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };
    const content = { [contentType]: { schema } };
    registry.registerPath({
      method: "get",
      path,
      operationId,
      tags: ["Operation"],
      summary,
      responses: {
        200: { description: "As asked", headers, content },
        ...(unavailable === undefined
          ? {}
          : { 503: { description: unavailable, headers, content } }),
      },
    });
  }
}
