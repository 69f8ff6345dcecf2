import { describe, expect, test } from "vitest";
import { z } from "zod";
import { toOpenApi } from "../../sdk/http/openapi.js";
import { dataframe } from "../../sdk/inputs/dataframe.js";
import { json } from "../../sdk/inputs/json.js";
import type { ApiDefinition } from "../../sdk/service/definition.js";
import { api, build, listen, send, service } from "./serving.js";

const Row = z.object({
  tenure: z.number().nullable(),
  plan: z.enum(["basic", "premium"]),
  since: z.date().optional(),
});
const rows = [{ tenure: 3, plan: "basic" }];

const Tree: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});
const Shared = z.object({ at: z.number() }).meta({ id: "Shared.Point" });

const apis: ApiDefinition[] = [
  api({ summary: "Adds.", description: "Adds two numbers." }),
  api({
    name: "predict",
    route: "v1/churn/predict",
    input: dataframe(Row),
    output: z.object({ churn: z.number().min(0).max(1), from: Shared }),
    example: rows,
    batch: {
      maxBatchSize: 50,
      maxLatencyMs: 200,
      maxQueueItems: 100,
      maxQueueBytes: 2 ** 28,
      concurrency: 1,
    },
    handler: (() => ({ churn: [0.5], from: [{ at: 1 }] })) as never,
  }),
  api({
    name: "walk",
    route: "walk",
    input: json(Tree),
    output: Tree,
    example: { name: "a", children: [{ name: "b", children: [] }] },
    handler: ((tree: unknown) => tree) as never,
  }),
  api({
    name: "bare",
    route: "bare",
    input: json(z.unknown()),
    output: undefined,
    example: undefined,
  }),
];

interface Operation {
  operationId: string;
  parameters: object[];
  requestBody: { content: Record<string, { schema: object; example?: unknown }> };
  responses: Record<string, { $ref?: string; content?: Record<string, { schema: object }> }>;
}
interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description?: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, object>>;
}

const definition = service(apis, { description: "Adds and predicts." });
const document = toOpenApi(definition, {
  version: "v7",
  answers: {
    predict: [{ mediaType: "application/json", value: [{ churn: 0.4, from: { at: 1 } }] }],
  },
}) as OpenApiDocument;
const operations = Object.values(document.paths).flatMap((item) => Object.values(item));

/** Every object within a value, itself included. */
function* walk(value: unknown): Generator<Record<string, unknown>> {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* walk(inner);
}

function resolve(reference: string): unknown {
  let at: unknown = document;
  for (const part of reference.slice(2).split("/")) at = (at as Record<string, unknown>)[part];
  return at;
}

