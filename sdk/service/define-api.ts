import type { z } from "zod";
import { EkibenError } from "../core/errors.js";
import type { Input } from "../inputs/input.js";
import { checkKeys } from "./check-keys.js";
import type { ApiDefinition, BatchOptions } from "./definition.js";
import { toExamplePayload } from "./example.js";

/** The options of `.api()` with their types let go: what remains to be checked at run time. */
export interface AnyApiOptions {
  route?: string;
  summary?: string;
  description?: string;
  input: Input;
  output?: z.ZodType;
  batch?: BatchOptions | false;
  example?: unknown;
  timeoutMs?: number;
  maxBodyBytes?: number;
  handler: ApiDefinition["handler"];
}

export const DEFAULT_BATCH: Required<BatchOptions> = {
  maxBatchSize: 100,
  maxLatencyMs: 10_000,
  maxQueueItems: 10_000,
  concurrency: 1,
};
export const DEFAULT_TIMEOUT_MS = 60_000;
export const DEFAULT_MAX_BODY_BYTES = 32 * 1024 * 1024;

/** First segments that the server keeps for itself. */
export const RESERVED_SEGMENTS: ReadonlySet<string> = new Set([
  "docs",
  "docs.json",
  "openapi.json",
  "livez",
  "readyz",
  "healthz",
  "metrics",
  "metadata",
  "feedback",
  "invocations",
  "ping",
  "version",
]);

const API_KEYS = [
  "route",
  "summary",
  "description",
  "input",
  "output",
  "batch",
  "example",
  "timeoutMs",
  "maxBodyBytes",
  "handler",
] as const satisfies readonly (keyof AnyApiOptions)[];
const API_NAME = /^[A-Za-z_$][\w$]*$/;
const SEGMENT = /^[A-Za-z0-9._~-]+$/;

/** Checks the declaration of an API and fills in its defaults. @throws SERVICE_INVALID */
export function defineApi(
  name: string,
  options: AnyApiOptions,
  others: readonly ApiDefinition[],
): ApiDefinition {
  const invalid = (detail: string, hint?: string): EkibenError =>
    new EkibenError("SERVICE_INVALID", {
      detail: `The API "${name}": ${detail}`,
      ...(hint === undefined ? {} : { hint }),
    });

  if (!API_NAME.test(name)) {
    throw invalid("its name is not an identifier.", "Use letters, digits and underscores.");
  }
  checkKeys(`The API "${name}"`, options, API_KEYS);
  // A zod schema has a `parse` too.
  if (typeof options.input?.toArgument !== "function") {
    throw invalid(
      "`input` is not an input.",
      "Make it with an input function, such as dataframe(row) or json(schema).",
    );
  }
  if (typeof options.handler !== "function") throw invalid("`handler` is not a function.");
  if (options.output !== undefined && typeof options.output.safeParse !== "function") {
    throw invalid("`output` is not a zod schema.", "It describes one output.");
  }

  const route = (options.route ?? name).replace(/^\/+/, "");
  checkRoute(route, invalid);
  const taken = others.find((api) => api.route === route);
  if (taken !== undefined) {
    throw invalid(
      `the route /${route} is the API "${taken.name}" already.`,
      "Give each API a route of its own.",
    );
  }

  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  checkLimits({ timeoutMs, maxBodyBytes }, invalid);
  const api: ApiDefinition = {
    name,
    route,
    input: options.input,
    handler: options.handler,
    timeoutMs,
    maxBodyBytes,
    ...optional("summary", options.summary),
    ...optional("description", options.description),
    ...optional("output", options.output),
    ...optional("example", options.example),
  };
  checkExample(api, invalid);
  if (options.batch === undefined || options.batch === false) return Object.freeze(api);
  checkKeys(`\`batch\` of the API "${name}"`, options.batch, Object.keys(DEFAULT_BATCH));
  const batch = { ...DEFAULT_BATCH, ...options.batch };
  checkLimits(batch, invalid);
  return Object.freeze({ ...api, batch: Object.freeze(batch) });
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** An example that the schema refuses would be a page that shows how to get an error. */
function checkExample(api: ApiDefinition, invalid: Invalid): void {
  try {
    toExamplePayload(api);
  } catch (error) {
    throw invalid(
      `its example is not valid: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

type Invalid = (detail: string, hint?: string) => EkibenError;

function checkRoute(route: string, invalid: Invalid): void {
  const segments = route.split("/");
  const bad = segments.find((part) => !SEGMENT.test(part) || part === "." || part === "..");
  if (bad !== undefined) {
    throw invalid(
      `the route ${JSON.stringify(route)} is not valid.`,
      "Write segments of letters, digits, `.`, `_`, `~` or `-` between slashes, such as v1/churn/predict.",
    );
  }
  const first = segments[0]!;
  if (RESERVED_SEGMENTS.has(first) || (first === "v2" && isInferenceProtocol(segments))) {
    throw invalid(
      `the route /${route} is reserved for the server.`,
      `Begin it with something else than ${first}.`,
    );
  }
}

/** `/v2`, `/v2/health/…` and `/v2/models/…` are the Open Inference Protocol's. */
function isInferenceProtocol(segments: readonly string[]): boolean {
  return segments.length === 1 || segments[1] === "health" || segments[1] === "models";
}

function checkLimits(limits: object, invalid: Invalid): void {
  for (const [key, value] of Object.entries(limits)) {
    const whole = key === "timeoutMs" || key === "maxLatencyMs" || Number.isInteger(value);
    if (typeof value === "number" && Number.isFinite(value) && value > 0 && whole) continue;
    throw invalid(`\`${key}\` must be a positive number, got ${String(value)}.`);
  }
}
