import type { DiagLogger } from "@opentelemetry/api";
import type * as Exporter from "@opentelemetry/exporter-trace-otlp-http";
import type * as Resources from "@opentelemetry/resources";
import type * as Trace from "@opentelemetry/sdk-trace-node";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { EkibenError } from "../../core/errors.js";
import type { Log } from "../log.js";
import { createTracing } from "./create-tracing.js";
import type { Tracing } from "./tracing.js";

export interface OtlpOptions {
  service: string;
  version: string;
  /** What clients speak with this process. @default "http" */
  scheme?: "http" | "https" | undefined;
  /** Where a collector takes OTLP over HTTP, without the path; else the variables of OpenTelemetry say it. */
  endpoint?: string | undefined;
  /** The share of new traces that is kept; else the variables of OpenTelemetry say it. */
  sampleRatio?: number | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  /** The folder of a bundle, which may bring the packages along. */
  directory?: string | undefined;
  log: Log;
  /** The address of an installed module, by its name. @default of the bundle first, then of this package */
  find?(name: string, directory: string | undefined): string | undefined;
  env?: Readonly<Record<string, string | undefined>>;
}

const PACKAGES = [
  "@opentelemetry/sdk-trace-node",
  "@opentelemetry/resources",
  "@opentelemetry/exporter-trace-otlp-http",
] as const;

// The line of the SDK that runs on Node 20.
const INSTALL =
  "npm install @opentelemetry/sdk-trace-node@2 @opentelemetry/resources@2 @opentelemetry/exporter-trace-otlp-http@0.223";

/** How often a collector that does not answer is told of. */
const WARN_EVERY_MS = 60_000;

/**
 * Registers the SDK of OpenTelemetry for this process and sends spans to a collector.
 * @throws DEPENDENCY_MISSING when the SDK is not installed
 */
export async function startOtlp(options: OtlpOptions): Promise<Tracing> {
  const { service, version, endpoint, sampleRatio, headers, env = process.env } = options;
  const api = await import("@opentelemetry/api");
  const [sdk, resources, { OTLPTraceExporter }] = await loadSdk(options);
  api.diag.setLogger(toDiagLogger(options.log), api.DiagLogLevel.WARN);

  const detected = resources.detectResources({ detectors: [resources.envDetector] });
  const named = resources.resourceFromAttributes({
    "service.name": env["OTEL_SERVICE_NAME"] || service,
    "service.version": version,
    "process.pid": process.pid,
  });
  const exporter = new OTLPTraceExporter({
    ...(endpoint === undefined ? {} : { url: toTracesUrl(endpoint) }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  });
  const provider = new sdk.NodeTracerProvider({
    resource: resources.defaultResource().merge(named).merge(detected),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
    ...(sampleRatio === undefined
      ? {}
      : {
          sampler: new sdk.ParentBasedSampler({
            root: new sdk.TraceIdRatioBasedSampler(sampleRatio),
          }),
        }),
  });
  provider.register();
  return createTracing(api, {
    version,
    scheme: options.scheme,
    // A collector that is away must not keep a server from ending.
    close: () => provider.shutdown().catch(() => {}),
  });
}

/** `/v1/traces` below the address, as the variable OTEL_EXPORTER_OTLP_ENDPOINT has it. */
function toTracesUrl(endpoint: string): string {
  return `${endpoint.replace(/(?<!\/)\/+$/, "")}/v1/traces`;
}

type Sdk = [typeof Trace, typeof Resources, typeof Exporter];

async function loadSdk({ directory, find = findModule }: OtlpOptions): Promise<Sdk> {
  const missing: string[] = [];
  const loaded = await Promise.all(
    PACKAGES.map(async (name) => {
      const address = find(name, directory);
      if (address === undefined) missing.push(name);
      return address === undefined ? undefined : ((await import(address)) as unknown);
    }),
  );
  if (missing.length === 0) return loaded as unknown as Sdk;
  throw new EkibenError("DEPENDENCY_MISSING", {
    detail: `Traces are sent by ${missing.join(", ")}, which ${missing.length === 1 ? "is" : "are"} not installed.`,
    hint: `Run \`${INSTALL}\` where ekiben is installed, or leave tracing.endpoint out.`,
    expected: PACKAGES.join(", "),
  });
}

function findModule(name: string, directory: string | undefined): string | undefined {
  for (const from of [directory && join(directory, "service.mjs"), import.meta.url]) {
    if (!from) continue;
    try {
      return pathToFileURL(createRequire(from).resolve(name)).href;
    } catch {}
  }
  return undefined;
}

function toDiagLogger(log: Log): DiagLogger {
  let quietUntil = 0;
  const warn = (message: string): void => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + WARN_EVERY_MS;
    log.warn(`traces: ${message.slice(0, 500)}`);
  };
  return { error: warn, warn, info() {}, debug() {}, verbose() {} };
}