/** A zod schema of a schema in the document, to try examples on. */
function toZod(schema: object): z.ZodType {
  const { schemas } = document.components;
  const text = JSON.stringify({ ...schema, $defs: schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}

describe("the document", () => {
  test("is OpenAPI 3.1 with the facts of the service", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(document.info).toEqual({
      title: "adder",
      version: "v7",
      description: "Adds and predicts.",
    });
    expect(document.servers).toEqual([{ url: "." }]);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(["/v1/add", "/v1/churn/predict", "/walk", "/livez", "/metrics"]),
    );
    const withUrl = toOpenApi(definition, { version: "1", url: "https://a.example/x" });
    expect(withUrl).toMatchObject({ servers: [{ url: "https://a.example/x" }] });
  });

  test("every reference leads somewhere", () => {
    const references = [...walk(document)].flatMap(({ $ref }) =>
      typeof $ref === "string" ? [$ref] : [],
    );
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      expect(reference).toMatch(/^#\/components\//);
      expect([reference, typeof resolve(reference)]).toEqual([reference, "object"]);
    }
  });

  test("no schema keeps definitions of its own, which would mean another root", () => {
    for (const object of walk(document)) {
      expect(object).not.toHaveProperty("$defs");
      expect(object).not.toHaveProperty("$schema");
    }
  });

  test("components and operations have names that are allowed and used once", () => {
    for (const kind of Object.values(document.components)) {
      for (const name of Object.keys(kind)) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
    }
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("every operation and every response says what it must", () => {
    for (const operation of operations) {
      for (const response of Object.values(operation.responses)) {
        const resolved = response.$ref === undefined ? response : resolve(response.$ref);
        expect(resolved).toMatchObject({
          description: expect.stringMatching(/./),
          headers: { "X-Request-Id": expect.anything() },
        });
      }
    }
  });

  test("an API lists every status it can answer with, as problems", () => {
    for (const { route } of apis) {
      const { responses } = document.paths[`/${route}`]!["post"]!;
      expect(Object.keys(responses)).toEqual([
        "200",
        "400",
        "406",
        "413",
        "415",
        "422",
        "500",
        "503",
        "504",
      ]);
      for (const [status, { $ref }] of Object.entries(responses)) {
        if (status === "200") continue;
        const { content } = resolve($ref!) as { content: Record<string, { example: object }> };
        const { example } = content["application/problem+json"]!;
        expect(example).toMatchObject({ status: Number(status) });
        expect(toZod({ $ref: "#/components/schemas/Problem" }).safeParse(example)).toMatchObject({
          success: true,
        });
      }
    }
    expect(resolve("#/components/responses/Unavailable")).toHaveProperty("headers.Retry-After");
  });

  test("a request of many items is answered by an array, one item by one output", () => {
    const answerOf = (path: string) =>
      document.paths[path]!["post"]!.responses["200"]!.content!["application/json"]!;
    expect(answerOf("/v1/churn/predict")).toMatchObject({
      schema: { type: "array", items: { properties: { churn: { minimum: 0, maximum: 1 } } } },
      example: [{ churn: 0.4, from: { at: 1 } }],
    });
    expect(answerOf("/v1/add")).toMatchObject({
      schema: { properties: { sum: { type: "number" } } },
    });
    expect(answerOf("/bare").schema).toEqual({});
  });

  test("each example is valid under the schema beside it, and the schema refuses nonsense", () => {
    const withExample = operations.flatMap(({ operationId, requestBody }) =>
      Object.values(requestBody?.content ?? {})
        .filter(({ example }) => example !== undefined)
        .map((content) => ({ operationId, ...content })),
    );
    expect(withExample.map(({ operationId }) => operationId)).toEqual([
      "add",
      "predict",
      "predict",
      "predict",
      "predict",
      "walk",
      "bare",
      "feedback",
    ]);
    for (const { operationId, schema, example } of withExample) {
      const parsed = toZod(schema).safeParse(example);
      expect([operationId, parsed.error]).toEqual([operationId, undefined]);
      if (operationId === "bare") continue;
      expect(toZod(schema).safeParse({ nonsense: true }).success).toBe(false);
    }
  });

  test("every media type of an input is described", () => {
    for (const { route, input } of apis) {
      const { content } = document.paths[`/${route}`]!["post"]!.requestBody;
      expect(Object.keys(content)).toEqual(Object.keys(input.content()));
    }
  });
});

test("the document is served under both names, and the examples in it are answered", async () => {
  const built = await build(definition);
  await using served = await listen(built.app);
  const answer = await send(`${served.url}/openapi.json`, { method: "GET" });
  expect(answer.headers["content-type"]).toBe("application/json");
  expect((await send(`${served.url}/docs.json`, { method: "GET" })).body).toBe(answer.body);
  const { paths } = JSON.parse(answer.body) as OpenApiDocument;
  for (const path of ["/v1/add", "/v1/churn/predict", "/walk"]) {
    const { requestBody, responses } = paths[path]!["post"]!;
    const [mediaType, { example }] = Object.entries(requestBody.content)[0]!;
    const result = await send(served.url + path, {
      headers: { "content-type": mediaType },
      body: JSON.stringify(example),
    });
    expect([path, result.status]).toEqual([path, 200]);
    const { schema } = responses["200"]!.content!["application/json"]!;
    expect(toZod(schema).safeParse(JSON.parse(result.body)).error).toBeUndefined();
  }
});
