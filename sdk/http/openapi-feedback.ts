import type { JsonSchema } from "../core/json-schema.js";
import { describeSchema } from "../inputs/describe-schema.js";
import type { ServiceDefinition } from "../service/definition.js";
import { ANY_FEEDBACK, REQUEST_ID } from "../service/feedback.js";
import { FEEDBACK_PATH } from "./feedback.js";
import { referToProblems } from "./openapi-problems.js";
import { toSample } from "./openapi-sample.js";
import { embedSchema } from "./openapi-schema.js";
import type { Registry } from "./openapi.js";
import { REQUEST_ID_PATTERN } from "./request-id.js";

const ID: JsonSchema = {
  type: "string",
  pattern: REQUEST_ID_PATTERN,
  description: "The X-Request-Id of the answer that this is about",
};

/** Describes `POST /feedback`. */
export function addFeedback(registry: Registry, definition: ServiceDefinition): void {
  const { feedback = ANY_FEEDBACK, apis } = definition;
  const said = embedSchema(describeSchema(feedback), "Feedback", (name, schema) => {
    registry.registerComponent("schemas", name, schema);
  });
  const content = { schema: withId(said), example: findFeedbackExample(definition) };
  registry.registerPath({
    method: "post",
    path: FEEDBACK_PATH,
    // The name of an API may be the same.
    operationId: "feedback" in apis ? "postFeedback" : "feedback",
    tags: ["Feedback"],
    summary: "How an answer turned out",
    description: "Is written to the feedback log under the id of the request that it is about.",
    parameters: [{ $ref: "#/components/parameters/RequestId" }] as never,
    request: { body: { required: true, content: { "application/json": content } } },
    responses: {
      ...referToProblems((status) => [400, 413, 415, 422].includes(status)),
      202: {
        description: "Taken",
        headers: { "X-Request-Id": { $ref: "#/components/headers/RequestId" } },
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["status", REQUEST_ID],
              properties: { status: { const: "accepted" }, [REQUEST_ID]: ID },
            },
          },
        },
      },
    },
  });
}

/** Feedback that the service takes, to an answer that there never was. */
export function findFeedbackExample({ feedback = ANY_FEEDBACK }: ServiceDefinition): object {
  const said = toSample(describeSchema(feedback));
  return { [REQUEST_ID]: "f3f5c1de-7f0c-4b3e-9f43-2a86a4ad2a1b", ...(said as object | undefined) };
}

function withId(schema: JsonSchema): JsonSchema {
  const own: JsonSchema = {
    type: "object",
    properties: { [REQUEST_ID]: ID },
    required: [REQUEST_ID],
  };
  if (schema["type"] !== "object") return { allOf: [own, schema] };
  return {
    ...schema,
    properties: { [REQUEST_ID]: ID, ...(schema["properties"] as object | undefined) },
    required: [REQUEST_ID, ...((schema["required"] as string[] | undefined) ?? [])],
  };
}
