import type { Log } from "../observability/log.js";
import type { RecordedAnswers } from "./openapi-answer.js";
import type { ServiceMetrics } from "../observability/service-metrics.js";

/** A request and its answer, as `onAnswer` sees them. */
export interface AnswerRecord {
  api: string;
  requestId: string;
  /** Unpacked. */
  body: Uint8Array;
  mediaType: string;
  status: number;
  /** The body of the answer. */
  answer: string | Uint8Array;
}

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
  /** Writes one line a request to the log. @default false */
  accessLog?: boolean;
  /** Milliseconds of silence after which a stream says that it lives, where it can. @default 15_000 */
  keepAliveMs?: number;
  /** Sees each request whose body was read whole, with its answer, unless that is a stream. */
  onAnswer?(answer: AnswerRecord): void;
}
