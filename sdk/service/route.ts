import { EkibenError } from "../core/errors.js";

/** Makes the error of a declaration. */
export type Invalid = (detail: string, hint?: string) => EkibenError;

/** First segments that the server keeps for itself. */
export const RESERVED_SEGMENTS: ReadonlySet<string> = new Set([
  "docs",
  "docs.json",
  "openapi.json",
  "livez",
  "readyz",
  "healthz",
  "health",
  "metrics",
  "metadata",
  "feedback",
  "invocations",
  "ping",
  "version",
]);

const SEGMENT = /^[A-Za-z0-9._~-]+$/;
const PARAMETER = /^:(?!__proto__$)[A-Za-z_]\w*$/;

/** The names of the parameters of a route, in order. */
export function findParameters(route: string): string[] {
  return route
    .split("/")
    .filter((part) => part.startsWith(":"))
    .map((part) => part.slice(1));
}

/** What two routes have in common that answer the same paths. */
export function toRouteShape(route: string): string {
  return route.replace(/:[^/]+/g, ":");
}

/**
 * The path of a route with its parameters filled in, with a leading slash.
 * @throws INPUT_INVALID for a parameter that is missing or cannot be a segment of a URL.
 */
export function toPath(route: string, params: Readonly<Record<string, unknown>> = {}): string {
  return `/${route.replace(/:([^/]+)/g, (_, name: string) => toSegment(name, params[name]))}`;
}

/** A URL without a segment is another one, and one of dots leads elsewhere (WHATWG URL, 4.1). */
function toSegment(name: string, value: unknown): string {
  const text = value instanceof Date ? value.toISOString() : String(value ?? "");
  if (text !== "" && text !== "." && text !== "..") return encodeURIComponent(text);
  throw new EkibenError("INPUT_INVALID", {
    detail: `The path parameter "${name}" is ${text === "" ? "missing" : `"${text}", which no path can hold`}.`,
    hint: `Give it in the options of the call: { params: { ${name}: … } }.`,
    issues: [{ path: `path.${name}`, message: text === "" ? "missing" : "not a segment" }],
  });
}

/** @throws SERVICE_INVALID by `invalid` */
export function checkRoute(route: string, invalid: Invalid): void {
  const segments = route.split("/");
  const isGood = (part: string): boolean =>
    PARAMETER.test(part) || (SEGMENT.test(part) && part !== "." && part !== "..");
  if (!segments.every(isGood)) {
    throw invalid(
      `the route ${JSON.stringify(route)} is not valid.`,
      "Write segments of letters, digits, `.`, `_`, `~` or `-` between slashes, or `:name` for a parameter, such as v1/churn/:region/predict.",
    );
  }
  const first = segments[0]!;
  if (PARAMETER.test(first)) {
    throw invalid(
      `the route /${route} begins with a parameter, which would stand for every route.`,
      "Begin it with a fixed segment, such as v1.",
    );
  }
  if (RESERVED_SEGMENTS.has(first) || (first === "v2" && isInferenceProtocol(segments))) {
    throw invalid(
      `the route /${route} is reserved for the server.`,
      `Begin it with something else than ${first}.`,
    );
  }
  const names = findParameters(route);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw invalid(`the route /${route} has the parameter ":${twice}" twice.`);
  }
}

/** `/v2`, `/v2/health/…`, `/v2/models/…` and `/v2/repository/…` are the Open Inference Protocol's. */
function isInferenceProtocol(segments: readonly string[]): boolean {
  const second = segments[1];
  if (second === undefined || second.startsWith(":")) return true;
  return second === "health" || second === "models" || second === "repository";
}
