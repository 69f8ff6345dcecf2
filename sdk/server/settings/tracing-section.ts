import { address, headerList, onOff, share } from "./kinds.js";
import { setting } from "./setting.js";

/** Whether spans are made and where they go. What is not set here the variables OTEL_* may say. */
export const tracingSection = {
  "tracing.enabled": setting({
    kind: onOff,
    default: undefined,
    follows: "on where there is a collector",
    env: "EKIBEN_TRACING",
    help: "make spans for an OpenTelemetry SDK that somebody else registers; false turns traces off",
  }),
  "tracing.endpoint": setting({
    kind: address,
    default: undefined,
    follows: "OTEL_EXPORTER_OTLP_ENDPOINT, else off",
    flag: "--tracing-endpoint",
    env: "EKIBEN_TRACING_ENDPOINT",
    help: "send spans by OTLP over HTTP to this collector, such as http://localhost:4318",
  }),
  "tracing.sampleRatio": setting({
    kind: share,
    default: undefined,
    follows: "OTEL_TRACES_SAMPLER, else 1",
    env: "EKIBEN_TRACING_SAMPLE_RATIO",
    help: "share of new traces that is kept; a client's own decision wins",
  }),
  "tracing.headers": setting({
    kind: headerList,
    default: undefined,
    follows: "OTEL_EXPORTER_OTLP_HEADERS, else none",
    env: "EKIBEN_TRACING_HEADERS",
    help: "headers for the collector, such as a key",
    secret: true,
  }),
};
