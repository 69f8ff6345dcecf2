import { stringify } from "yaml";
import { describe, expect, test } from "vitest";
import { listAlerts, printAlerts } from "../../sdk/deploy/monitoring/alerts.js";
import { makeFolder } from "../bundle/temporary-folder.js";
import { isMissing, NEEDS, promtool } from "./promtool.js";

interface Case {
  /** Series as promtool writes them, one a minute. */
  bad: Record<string, string>;
  /** The same in a day like any other. */
  good: Record<string, string>;
  labels: Record<string, string>;
  summary: string;
}

const HERE = 'service="churn",instance="a:1",job="ekiben"';
const ROUTE = `${HERE},endpoint="/v1/predict",method="POST",service_version="1"`;

/** Counters that grow by `step` a minute. */
const grows = (step: number): string => `0+${step}x60`;

function toBuckets(metric: string, labels: string, counts: Record<string, number>) {
  return Object.fromEntries(
    Object.entries(counts).map(([le, step]) => [`${metric}{${labels},le="${le}"}`, grows(step)]),
  );
}

/** For each alert a case in which it must fire after half an hour, and one in which it must not. */
const CASES: Record<string, Case> = {
  EkibenDown: {
    bad: { [`up{job="ekiben",instance="a:1"}`]: "1x5 0x60", [`ekiben_info{${HERE}}`]: "1x5" },
    // Something else that is down is not ours.
    good: { [`up{job="other",instance="b:1"}`]: "0x60", [`ekiben_info{${HERE}}`]: "1x60" },
    labels: { job: "ekiben", instance: "a:1" },
    summary: "a:1 does not answer Prometheus",
  },
  EkibenErrors: {
    bad: {
      [`ekiben_requests_total{${ROUTE},status="200"}`]: grows(90),
      [`ekiben_requests_total{${ROUTE},status="500"}`]: grows(10),
    },
    good: {
      [`ekiben_requests_total{${ROUTE},status="200"}`]: grows(90),
      [`ekiben_requests_total{${ROUTE},status="503"}`]: grows(10),
      [`ekiben_requests_total{${ROUTE},status="422"}`]: grows(50),
    },
    labels: { service: "churn", endpoint: "/v1/predict" },
    summary: "10% of requests to /v1/predict of churn fail",
  },
  EkibenStreamsBroken: {
    bad: {
      [`ekiben_streams_broken_total{${ROUTE},code="HANDLER_FAILED"}`]: grows(10),
      [`ekiben_requests_total{${ROUTE},status="200"}`]: grows(100),
    },
    good: {
      [`ekiben_streams_broken_total{${ROUTE},code="HANDLER_FAILED"}`]: grows(1),
      [`ekiben_requests_total{${ROUTE},status="200"}`]: grows(100),
    },
    labels: { service: "churn", endpoint: "/v1/predict" },
    summary: "10% of the streams of /v1/predict of churn break off",
  },
  EkibenLatency: {
    bad: toBuckets("ekiben_request_duration_seconds_bucket", `${ROUTE},status="200"`, {
      "1": 0,
      "2.5": 100,
      "+Inf": 100,
    }),
    good: toBuckets("ekiben_request_duration_seconds_bucket", `${ROUTE},status="200"`, {
      "0.5": 100,
      "1": 100,
      "+Inf": 100,
    }),
    labels: { service: "churn", endpoint: "/v1/predict" },
    summary: "1 of 100 requests to /v1/predict of churn takes longer than 2.485s",
  },
  EkibenShedding: {
    bad: {
      [`ekiben_batch_requests_sum{${HERE},api="predict"}`]: grows(75),
      [`ekiben_shed_total{${HERE},api="predict",reason="deadline"}`]: grows(25),
    },
    good: {
      [`ekiben_batch_requests_sum{${HERE},api="predict"}`]: grows(75),
      [`ekiben_shed_total{${HERE},api="predict",reason="aborted"}`]: grows(25),
    },
    labels: { service: "churn", api: "predict" },
    summary: "25% of requests to predict of churn are refused with 503",
  },
  EkibenQueueFull: {
    bad: {
      [`ekiben_queue_items{${HERE},api="predict"}`]: "90x60",
      [`ekiben_queue_limit_items{${HERE},api="predict"}`]: "100x60",
    },
    good: {
      [`ekiben_queue_items{${HERE},api="predict"}`]: "50x60",
      [`ekiben_queue_limit_items{${HERE},api="predict"}`]: "100x60",
    },
    labels: { service: "churn", instance: "a:1", job: "ekiben", api: "predict" },
    summary: "The queue of predict of churn is 90% full",
  },
  EkibenBodyBudgetFull: {
    bad: {
      // One of four workers is full.
      [`ekiben_body_budget_used_ratio{${HERE}}`]: "0.9x60",
      [`ekiben_body_budget_used_bytes{${HERE}}`]: "450x60",
      [`ekiben_body_budget_bytes{${HERE}}`]: "2000x60",
    },
    good: {
      [`ekiben_body_budget_used_ratio{${HERE}}`]: "0.7x60",
      [`ekiben_body_budget_used_bytes{${HERE}}`]: "350x60",
      [`ekiben_body_budget_bytes{${HERE}}`]: "2000x60",
    },
    labels: { service: "churn", instance: "a:1", job: "ekiben" },
    summary: "Request bodies take 90% of what a process of churn at a:1 has for them",
  },
  EkibenModelFailing: {
    bad: {
      [`ekiben_model_failures_total{${HERE},model="net"}`]: grows(5),
      [`ekiben_model_run_duration_seconds_count{${HERE},model="net"}`]: grows(50),
    },
    good: {
      [`ekiben_model_failures_total{${HERE},model="net"}`]: grows(0),
      [`ekiben_model_run_duration_seconds_count{${HERE},model="net"}`]: grows(50),
    },
    labels: { service: "churn", model: "net" },
    summary: "10% of the runs of net in churn fail",
  },
  EkibenWorkersDown: {
    bad: { [`ekiben_workers_ready{${HERE}}`]: "1x60", [`ekiben_workers{${HERE}}`]: "2x60" },
    good: { [`ekiben_workers_ready{${HERE}}`]: "2x60", [`ekiben_workers{${HERE}}`]: "2x60" },
    labels: { service: "churn", instance: "a:1", job: "ekiben" },
    summary: "churn has 1 workers that answer, which are too few",
  },
  EkibenWorkersRestarting: {
    bad: { [`ekiben_worker_restarts_total{${HERE}}`]: grows(1) },
    good: { [`ekiben_worker_restarts_total{${HERE}}`]: "0x10 1x50" },
    labels: { service: "churn", instance: "a:1" },
    summary: "Workers of churn were replaced 15 times in 15 minutes",
  },
  EkibenEventLoopBlocked: {
    bad: toBuckets("ekiben_event_loop_lag_seconds_bucket", `${HERE},worker="1"`, {
      "0.25": 90,
      "0.5": 100,
      "+Inf": 100,
    }),
    good: toBuckets("ekiben_event_loop_lag_seconds_bucket", `${HERE},worker="1"`, {
      "0.1": 100,
      "+Inf": 100,
    }),
    labels: { service: "churn", instance: "a:1", worker: "1" },
    summary: "The event loop of a:1 stands still for 475ms",
  },
  EkibenWorkerSilent: {
    bad: { [`ekiben_worker_snapshot_age_seconds{${HERE},worker="2"}`]: "90x60" },
    good: { [`ekiben_worker_snapshot_age_seconds{${HERE},worker="2"}`]: "2x60" },
    labels: { service: "churn", instance: "a:1", job: "ekiben", worker: "2" },
    summary: "Worker 2 of a:1 has told nothing for 1m 30s",
  },
  EkibenLogLinesLost: {
    bad: { [`ekiben_log_dropped_total{${HERE},stream="predictions"}`]: grows(7) },
    good: { [`ekiben_log_dropped_total{${HERE},stream="predictions"}`]: "3x60" },
    labels: { service: "churn", instance: "a:1" },
    summary: "70 log lines of churn were lost",
  },
};

