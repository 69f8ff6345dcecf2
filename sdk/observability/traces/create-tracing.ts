import type * as Api from "@opentelemetry/api";
import type { Attributes, Context, Link, Span, TextMapGetter } from "@opentelemetry/api";
import type { Interval, RequestTrace, TracedRun, Tracing } from "./tracing.js";

type Headers = { get(name: string): string | null };

/** What a batch of very many requests links to at most, as the SDKs have it. */
const MOST_LINKS = 128;

interface OwnRequestTrace extends RequestTrace {
  readonly span: Span;
  readonly context: Context;
}

export interface TracingOptions {
  /** The version of the service. */
  version: string;
  /** What clients speak with this process. @default "http" */
  scheme?: "http" | "https" | undefined;
  /** @default nothing */
  close?(): Promise<void>;
}

/**
 * Makes spans by the API of OpenTelemetry alone: they go to whatever SDK is registered. The span of
 * a request and of a run begin when they begin, so that spans of the author's own find their parent;
 * all others are made of the facts of a call when it has ended.
 */
export function createTracing(api: typeof Api, options: TracingOptions): Tracing {
  const { context, propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const tracer = trace.getTracer("ekiben", options.version);
  const toTime = createWallClock();

  function addSpan(
    name: string,
    { began, ended }: Interval,
    parent: Context,
    { attributes = {}, failed = false }: { attributes?: Attributes; failed?: boolean } = {},
  ): void {
    const span = tracer.startSpan(name, { startTime: toTime(began), attributes }, parent);
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(toTime(Math.max(began, ended)));
  }

  function begin({ id, method, route, headers, began }: Parameters<Tracing["begin"]>[0]) {
    const parent = propagation.extract(ROOT_CONTEXT, headers, GETTER);
    const known = METHODS.has(method);
    const attributes: Attributes = {
      "http.request.method": known ? method : "_OTHER",
      "url.scheme": options.scheme ?? "http",
      "ekiben.request.id": id,
      // A client makes up what is no route, and it would be the name of a span.
      ...(route === UNMATCHED ? {} : { "http.route": route }),
    };
    const agent = headers.get("user-agent");
    if (agent !== null) attributes["user_agent.original"] = agent.slice(0, 256);
    const name = [known ? method : "HTTP", ...(route === UNMATCHED ? [] : [route])].join(" ");
    const span = tracer.startSpan(
      name,
      { kind: SpanKind.SERVER, startTime: toTime(began), attributes },
      parent,
    );
    const { traceId, spanId, traceFlags } = span.spanContext();
    // Without an SDK, and without a trace of the client's, there is nothing to tell.
    const isValid = api.isSpanContextValid(span.spanContext());
    const own = trace.setSpan(parent, span);
    const made: OwnRequestTrace = {
      span,
      context: own,
      isRecorded: span.isRecording(),
      fields: isValid ? { "trace.id": traceId, "span.id": spanId } : {},
      response: isValid
        ? `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`
        : undefined,
      fail(code) {
        span.setAttribute("error.type", code);
        span.setStatus({ code: SpanStatusCode.ERROR });
      },
      end(status, call) {
        const now = performance.now();
        if (call !== undefined) {
          if (call.parsed !== undefined) addSpan("parse", call.parsed, own);
          const [run] = call.runs;
          if (call.queued !== undefined && run !== undefined && run.reason !== "unbatched") {
            addSpan("queue", { began: call.queued, ended: run.began }, own);
          }
          if (call.written !== undefined) addSpan("serialize", call.written, own);
        }
        span.setAttribute("http.response.status_code", status);
        if (status >= 500) {
          span.setAttribute("error.type", String(status));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end(toTime(now));
      },
    };
    return made;
  }

  function beginRun(name: string, run: TracedRun, requests: readonly RequestTrace[]) {
    const recorded = (requests as readonly OwnRequestTrace[]).filter((one) => one.isRecorded);
    // A span has one parent. That is a request which is recorded, or the batch would be sampled
    // apart from all of its requests; the others and it know each other by links.
    const [first, ...others] = recorded;
    const parent = first?.context ?? ROOT_CONTEXT;
    const isAlone = run.requests === 1;
    const links = recorded
      .slice(0, MOST_LINKS)
      .map((one): Link => ({ context: one.span.spanContext() }));
    const span = tracer.startSpan(
      `${run.reason === "unbatched" ? "handle" : "batch"} ${name}`,
      {
        startTime: toTime(run.began),
        attributes: {
          "ekiben.api": name,
          "ekiben.batch.id": run.id,
          "ekiben.batch.requests": run.requests,
          "ekiben.batch.items": run.items,
          "ekiben.batch.reason": run.reason,
        },
        ...(isAlone ? {} : { links }),
      },
      parent,
    );
    const own = trace.setSpan(parent, span);
    const spanContext = span.spanContext();
    for (const one of others) one.span.addLink({ context: spanContext });
    return {
      fields: { "trace.id": spanContext.traceId, "span.id": spanContext.spanId },
      enter: <Result>(work: () => Result): Result => context.with(own, work),
      end() {
        for (const { name: model, method, began, ms, rows, failed } of run.models) {
          const attributes: Attributes = { "ekiben.model": model, "ekiben.model.method": method };
          if (rows !== undefined) attributes["ekiben.model.rows"] = rows;
          addSpan(`${model}.${method}`, { began, ended: began + ms }, own, { attributes, failed });
        }
        if (run.failed) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(toTime(run.ended ?? performance.now()));
      },
    };
  }

  return { begin, beginRun, close: options.close ?? (() => Promise.resolve()) };
}

const UNMATCHED = "unmatched";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

const GETTER: TextMapGetter<Headers> = {
  keys: () => [],
  get: (headers, key) => headers.get(key) ?? undefined,
};

/** The most milliseconds that the two clocks may drift apart. */
const MOST_DRIFT_MS = 50;

/**
 * Milliseconds since 1970 for those of `performance.now()`. One offset for all spans, so that they
 * keep their order; found anew when the clock of the machine was set, or the machine has slept.
 */
function createWallClock(): (ms: number) => number {
  let offset = Date.now() - performance.now();
  return (ms) => {
    const now = Date.now() - performance.now();
    if (Math.abs(now - offset) > MOST_DRIFT_MS) offset = now;
    return offset + ms;
  };
}
