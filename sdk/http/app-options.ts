import type { BurstLog } from "../observability/burst-log.js";
import type { Log } from "../observability/log.js";
import type { RequestLog } from "../observability/records/request-log.js";
import type { Tracing } from "../observability/traces/tracing.js";
import type { RecordedAnswers } from "./openapi-answer.js";
import type { ServiceMetrics } from "../observability/service-metrics.js";

/** What a saved service knows about itself. */
export interface BundleFacts {
  version: string;
  digest: string;
  /** ISO 8601. */
  created: string;
  labels: Record<string, string>;
}

export interface AppOptions {
  /** `development` shows in an answer what went wrong inside of the service. */
  mode: "development" | "production";
  log: Log;
  /** Takes refusals under load. @default one that writes to `log` */
  bursts?: BurstLog;
  /** Counts requests and is shown at `/metrics`; without it there is no such route. */
  serviceMetrics?: ServiceMetrics;
  bundle?: BundleFacts;
  /** Whether the runtime checks every output; told at `/metadata`. @default false */
  checkOutputs?: boolean;
  /** How the server was configured, without secrets; told at `/metadata`. */
  settings?: Readonly<Record<string, unknown>>;
  /** How many processes serve the bundle, where there are several; told at `/readyz`. */
  workers?(): { readonly ready: number; readonly total: number };
  /** What the OpenAPI document shows as answers; called when it is first asked for. */
  recordedAnswers?(): Promise<RecordedAnswers>;
  /** Makes spans of requests. */
  tracing?: Tracing | undefined;
  /** Writes down requests, predictions and feedback. */
  requestLog?: RequestLog;
  /** Whether the access log has probes and metrics too. @default false */
  logProbes?: boolean;
  /** Milliseconds of silence after which a stream says that it lives, where it can. @default 15_000 */
  keepAliveMs?: number;
}
