import type { Hono } from "hono";
import type { Protocols } from "../../service/definition.js";
import type { Runtime } from "../../service/runtime.js";
import type { AppOptions } from "../app-options.js";
import type { Endpoint } from "../endpoint.js";
import { mountScoring, toScoringError } from "./mlflow-scoring.js";
import { mountOpenInference, toInferenceError } from "./open-inference.js";
import type { ProblemForm } from "./protocol-route.js";

/** Mounts the protocols that the service answers beside its own routes. */
export function mountProtocols(
  app: Hono,
  runtime: Runtime,
  endpoints: readonly Endpoint[],
  options: AppOptions,
): void {
  const { openInference, mlflow } = runtime.definition.protocols;
  if (openInference) mountOpenInference(app, runtime, endpoints, options);
  if (mlflow) mountScoring(app, runtime, endpoints, options);
}

const INFERENCE_PATH = /^\/v2\/(?:health|models|repository)(?:\/|$)/;
const SCORING_PATHS: ReadonlySet<string> = new Set([
  "/invocations",
  "/ping",
  "/health",
  "/version",
]);

/** The form of errors that clients expect at a path, where it belongs to a protocol. */
export function findProblemForm(
  path: string,
  { openInference, mlflow }: Protocols,
): ProblemForm | undefined {
  if (openInference && (INFERENCE_PATH.test(path) || path === "/v2")) return toInferenceError;
  return mlflow && SCORING_PATHS.has(path) ? toScoringError : undefined;
}
