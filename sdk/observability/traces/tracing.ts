import type { LogFields } from "../log.js";

/** What a traced request tells when it has been answered; the facts of a call have this shape. */
export interface TracedCall {
  /** When its body was there, and when it was parsed. */
  parsed: Interval | undefined;
  queued: number | undefined;
  readonly runs: readonly TracedRun[];
  written: Interval | undefined;
}

/** One call of a handler. */
export interface TracedRun {
  readonly id: string;
  readonly requests: number;
  readonly items: number;
  readonly reason: string;
  readonly began: number;
  ended: number | undefined;
  failed: boolean;
  readonly models: readonly {
    readonly name: string;
    readonly method: string;
    readonly began: number;
    readonly ms: number;
    readonly rows: number | undefined;
    readonly failed: boolean;
  }[];
}

/** Milliseconds of `performance.now()`, as all times here. */
export interface Interval {
  readonly began: number;
  readonly ended: number;
}

export interface TracedRequest {
  readonly id: string;
  readonly method: string;
  /** The template of its route. */
  readonly route: string;
  readonly headers: { get(name: string): string | null };
  readonly began: number;
}

/** Makes spans of what happens; without it nothing of this is done. */
export interface Tracing {
  begin(request: TracedRequest): RequestTrace;
  /** A call of a handler begins, for these requests, of which one at least is recorded. */
  beginRun(api: string, run: TracedRun, requests: readonly RequestTrace[]): RunTrace;
  /** Sends what has not been sent yet. */
  close(): Promise<void>;
}

/** The trace of one request. */
export interface RequestTrace {
  /** Whether anybody will see its spans. */
  readonly isRecorded: boolean;
  /** `trace.id` and `span.id` for log lines. */
  readonly fields: LogFields;
  /** The value of the header `traceresponse`, by which a client finds its trace. */
  readonly response: string | undefined;
  /** Its answer broke off when its status had been sent; `code` is that of the error. */
  fail(code: string): void;
  end(status: number, call: TracedCall | undefined): void;
}

/** The trace of one call of a handler. */
export interface RunTrace {
  readonly fields: LogFields;
  /** Does the work as part of it, so that spans of the author's own belong to it. */
  enter<Result>(work: () => Result): Result;
  end(): void;
}
