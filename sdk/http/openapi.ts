import { OpenAPIHono } from "@hono/zod-openapi";
import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "../inputs/describe-schema.js";
import type { InputContent } from "../inputs/input.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { findParameters } from "../service/route.js";
import { printDuration, printSize } from "./limits.js";
import { addProbes } from "./openapi-probes.js";
import { addProblems, problemResponses } from "./openapi-problems.js";
import { embedSchema, type AddSchema } from "./openapi-schema.js";

export interface OpenApiOptions {
  version: string;
  /** Where the service answers. @default the folder of the document */
  url?: string;
  /** An answer to the example of an API, by the name of the API. */
  answers?: Readonly<Record<string, unknown>>;
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
  addProbes(registry);
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: definition.name,
      version: options.version,
      ...(definition.description === undefined ? {} : { description: definition.description }),
    },
    servers: [{ url: options.url ?? "." }],
    tags: [
      { name: "APIs", description: "What the service answers" },
      { name: "Operation", description: "Probes, metrics and metadata" },
    ],
  });
}

function addApi(registry: Registry, api: ApiDefinition, options: OpenApiOptions): void {
  const add = (name: string, schema: JsonSchema) => {
    registry.registerComponent("schemas", name, schema);
  };
  const answer = options.answers?.[api.name];
  registry.registerPath({
    method: api.method === "GET" ? "get" : "post",
    path: `/${api.route.replace(/:([^/]+)/g, "{$1}")}`,
    operationId: api.name,
    tags: ["APIs"],
    summary: api.summary ?? api.name,
    description: describe(api),
    parameters: [
      ...toParameters(api, "path"),
      ...toParameters(api, "query"),
      { $ref: "#/components/parameters/RequestId" },
    ] as { $ref: string }[],
    ...(api.method === "GET" || api.input.kind === "none"
      ? {}
      : { request: { body: { required: true, content: toRequestContent(api, add) } } }),
    responses: {
      200: {
        description:
          api.input.cardinality === "many" ? "One output for each item, in order" : "The output",
        headers: { "X-Request-Id": { $ref: "#/components/headers/RequestId" } },
        content: toAnswerContent(api, add, answer),
      },
      ...problemResponses(),
    },
  });
}

function toAnswerContent(
  api: ApiDefinition,
  add: AddSchema,
  answer: unknown,
): Record<string, { schema: JsonSchema; example?: unknown }> {
  const content = Object.entries(api.output.content(api.input.cardinality));
  return Object.fromEntries(
    content.map(([mediaType, { schema }], index) => {
      const prefix = index === 0 ? `${api.name}_output` : `${api.name}_output_${index + 1}`;
      const embedded = embedSchema(schema, prefix, add);
      const isShown = answer !== undefined && mediaType === "application/json";
      return [mediaType, { schema: embedded, ...(isShown ? { example: answer } : {}) }];
    }),
  );
}

interface Parameter {
  name: string;
  in: "path" | "query";
  required: boolean;
  schema: { type: "string" };
  example?: unknown;
}

/** The parameters of the path or the query string, each with its part of their schema. */
function toParameters(api: ApiDefinition, where: "path" | "query"): Parameter[] {
  const given = where === "path" ? api.params : api.query;
  const schema = given === undefined ? {} : describeSchema(given);
  const properties = (schema["properties"] ?? {}) as Record<string, JsonSchema>;
  const required = (schema["required"] ?? []) as string[];
  const examples = api.exampleParameters?.[where === "path" ? "params" : "query"] ?? {};
  const names = where === "path" ? findParameters(api.route) : Object.keys(properties);
  return names.map((name) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    schema: (properties[name] ?? { type: "string" }) as { type: "string" },
    ...(examples[name] === undefined ? {} : { example: examples[name] }),
  }));
}

function describe(api: ApiDefinition): string {
  const { batch } = api;
  const limits = [
    `A body may have up to ${printSize(api.maxBodyBytes)}.`,
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

type RequestContent = Record<string, { schema: JsonSchema; example?: unknown }>;

function toRequestContent(
  api: ApiDefinition,
  add: (name: string, schema: JsonSchema) => void,
): RequestContent {
  const example = api.example === undefined ? undefined : printExample(api);
  const content: RequestContent = {};
  for (const [index, [mediaType, { schema }]] of contentOf(api).entries()) {
    const prefix = index === 0 ? `${api.name}_input` : `${api.name}_input_${index + 1}`;
    content[mediaType] = {
      schema: embedSchema(schema, prefix, add),
      ...(example?.mediaType === mediaType ? { example: example.value } : {}),
    };
  }
  return content;
}

function contentOf(api: ApiDefinition): [string, InputContent][] {
  return Object.entries(api.input.content());
}

/** The example as a client writes it; `undefined` when it is not text. */
function printExample(api: ApiDefinition): { mediaType: string; value: unknown } | undefined {
  const { bytes, mediaType } = api.input.encode(api.example);
  const essence = mediaType.split(";")[0]!.trim().toLowerCase();
  const isJson = essence === "application/json" || essence.endsWith("+json");
  if (!isJson && !essence.startsWith("text/")) return undefined;
  const text = Buffer.from(bytes).toString("utf8");
  return { mediaType: essence, value: isJson ? JSON.parse(text) : text };
}
