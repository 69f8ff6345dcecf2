import type { Body } from "./logged-body.js";

/** A line of a stream, as a hook of the author's own sees it. */
export interface LogRecord {
  readonly stream: "access" | "prediction" | "feedback";
  readonly requestId: string;
  /** The API; absent for a request to no API. */
  readonly api?: string;
  /** The JSON text that a file has as a line, without its line feed. */
  readonly line: string;
  /** The fields of the line, by their flat names; read when first asked for. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Takes the records that have gathered since it was called last, at most a hundred. It is not called
 * again before what it returned is settled.
 */
export type RecordHook = (records: readonly LogRecord[]) => unknown;

/** A hook and the streams that it wants to see. */
export interface RecordListener {
  readonly hook: RecordHook;
  readonly streams: readonly LogRecord["stream"][];
}

/** The answer to one request. */
export interface AccessFacts {
  requestId: string;
  api?: string | undefined;
  method: string;
  /** The template of the route; `unmatched` for none. */
  route: string;
  /** As it was sent: the path with its query string. */
  target: string;
  status: number;
  durationMs: number;
  /** Bytes of the body, packed as it was sent. */
  bytesIn?: number | undefined;
  bytesOut?: number | undefined;
  address?: string | undefined;
  userAgent?: string | undefined;
  trace?: TraceFields | undefined;
  /** The code of the error that ended its stream, when its status had been sent. */
  broke?: string | undefined;
}

/** `trace.id` and `span.id` of a request that is traced. */
export type TraceFields = Readonly<Record<string, unknown>>;

/** One call of the handler that a request was in. */
export interface RunSummary {
  readonly id: string;
  readonly requests: number;
  readonly items: number;
  readonly reason: string;
  readonly runMs: number | undefined;
  readonly models: readonly { readonly name: string; readonly ms: number }[];
}

/** What was asked of an API, and what it answered. */
export interface PredictionFacts {
  requestId: string;
  api: string;
  method: string;
  route: string;
  target: string;
  status: number;
  durationMs: number;
  trace?: TraceFields | undefined;
  /** Those that are logged beside the media type are among them. */
  headers: { get(name: string): string | null };
  /** Those of the path, or what `toParamsText` has made of them. */
  params: Readonly<Record<string, unknown>> | string;
  /** Absent for a request without a body, or whose body was not read. */
  input?: Body | undefined;
  output: Body;
  /** Whether a list of lists in a body is a table. */
  rows: boolean;
  /** Items of the request. */
  items?: number | undefined;
  /** Milliseconds until its first run began. */
  queueWaitMs?: number | undefined;
  runs: readonly RunSummary[];
}

/** What somebody says of an earlier answer. */
export interface FeedbackFacts {
  /** Of the request that the feedback is about. */
  requestId: string;
  /** Of the request that brought it. */
  ownId: string;
  /** Of the request that brought it. */
  trace?: TraceFields | undefined;
  /** All that was said, without the request id. */
  fields: Readonly<Record<string, unknown>>;
}
