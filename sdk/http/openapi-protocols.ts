import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import type { OpenApiOptions, Registry } from "./openapi.js";
import type { RecordedAnswers } from "./openapi-answer.js";
import {
  toInferenceExample,
  toScoringExamples,
  type ProtocolExample,
} from "./openapi-protocol-examples.js";
import {
  INFERENCE_ERROR,
  INFERENCE_REQUEST,
  INFERENCE_RESPONSE,
  OBJECT,
  PREDICTIONS,
  schemaOf,
  SCORING_ERROR,
  SCORING_REQUEST,
  TENSOR,
} from "./openapi-protocol-schemas.js";
import { findOfferedApis, type OfferedApis } from "./protocols/offered-apis.js";

const JSON_TYPE = "application/json";
const INFERENCE = "Open Inference Protocol";
const SCORING = "MLflow and SageMaker";

interface Tag {
  name: string;
  description: string;
}

interface Route {
  path: string;
  operationId: string;
  summary: string;
  tag: string;
  parameters?: readonly { $ref: string }[];
  request?: { schema: { $ref: string }; examples: Examples };
  answer: object;
  answerExample?: unknown;
  /** By status; what is not listed is answered in no other way. */
  refusals?: Readonly<Record<number, string>>;
  refusal?: object;
  contentType?: string;
}

type Examples = Record<string, { summary: string; value: unknown }>;

/** Adds the routes of the protocols that are switched on, and gives their tags. */
export function addProtocols(
  registry: Registry,
  definition: ServiceDefinition,
  options: Pick<OpenApiOptions, "answers">,
): Tag[] {
  const { openInference, mlflow } = definition.protocols;
  return [
    ...(openInference ? [addInference(registry, definition)] : []),
    ...(mlflow ? [addScoring(registry, definition, options.answers ?? {})] : []),
  ];
}

type Offered = OfferedApis<{ api: ApiDefinition }>;

function findOffered({ name, apis }: ServiceDefinition): Offered {
  return findOfferedApis(
    name,
    Object.values(apis).map((api) => ({ api })),
  );
}

function addInference(registry: Registry, definition: ServiceDefinition): Tag {
  const { byName } = findOffered(definition);
  const names = [...byName.keys()];
  registry.registerComponent("schemas", "InferenceTensor", TENSOR);
  registry.registerComponent("schemas", "InferenceRequest", INFERENCE_REQUEST);
  registry.registerComponent("schemas", "InferenceResponse", INFERENCE_RESPONSE);
  registry.registerComponent("schemas", "InferenceError", INFERENCE_ERROR);
  if (names.length > 0) {
    registry.registerComponent("parameters", "Model", {
      name: "model",
      in: "path",
      required: true,
      description: "The name of an API; that of the service stands for `predict` or its only API.",
      schema: { type: "string", enum: names },
      example: names[0],
    });
  }
  const examples = toExamples(
    Array.from(byName)
      .filter(([name, { api }]) => name === api.name)
      .map(([name, { api }]) => [name, toInferenceExample(api)]),
  );
  for (const route of inferenceRoutes(names.length > 0, examples)) addRoute(registry, route);
  return { name: INFERENCE, description: "The same APIs for clients of Triton and KServe" };
}

function addScoring(
  registry: Registry,
  definition: ServiceDefinition,
  answers: RecordedAnswers,
): Tag {
  const api = findOffered(definition).standard?.api;
  registry.registerComponent("schemas", "ScoringRequest", SCORING_REQUEST);
  registry.registerComponent("schemas", "ScoringError", SCORING_ERROR);
  const examples = toExamples(api === undefined ? [] : Object.entries(toScoringExamples(api)));
  for (const route of scoringRoutes(api, examples)) {
    const predictions = route.request === undefined ? undefined : findPredictions(api, answers);
    addRoute(
      registry,
      predictions === undefined ? route : { ...route, answerExample: { predictions } },
    );
  }
  return { name: SCORING, description: "The same APIs for clients of MLflow's scoring server" };
}

function toExamples(examples: readonly (readonly [string, ProtocolExample])[]): Examples {
  return Object.fromEntries(
    examples
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, { summary: name, value }]),
  );
}

function findPredictions(api: ApiDefinition | undefined, answers: RecordedAnswers): unknown {
  const recorded = answers[api?.name ?? ""]?.find(({ mediaType }) => mediaType === JSON_TYPE);
  if (recorded === undefined) return undefined;
  const list = api?.input.cardinality === "many" ? recorded.value : [recorded.value];
  return Array.isArray(list) ? list : undefined;
}