test("every alert has a case, a line of what to do, and something to say", () => {
  const alerts = listAlerts();
  expect(alerts.map(({ name }) => name).toSorted()).toEqual(Object.keys(CASES).toSorted());
  for (const { runbook, summary } of alerts) {
    expect(runbook.length).toBeGreaterThan(40);
    expect(runbook).not.toContain("\n");
    expect(summary).toContain("{{");
  }
});

test("thresholds are the caller's", () => {
  const text = printAlerts({ latencySeconds: 0.2, errorShare: 0.01 });
  expect(text).toContain("> 0.2");
  expect(text).toContain("> 0.01");
});

describe.skipIf(isMissing)(`alerts (${NEEDS})`, () => {
  test("are rules that Prometheus takes", async () => {
    await using folder = await makeFolder({ "rules.yaml": printAlerts() });
    const { code, text } = await promtool(["check", "rules", `${folder.path}/rules.yaml`]);
    expect(text).toContain(`SUCCESS: ${listAlerts().length} rules found`);
    expect(code).toBe(0);
  });

  test("fire when they should, with a readable line, and not otherwise", async () => {
    const tests = listAlerts().flatMap(({ name, severity, runbook }) => {
      const { bad, good, labels, summary } = CASES[name]!;
      const toSeries = (series: Record<string, string>) =>
        Object.entries(series).map(([series, values]) => ({ series, values }));
      const firing = {
        exp_labels: { severity, ...labels },
        exp_annotations: { summary, runbook },
      };
      const at = { eval_time: "30m", alertname: name };
      return [
        {
          interval: "1m",
          input_series: toSeries(bad),
          alert_rule_test: [{ ...at, exp_alerts: [firing] }],
        },
        {
          interval: "1m",
          input_series: toSeries(good),
          alert_rule_test: [{ ...at, exp_alerts: [] }],
        },
      ];
    });
    await using folder = await makeFolder({
      "rules.yaml": printAlerts(),
      "tests.yaml": stringify({
        rule_files: ["rules.yaml"],
        evaluation_interval: "1m",
        tests,
      }),
    });
    const { code, text } = await promtool(["test", "rules", `${folder.path}/tests.yaml`]);
    expect(text).toContain("SUCCESS");
    expect(code).toBe(0);
  });
});
