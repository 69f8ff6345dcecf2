import { OpenAPIHono } from "@hono/zod-openapi";
import type { JsonSchema } from "../core/json-schema.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { printDuration, printSize } from "./limits.js";
import { toAnswerContent, type RecordedAnswers } from "./openapi-answer.js";
import { addFeedback } from "./openapi-feedback.js";
import { toParameters } from "./openapi-parameters.js";
import { addProbes } from "./openapi-probes.js";
import { addProblems, problemResponses } from "./openapi-problems.js";
import { addProtocols } from "./openapi-protocols.js";
import { addRateLimit } from "./openapi-rate-limit.js";
import { toRequestContent } from "./openapi-request.js";
import { addSecurity } from "./openapi-security.js";

export interface OpenApiOptions {
  version: string;
  /** Where the service answers. @default the folder of the document */
  url?: string;
  /** What the examples were answered with. */
  answers?: RecordedAnswers;
}

export type Registry = OpenAPIHono["openAPIRegistry"];

/** The OpenAPI 3.1 document of a service. @throws SCHEMA_UNSUPPORTED */
export function toOpenApi(definition: ServiceDefinition, options: OpenApiOptions): object {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent("parameters", "RequestId", {
    name: "X-Request-Id",
    in: "header",
    required: false,
    description: "A name for this request, which the answer and the log will carry.",
    schema: { type: "string", pattern: "^[A-Za-z0-9._:-]{1,128}$" },
  });
  registry.registerComponent("headers", "RequestId", {
    description: "The id of the request: the one that was sent, else a new one.",
    schema: { type: "string" },
  });
  addProblems(registry);
  for (const api of Object.values(definition.apis)) addApi(registry, api, options);
  addFeedback(registry, definition);
  const protocols = addProtocols(registry, definition, options);
  addProbes(registry);
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: definition.name,
      version: options.version,
      ...(definition.description === undefined ? {} : { description: definition.description }),
    },
    servers: [{ url: options.url ?? "." }],
    tags: [
      { name: "APIs", description: "What the service answers" },
      { name: "Feedback", description: "How its answers turned out" },
      ...protocols,
      { name: "Operation", description: "Probes, metrics and metadata" },
    ],
  });
  return addRateLimit(addSecurity(document, definition.middleware), definition.middleware);
}

function addApi(registry: Registry, api: ApiDefinition, options: OpenApiOptions): void {
  const add = (name: string, schema: JsonSchema) => {
    registry.registerComponent("schemas", name, schema);
  };
  const parameters = [...toParameters(api, add), { $ref: "#/components/parameters/RequestId" }];
  registry.registerPath({
    method: api.method === "GET" ? "get" : "post",
    path: `/${api.route.replace(/:([^/]+)/g, "{$1}")}`,
    operationId: api.name,
    tags: ["APIs"],
    summary: api.summary ?? api.name,
    description: describe(api),
    parameters: parameters as { $ref: string }[],
    ...(api.method === "GET" || api.input.kind === "none"
      ? {}
      : { request: { body: { required: true, content: toRequestContent(api, add) } } }),
    responses: {
      200: {
        description: describeAnswer(api),
        headers: { "X-Request-Id": { $ref: "#/components/headers/RequestId" } },
        content: toAnswerContent(api, add, options.answers?.[api.name] ?? []),
      },
      ...problemResponses(api),
    },
  });
}

function describeAnswer({ input, output }: ApiDefinition): string {
  if (output.streams) return "The outputs, each sent when it is there";
  return input.cardinality === "many" ? "One output for each item, in order" : "The output";
}

function describe(api: ApiDefinition): string {
  const { batch } = api;
  const limits = [
    ...(api.method === "GET" ? [] : [`A body may have up to ${printSize(api.maxBodyBytes)}.`]),
    `A request is answered within ${printDuration(api.timeoutMs)} or with 504.`,
    ...(batch === undefined
      ? []
      : [
          `Requests are joined into batches of up to ${batch.maxBatchSize} items;`,
          `what cannot be answered within ${printDuration(batch.maxLatencyMs)} is refused with 503.`,
        ]),
  ].join(" ");
  return api.description === undefined ? limits : `${api.description}\n\n${limits}`;
}