function addRoute(registry: Registry, route: Route): void {
  const { request, parameters = [], contentType = JSON_TYPE } = route;
  const headers = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };
  const { answerExample, refusals = {} } = route;
  const example = answerExample === undefined ? {} : { example: answerExample };
  registry.registerPath({
    method: request === undefined ? "get" : "post",
    path: route.path,
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    parameters: [...parameters, { $ref: "#/components/parameters/RequestId" }],
    ...(request === undefined ? {} : { request: { body: toBody(request) } }),
    responses: {
      200: {
        description: "As asked",
        headers,
        content: { [contentType]: { schema: route.answer, ...example } },
      },
      ...Object.fromEntries(
        Object.entries(refusals).map(([status, description]) => [
          status,
          { description, headers, content: { [JSON_TYPE]: { schema: route.refusal ?? {} } } },
        ]),
      ),
    },
  });
}

function toBody({ schema, examples }: NonNullable<Route["request"]>): {
  required: true;
  content: Record<string, { schema: { $ref: string }; examples?: Examples }>;
} {
  const shown = Object.keys(examples).length === 0 ? {} : { examples };
  return { required: true, content: { [JSON_TYPE]: { schema, ...shown } } };
}

const STARTING = "Starting or draining";
const REFUSALS: Readonly<Record<number, string>> = {
  400: "Not a request of the protocol",
  404: "There is no such model",
  413: "The body is too large",
  415: "The API cannot be asked in this form",
  422: "The request does not match the schema of the API",
  500: "The service failed",
  503: "The service is overloaded, starting or draining",
  504: "The request took longer than its time limit",
};

function inferenceRoutes(hasModels: boolean, examples: Examples): Route[] {
  const refusal = schemaOf("InferenceError");
  const model = {
    tag: INFERENCE,
    parameters: [{ $ref: "#/components/parameters/Model" }],
    refusal,
  };
  const unknown = { 404: REFUSALS[404]! };
  return [
    {
      path: "/v2",
      operationId: "v2Server",
      summary: "The name of the server and what it can do",
      tag: INFERENCE,
      answer: OBJECT,
    },
    {
      path: "/v2/health/live",
      operationId: "v2Live",
      summary: "Whether the process runs",
      tag: INFERENCE,
      answer: OBJECT,
    },
    {
      path: "/v2/health/ready",
      operationId: "v2Ready",
      summary: "Whether requests may be sent here",
      tag: INFERENCE,
      answer: OBJECT,
      refusals: { 503: STARTING },
      refusal: OBJECT,
    },
    {
      path: "/v2/models",
      operationId: "v2Models",
      summary: "The names of the models",
      tag: INFERENCE,
      answer: OBJECT,
    },
    ...(hasModels
      ? [
          {
            ...model,
            path: "/v2/models/{model}",
            operationId: "v2Model",
            summary: "The inputs and outputs of a model",
            answer: OBJECT,
            refusals: unknown,
          },
          {
            ...model,
            path: "/v2/models/{model}/ready",
            operationId: "v2ModelReady",
            summary: "Whether requests may be sent to a model",
            answer: OBJECT,
            refusals: { ...unknown, 503: STARTING },
            refusal: OBJECT,
          },
          {
            ...model,
            path: "/v2/models/{model}/infer",
            operationId: "v2Infer",
            summary: "Ask a model with tensors",
            request: { schema: schemaOf("InferenceRequest"), examples },
            answer: schemaOf("InferenceResponse"),
            refusals: REFUSALS,
          },
        ]
      : []),
  ];
}

function scoringRoutes(standard: ApiDefinition | undefined, examples: Examples): Route[] {
  const health = (path: string): Route => ({
    path,
    operationId: path.slice(1),
    summary: "Whether requests may be sent here",
    tag: SCORING,
    answer: {},
    refusals: { 503: STARTING },
  });
  return [
    ...(standard === undefined
      ? []
      : [
          {
            path: "/invocations",
            operationId: "invocations",
            summary: `Ask the API ${standard.name}`,
            tag: SCORING,
            request: { schema: schemaOf("ScoringRequest"), examples },
            answer: PREDICTIONS,
            refusals: REFUSALS,
            refusal: schemaOf("ScoringError"),
          },
        ]),
    health("/ping"),
    health("/health"),
    {
      path: "/version",
      operationId: "version",
      summary: "The version of ekiben",
      tag: SCORING,
      answer: { type: "string" },
      contentType: "text/plain",
    },
  ];
}
