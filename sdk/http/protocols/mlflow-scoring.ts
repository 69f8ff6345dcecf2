import type { Context, Hono } from "hono";
import { EkibenError } from "../../core/errors.js";
import type { OutputBody, OutputSlice } from "../../outputs/output.js";
import type { ApiDefinition } from "../../service/definition.js";
import type { Runtime, Written } from "../../service/runtime.js";
import type { AppOptions } from "../app-options.js";
import type { ProtocolFace } from "../api-request.js";
import type { Endpoint } from "../endpoint.js";
import { findPackageVersion } from "../package-version.js";
import { toRequestId } from "../request-id.js";
import { readScoringRequest } from "./mlflow-request.js";
import { findOfferedApis } from "./offered-apis.js";
import { mountProtocolRoute, printProblem, type ProblemForm } from "./protocol-route.js";

const JSON_TYPE = "application/json";

/** MLflow's names for the statuses that answer a failed request (mlflow/protos/databricks.proto). */
const ERROR_CODES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "ENDPOINT_NOT_FOUND",
  422: "INVALID_PARAMETER_VALUE",
  429: "REQUEST_LIMIT_EXCEEDED",
  503: "TEMPORARILY_UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** The errors of MLflow's scoring server. */
export const toScoringError: ProblemForm = (problem) => {
  const other = problem.status < 500 ? "BAD_REQUEST" : "INTERNAL_ERROR";
  return JSON.stringify({
    error_code: ERROR_CODES[problem.status] ?? other,
    message: printProblem(problem),
  });
};

/**
 * Mounts what MLflow's scoring server answers, which is also what SageMaker asks of a container:
 * `/invocations` for the service's API, `/ping` and `/health`, and `/version`.
 */
export function mountScoring(
  app: Hono,
  runtime: Runtime,
  endpoints: readonly Endpoint[],
  options: AppOptions,
): void {
  const { name, middleware } = runtime.definition;
  const { standard, byName } = findOfferedApis(name, endpoints);
  const ping = (c: Context): Response =>
    toPlain(c, runtime.state === "ready" ? 200 : 503, "\n", JSON_TYPE);
  app.get("/ping", ping);
  app.get("/health", ping);
  app.get("/version", (c) => toPlain(c, 200, findPackageVersion(), "text/plain; charset=utf-8"));
  mountProtocolRoute(
    app,
    {
      paths: ["/invocations"],
      form: toScoringError,
      find() {
        if (standard === undefined) throw refuseStandard([...byName.keys()]);
        return { endpoint: standard, face: createFace(standard.api) };
      },
    },
    middleware,
    options,
  );
}

function toPlain(c: Context, status: number, body: string, contentType: string): Response {
  const headers = {
    "content-type": contentType,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-request-id": toRequestId(c.req.header("x-request-id")),
  };
  return new Response(body, { status, headers });
}

function createFace({ output }: ApiDefinition): ProtocolFace {
  // A table in another orient is no list; printed, its outputs are rows.
  const isList = output.kind !== "dataframe" && output.mediaTypes("many").includes(JSON_TYPE);
  return {
    parse: (body, { input }) => readScoringRequest(body, input),
    writer: {
      mediaType: JSON_TYPE,
      write(outputs: OutputSlice): Written | Promise<Written> {
        const list = isList
          ? output.write(outputs, { mediaType: JSON_TYPE, cardinality: "many" })
          : outputs.printJson();
        return list instanceof Promise ? list.then(toPredictions) : toPredictions(list);
      },
      writeMixed: (outputs) => toPredictions(outputs.printJson()),
    },
  };
}

const PREDICTIONS = Object.freeze({
  "content-type": JSON_TYPE,
  "x-content-type-options": "nosniff",
});

function toPredictions(list: OutputBody): Written {
  const text = typeof list === "string" ? list : Buffer.from(list).toString();
  return { headers: PREDICTIONS, body: `{"predictions":${text}}` };
}

function refuseStandard(names: readonly string[]): EkibenError {
  const reason =
    names.length === 0
      ? "none of its APIs can be asked this way"
      : `it has the APIs ${names.join(", ")}, and none is named predict`;
  return new EkibenError("ROUTE_NOT_FOUND", {
    detail: `/invocations leads to no API of this service: ${reason}.`,
    hint: "Name the API predict that it shall lead to.",
    expected: "an API named predict",
    received: names.join(", "),
  });
}
