import { stringify } from "yaml";

/** One alert: what is wrong, for how long it must be so, and what to do about it. */
export interface Alert {
  readonly name: string;
  readonly severity: "page" | "ticket";
  readonly expression: string;
  /** As Prometheus writes durations. */
  readonly after: string;
  readonly summary: string;
  /** What whoever is woken does first, in one line. */
  readonly runbook: string;
}

export interface AlertOptions {
  /** Seconds within which 99 of 100 requests are answered. @default 1 */
  latencySeconds?: number;
  /** The share of requests that may fail. @default 0.05 */
  errorShare?: number;
}

/** Why requests are refused when more comes than can be answered; who has gone or asks too often is left out. */
const OVERLOAD =
  "queue-full|queue-bytes|deadline|timeout|concurrency|service-concurrency|body-bytes";

/** The alerts for whatever is served, with thresholds that suit most services. */
export function listAlerts({ latencySeconds = 1, errorShare = 0.05 }: AlertOptions = {}): Alert[] {
  return [
    {
      name: "EkibenDown",
      severity: "page",
      // Prometheus keeps no job for ekiben: what has told of itself an hour ago is one.
      expression: "up == 0 and on (job, instance) max_over_time(ekiben_info[1h])",
      after: "2m",
      summary: "{{ $labels.instance }} does not answer Prometheus",
      runbook:
        "See whether the process runs and what its last log lines say; `curl <host>/livez` tells whether it answers at all.",
    },
    {
      name: "EkibenErrors",
      severity: "page",
      expression: `sum by (service, endpoint) (rate(ekiben_requests_total{status=~"5..",status!="503"}[5m])) / sum by (service, endpoint) (rate(ekiben_requests_total[5m])) > ${errorShare}`,
      after: "5m",
      summary:
        "{{ $value | humanizePercentage }} of requests to {{ $labels.endpoint }} of {{ $labels.service }} fail",
      runbook:
        "Search the log for errors of this endpoint: each has the stack and a request id. If they began with a version (panel Versions), go back to the one before.",
    },
    {
      name: "EkibenStreamsBroken",
      severity: "page",
      // Their status was sent before, so that no rate of statuses tells of them.
      expression: `sum by (service, endpoint) (rate(ekiben_streams_broken_total[5m])) / sum by (service, endpoint) (rate(ekiben_requests_total[5m])) > ${errorShare}`,
      after: "5m",
      summary:
        "{{ $value | humanizePercentage }} of the streams of {{ $labels.endpoint }} of {{ $labels.service }} break off",
      runbook:
        "Search the access log for event.outcome failure: error.code says what ended them, and the log has the stack under the same request id.",
    },
    {
      name: "EkibenLatency",
      severity: "ticket",
      expression: `histogram_quantile(0.99, sum by (service, endpoint, le) (rate(ekiben_request_duration_seconds_bucket[5m]))) > ${latencySeconds}`,
      after: "10m",
      summary:
        "1 of 100 requests to {{ $labels.endpoint }} of {{ $labels.service }} takes longer than {{ $value | humanizeDuration }}",
      runbook:
        "Compare queue wait, batch duration and model time on the dashboard: a long wait asks for more workers, a long model time for a smaller batch or a faster model.",
    },
    {
      name: "EkibenShedding",
      severity: "page",
      expression: `sum by (service, api) (rate(ekiben_shed_total{reason=~"${OVERLOAD}"}[5m])) / (sum by (service, api) (rate(ekiben_batch_requests_sum[5m])) + sum by (service, api) (rate(ekiben_shed_total{reason=~"${OVERLOAD}"}[5m]))) > 0.01`,
      after: "5m",
      summary:
        "{{ $value | humanizePercentage }} of requests to {{ $labels.api }} of {{ $labels.service }} are refused with 503",
      runbook:
        "More comes than can be answered in time: add workers or machines, or let maxLatencyMs and maxQueueItems be larger if clients can wait.",
    },
    {
      name: "EkibenQueueFull",
      severity: "ticket",
      expression: "ekiben_queue_items / ekiben_queue_limit_items > 0.8",
      after: "2m",
      summary:
        "The queue of {{ $labels.api }} of {{ $labels.service }} is {{ $value | humanizePercentage }} full",
      runbook:
        "Requests are about to be refused: see whether the model has become slower (panel Models) or whether more comes, and add workers.",
    },
    {
      name: "EkibenBodyBudgetFull",
      severity: "ticket",
      // Each worker has a budget of its own, and a full one refuses whatever the others have left.
      expression: "ekiben_body_budget_used_ratio > 0.8",
      after: "2m",
      summary:
        "Request bodies take {{ $value | humanizePercentage }} of what a process of {{ $labels.service }} at {{ $labels.instance }} has for them",
      runbook:
        "Requests are about to be refused with BODY_BUDGET_EXCEEDED: see who sends large bodies or sends them slowly (access log, bytes and durations), then raise limits.bodyBudget if memory allows, or add workers.",
    },
    {
      name: "EkibenModelFailing",
      severity: "page",
      expression:
        "sum by (service, model) (rate(ekiben_model_failures_total[5m])) / sum by (service, model) (rate(ekiben_model_run_duration_seconds_count[5m])) > 0.05",
      after: "5m",
      summary:
        "{{ $value | humanizePercentage }} of the runs of {{ $labels.model }} in {{ $labels.service }} fail",
      runbook:
        "The log has MODEL_RUN_FAILED or MODEL_INPUT_INVALID with what the model was given; compare with what it was trained on.",
    },
    {
      name: "EkibenWorkersDown",
      severity: "page",
      expression: "ekiben_workers_ready < ekiben_workers",
      after: "2m",
      summary: "{{ $labels.service }} has {{ $value }} workers that answer, which are too few",
      runbook:
        "The log of the primary says why a worker ended and what it waits for before the next try; memory and exit code come first.",
    },
    {
      name: "EkibenWorkersRestarting",
      severity: "ticket",
      expression: "sum by (service, instance) (increase(ekiben_worker_restarts_total[15m])) > 3",
      after: "0m",
      summary:
        "Workers of {{ $labels.service }} were replaced {{ $value | humanize }} times in 15 minutes",
      runbook:
        "The log of the primary has the cause of each end: a signal 9 is mostly memory (panel Memory), an exception has its stack.",
    },
    {
      name: "EkibenEventLoopBlocked",
      severity: "ticket",
      expression:
        "histogram_quantile(0.99, sum by (service, instance, worker, le) (rate(ekiben_event_loop_lag_seconds_bucket[5m]))) > 0.25",
      after: "5m",
      summary:
        "The event loop of {{ $labels.instance }} stands still for {{ $value | humanizeDuration }}",
      runbook:
        "Something keeps the thread: a handler that computes, or a model that runs in it. Run the model in a thread of its own, or make batches smaller.",
    },
    {
      name: "EkibenWorkerSilent",
      severity: "ticket",
      expression: "ekiben_worker_snapshot_age_seconds > 30",
      after: "1m",
      summary:
        "Worker {{ $labels.worker }} of {{ $labels.instance }} has told nothing for {{ $value | humanizeDuration }}",
      runbook:
        "Its counts in all metrics are that old. It is blocked: the log says which request it has, and the primary replaces it if it stays so.",
    },
    {
      name: "EkibenLogLinesLost",
      severity: "ticket",
      expression: "sum by (service, instance) (increase(ekiben_log_dropped_total[10m])) > 0",
      after: "0m",
      summary: "{{ $value | humanize }} log lines of {{ $labels.service }} were lost",
      runbook:
        "The disk is full or too slow for what is logged: make room, log less, or sample the prediction log.",
    },
  ];
}

/** The alerts as a file of rules for Prometheus. */
export function printAlerts(options?: AlertOptions): string {
  const rules = listAlerts(options).map((alert) => ({
    alert: alert.name,
    expr: alert.expression,
    for: alert.after,
    labels: { severity: alert.severity },
    annotations: { summary: alert.summary, runbook: alert.runbook },
  }));
  return stringify({ groups: [{ name: "ekiben", rules }] }, { lineWidth: 0 });
}
