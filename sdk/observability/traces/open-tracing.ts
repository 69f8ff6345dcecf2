import type { OtlpOptions } from "./start-otlp.js";
import type { Tracing } from "./tracing.js";

export interface OpenTracingOptions extends OtlpOptions {
  /** On without an address: spans go to the SDK that somebody else registers. `false` is off for good. */
  enabled?: boolean | undefined;
}

/**
 * The tracing that was asked for, `undefined` when it is off, which loads nothing. An address, by
 * setting or by the variables of OpenTelemetry, turns it on.
 * @throws DEPENDENCY_MISSING
 */
export async function openTracing(options: OpenTracingOptions): Promise<Tracing | undefined> {
  const { enabled, endpoint, env = process.env } = options;
  if (enabled === false || env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return undefined;
  const hasAddress =
    endpoint !== undefined ||
    Boolean(env["OTEL_EXPORTER_OTLP_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]);
  if (hasAddress && env["OTEL_TRACES_EXPORTER"] !== "none") {
    const { startOtlp } = await import("./start-otlp.js");
    return await startOtlp(options);
  }
  if (enabled !== true) return undefined;
  const api = await import("@opentelemetry/api");
  const { createTracing } = await import("./create-tracing.js");
  return createTracing(api, { version: options.version, scheme: options.scheme });
}
