/** One query of a panel, and what its lines are called. */
export interface PanelQuery {
  readonly expression: string;
  readonly legend: string;
}

export interface Panel {
  readonly title: string;
  readonly description: string;
  /** As Grafana calls units. */
  readonly unit: "reqps" | "s" | "percentunit" | "short" | "bytes" | "ops";
  readonly queries: readonly PanelQuery[];
}

export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

// What the variables at the top of the dashboard choose.
const HERE = 'service=~"$service",instance=~"$instance"';
const EVERY = "[$__rate_interval]";

function rate(metric: string, by: string, labels = ""): string {
  return `sum by (${by}) (rate(${metric}{${HERE}${labels}}${EVERY}))`;
}

function quantile(share: number, metric: string, by: string): string {
  const grouped = by === "" ? "le" : `${by}, le`;
  return `histogram_quantile(${share}, sum by (${grouped}) (rate(${metric}_bucket{${HERE}}${EVERY})))`;
}

function quantiles(metric: string, by: string): PanelQuery[] {
  const name = by === "" ? "" : ` {{${by}}}`;
  return [0.5, 0.95, 0.99].map((share) => ({
    expression: quantile(share, metric, by),
    legend: `p${share * 100}${name}`,
  }));
}

/** All panels, by rows. */
export const PANELS: readonly PanelRow[] = [
  {
    title: "Requests",
    panels: [
      {
        title: "Requests by endpoint and status",
        description: "Answered requests a second.",
        unit: "reqps",
        queries: [
          {
            expression: rate("ekiben_requests_total", "endpoint, status"),
            legend: "{{endpoint}} {{status}}",
          },
        ],
      },
      {
        title: "Failing",
        description: "The share of requests with a status from 500, without those refused by 503.",
        unit: "percentunit",
        queries: [
          {
            // A service without errors has no series of them, which is a share of 0.
            expression: `(${rate("ekiben_requests_total", "endpoint", ',status=~"5..",status!="503"')} or 0 * ${rate("ekiben_requests_total", "endpoint")}) / ${rate("ekiben_requests_total", "endpoint")}`,
            legend: "{{endpoint}}",
          },
        ],
      },
      {
        title: "Streams that broke",
        description:
          "Ended with an error after their status had been sent, so that no status tells of them.",
        unit: "reqps",
        queries: [
          {
            expression: `${rate("ekiben_streams_broken_total", "endpoint, code")} or 0 * ${rate("ekiben_requests_total", "endpoint")}`,
            legend: "{{endpoint}} {{code}}",
          },
        ],
      },
      {
        title: "Latency",
        description: "From the arrival of a request to its answer.",
        unit: "s",
        queries: quantiles("ekiben_request_duration_seconds", "endpoint"),
      },
      {
        title: "In progress",
        description: "Requests that wait for their answer.",
        unit: "short",
        queries: [
          {
            expression: `sum by (endpoint) (ekiben_requests_in_progress{${HERE}})`,
            legend: "{{endpoint}}",
          },
        ],
      },
    ],
  },
  {
    title: "Versions",
    panels: [
      {
        title: "Requests by version",
        description: "How the load is split while two versions run.",
        unit: "reqps",
        queries: [
          {
            expression: rate("ekiben_requests_total", "service_version"),
            legend: "{{service_version}}",
          },
        ],
      },
      {
        title: "Failing by version",
        description: "The share of requests with a status from 500.",
        unit: "percentunit",
        queries: [
          {
            expression: `(${rate("ekiben_requests_total", "service_version", ',status=~"5.."')} or 0 * ${rate("ekiben_requests_total", "service_version")}) / ${rate("ekiben_requests_total", "service_version")}`,
            legend: "{{service_version}}",
          },
        ],
      },
      {
        title: "Latency by version",
        description: "The 95th percentile.",
        unit: "s",
        queries: [
          {
            expression: quantile(0.95, "ekiben_request_duration_seconds", "service_version"),
            legend: "{{service_version}}",
          },
        ],
      },
    ],
  },
  {
    title: "Batches",
    panels: [
      {
        title: "Items of a batch",
        description: "How well requests are joined.",
        unit: "short",
        queries: [
          {
            expression: `${rate("ekiben_batch_items_sum", "api")} / ${rate("ekiben_batch_items_count", "api")}`,
            legend: "mean {{api}}",
          },
          { expression: quantile(0.95, "ekiben_batch_items", "api"), legend: "p95 {{api}}" },
        ],
      },
      {
        title: "Why batches leave",
        description: "`isolation` are parts of batches that failed.",
        unit: "ops",
        queries: [
          { expression: rate("ekiben_batches_total", "api, reason"), legend: "{{api}} {{reason}}" },
        ],
      },
      {
        title: "Queue",
        description: "Items that wait, as a share of the limit.",
        unit: "percentunit",
        queries: [
          {
            expression: `sum by (api) (ekiben_queue_items{${HERE}}) / sum by (api) (ekiben_queue_limit_items{${HERE}})`,
            legend: "{{api}}",
          },
        ],
      },
      {
        title: "Wait in the queue",
        description: "Of the oldest request of each batch.",
        unit: "s",
        queries: quantiles("ekiben_queue_wait_seconds", "api"),
      },
      {
        title: "Shed",
        description: "Requests that the handler never saw, by reason.",
        unit: "reqps",
        queries: [
          { expression: rate("ekiben_shed_total", "api, reason"), legend: "{{api}} {{reason}}" },
        ],
      },
      {
        title: "Cost of a batch",
        description: "As fitted: duration = call + items · item.",
        unit: "s",
        queries: [
          {
            expression: `avg by (api) (ekiben_batch_call_cost_seconds{${HERE}})`,
            legend: "call {{api}}",
          },
          {
            expression: `avg by (api) (ekiben_batch_item_cost_seconds{${HERE}})`,
            legend: "item {{api}}",
          },
        ],
      },
    ],
  },
  {
    title: "Models",
    panels: [
      {
        title: "Time of a run",
        description: "One call of a model.",
        unit: "s",
        queries: quantiles("ekiben_model_run_duration_seconds", "model"),
      },
      {
        title: "Rows",
        description: "Rows a second that models were given.",
        unit: "ops",
        queries: [{ expression: rate("ekiben_model_rows_total", "model"), legend: "{{model}}" }],
      },
      {
        title: "Failed runs",
        description: "Runs a second in which a model failed.",
        unit: "ops",
        queries: [
          {
            expression: `${rate("ekiben_model_failures_total", "model")} or 0 * ${rate("ekiben_model_run_duration_seconds_count", "model")}`,
            legend: "{{model}}",
          },
        ],
      },
    ],
  },
  {
    title: "Processes",
    panels: [
      {
        title: "Event loop lag",
        description: "The 99th percentile: how long everything waits for whoever keeps the thread.",
        unit: "s",
        queries: [
          {
            expression: quantile(0.99, "ekiben_event_loop_lag_seconds", "instance, worker"),
            legend: "{{instance}} {{worker}}",
          },
        ],
      },
      {
        title: "Event loop in use",
        description: "The share of time in which it is not idle.",
        unit: "percentunit",
        queries: [
          {
            expression: `${rate("ekiben_event_loop_seconds_total", "instance, worker", ',state="active"')} / ${rate("ekiben_event_loop_seconds_total", "instance, worker")}`,
            legend: "{{instance}} {{worker}}",
          },
        ],
      },
      {
        title: "CPU",
        description: "Cores in use.",
        unit: "short",
        queries: [
          {
            expression: rate("process_cpu_seconds_total", "instance, worker"),
            legend: "{{instance}} {{worker}}",
          },
        ],
      },
      {
        title: "Memory",
        description: "What the system counts as theirs.",
        unit: "bytes",
        queries: [
          {
            expression: `sum by (instance, worker) (process_resident_memory_bytes{${HERE}})`,
            legend: "{{instance}} {{worker}}",
          },
        ],
      },
      {
        title: "Body budget in use",
        description:
          "The share that is in use in the process that uses most: at 1 it refuses, whatever others have left.",
        unit: "percentunit",
        queries: [
          {
            expression: `max by (instance) (ekiben_body_budget_used_ratio{${HERE}})`,
            legend: "{{instance}}",
          },
        ],
      },
      {
        title: "Request bodies",
        description: "Bytes that are held, and the budget of all processes.",
        unit: "bytes",
        queries: [
          {
            expression: `sum by (instance) (ekiben_body_budget_used_bytes{${HERE}})`,
            legend: "held {{instance}}",
          },
          {
            expression: `sum by (instance) (ekiben_body_budget_bytes{${HERE}})`,
            legend: "budget {{instance}}",
          },
        ],
      },
      {
        title: "Workers",
        description: "Those that answer, and those that were asked for.",
        unit: "short",
        queries: [
          { expression: `sum(ekiben_workers_ready{${HERE}})`, legend: "ready" },
          { expression: `sum(ekiben_workers{${HERE}})`, legend: "asked for" },
        ],
      },
      {
        title: "Workers replaced",
        description: "How often in an hour.",
        unit: "short",
        queries: [
          {
            expression: `sum by (instance) (increase(ekiben_worker_restarts_total{${HERE}}[1h]))`,
            legend: "{{instance}}",
          },
        ],
      },
      {
        title: "Age of what workers told",
        description: "Metrics of a worker that is blocked are as old as this.",
        unit: "s",
        queries: [
          {
            expression: `max by (instance, worker) (ekiben_worker_snapshot_age_seconds{${HERE}})`,
            legend: "{{instance}} {{worker}}",
          },
        ],
      },
    ],
  },
];
