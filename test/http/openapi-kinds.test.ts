import { describe, expect, test } from "vitest";
import { z } from "zod";
import every from "../../examples/every-input/service.js";
import { apiKey } from "../../sdk/http/guards/api-key.js";
import { rateLimit } from "../../sdk/http/guards/rate-limit.js";
import { toOpenApi } from "../../sdk/http/openapi.js";
import type { ServiceDefinition } from "../../sdk/service/definition.js";
import { OpenApi } from "./openapi-model.js";
import { api, build, listen, send, service } from "./serving.js";
import { json } from "../../sdk/inputs/json.js";

type Content = Record<
  string,
  { schema: object; example?: unknown; examples?: Record<string, { value: unknown }> }
>;
interface Operation {
  operationId: string;
  parameters: { name: string; in: string; example?: unknown }[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
}
interface Document {
  paths: Record<string, { get?: Operation; post?: Operation }>;
  components: { schemas: Record<string, object> };
  tags: { name: string }[];
}

interface LimitedResponse {
  headers: Record<string, object>;
  content: Record<string, { example: object }>;
}
interface LimitedDocument {
  paths: Record<string, Record<string, { responses: Record<string, Partial<LimitedResponse>> }>>;
  components: { responses: Record<string, LimitedResponse> };
}

const definition = every.definition as ServiceDefinition;
const document = toOpenApi(definition, { version: "1" }) as Document;
const bodyOf = (path: string): Content => document.paths[path]!.post!.requestBody!.content;
const ask = (path: string, init?: RequestInit): Promise<Response> =>
  Promise.resolve(every.app.request(path, init));

/** A zod schema of a schema in a document, to try examples on. */
function toZod(schema: object, { components }: Document = document): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")));
}

const isJson = (mediaType: string): boolean => mediaType === "application/json";

/** Each body of the APIs that has an example. */
const examples = Object.entries(document.paths).flatMap(([path, { post }]) =>
  Object.entries(post?.requestBody?.content ?? {})
    .filter(([, { example }]) => example !== undefined)
    .map(([mediaType, content]) => ({ path, mediaType, ...content })),
);

describe("the document of a service with every kind of input", () => {
  test("is one of OpenAPI 3.1", () => {
    expect(OpenApi.safeParse(document).error).toBeUndefined();
  });

  test("has an example for each body that is text", () => {
    const texts = Object.values(document.paths).flatMap(({ post }) =>
      Object.entries(post?.requestBody?.content ?? {})
        .filter(([mediaType]) => /^text\/|json$/.test(mediaType))
        .map(([mediaType, body]) => ({
          at: `${post!.operationId} ${mediaType}`,
          has: "example" in body || "examples" in body,
        })),
    );
    expect(texts.length).toBeGreaterThan(15);
    expect(texts.filter(({ has }) => !has)).toEqual([]);
  });

  test.each(examples)("the example of $path in $mediaType is answered", async (body) => {
    expect(toZod(body.schema).safeParse(body.example).error).toBeUndefined();
    const sent = isJson(body.mediaType) ? JSON.stringify(body.example) : (body.example as string);
    const answer = await ask(body.path, {
      method: "POST",
      headers: { "content-type": body.mediaType },
      body: sent,
    });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([body.path === "/feedback" ? 202 : 200, text]);
  });

  test("the parameters have the examples, and are answered with them", async () => {
    const { parameters } = document.paths["/v1/shops/{shop}/forecast"]!.get!;
    const shown = parameters.filter((one) => "name" in one);
    expect(shown).toMatchObject([
      { name: "shop", in: "path", example: "tokyo", description: "The name of a shop" },
      { name: "months", in: "query", example: 2, required: false, schema: { default: 3 } },
      { name: "unit", in: "query", example: "yen", required: true },
    ]);
    const query = new URLSearchParams(
      shown
        .filter((one) => one.in === "query")
        .map((one): [string, string] => [one.name, String(one.example)]),
    );
    expect((await ask(`/v1/shops/tokyo/forecast?${query}`)).status).toBe(200);
  });

  test("bytes get a chooser for a file, text does not", () => {
    for (const { post } of Object.values(document.paths)) {
      for (const [mediaType, { schema }] of Object.entries(post?.requestBody?.content ?? {})) {
        const isText = /^text\/|json$|^multipart|urlencoded$/.test(mediaType);
        const expected = isText ? undefined : { format: "binary", contentMediaType: mediaType };
        const { format, contentMediaType } = schema as Record<string, string | undefined>;
        const found = contentMediaType === undefined ? undefined : { format, contentMediaType };
        expect([mediaType, found]).toEqual([mediaType, expected]);
      }
    }
    expect(Object.keys(bodyOf("/v1/pack"))).toEqual([
      "application/octet-stream",
      "multipart/form-data",
    ]);
  });

  test("the fields of a form have their examples and content types", () => {
    expect(bodyOf("/v1/caption")["multipart/form-data"]).toMatchObject({
      schema: {
        required: ["photo", "options"],
        properties: {
          photo: { format: "binary" },
          options: { type: "object", examples: [{ language: "en", words: 5 }] },
          note: { examples: ["taken today"] },
        },
      },
      encoding: {
        photo: { contentType: expect.stringMatching(/^image\/png, /) as string },
        options: { contentType: "application/json" },
        note: { contentType: "text/plain" },
      },
    });
  });

  test("a field of a URL-encoded form that is bytes is JSON with base64", () => {
    const { properties } = bodyOf("/v1/caption")["application/x-www-form-urlencoded"]!.schema as {
      properties: Record<string, object>;
    };
    expect(properties["photo"]).toMatchObject({
      type: "object",
      required: ["b64"],
      examples: [{ b64: expect.stringMatching(/^iVBOR/) as string }],
    });
  });

  test("streams are described by what each value is", () => {
    const answerOf = (path: string, method: "get" | "post"): unknown =>
      document.paths[path]![method]!.responses["200"];
    expect(answerOf("/v1/countdown", "get")).toMatchObject({
      content: { "text/event-stream": { schema: { itemSchema: { properties: { left: {} } } } } },
    });
    expect(answerOf("/v1/spell", "post")).toMatchObject({
      content: { "application/x-ndjson": { schema: { itemSchema: { required: ["letter"] } } } },
    });
  });

  test("an API names the refusals that it has, and no others", () => {
    const statusesOf = ({ get, post }: Document["paths"][string]): string[] =>
      Object.keys((get ?? post)!.responses);
    expect(statusesOf(document.paths["/v1/countdown"]!)).toEqual([
      "200",
      "406",
      "422",
      "500",
      "503",
      "504",
    ]);
    expect(statusesOf(document.paths["/v1/pack"]!)).toContain("507");
    expect(statusesOf(document.paths["/v1/distance"]!)).not.toContain("507");
  });
});

describe("other protocols", () => {
  const requests = Object.entries(document.paths).flatMap(([path, { post }]) =>
    Object.entries(post?.requestBody?.content["application/json"]?.examples ?? {}).map(
      ([name, { value }]) => ({ path: path.replace("{model}", name), name, value }),
    ),
  );

  test("each API that can be asked has an example, and MLflow's fields have one for the default", () => {
    const names = requests.filter(({ path }) => path.startsWith("/v2")).map(({ name }) => name);
    expect(names).toEqual([
      "predict",
      "distance",
      "parity",
      "softmax",
      "negative",
      "capitals",
      "caption",
    ]);
    const fields = requests.filter(({ path }) => path === "/invocations").map(({ name }) => name);
    expect(fields).toEqual(["dataframe_split", "dataframe_records", "inputs"]);
  });

  test.each(requests)("the example for $path ($name) is answered", async ({ path, value }) => {
    const headers = { "content-type": "application/json" };
    const answer = await ask(path, { method: "POST", headers, body: JSON.stringify(value) });
    const text = await answer.text();
    expect([answer.status, text]).toEqual([200, text]);
    expect(toZod({ $ref: schemaOf(path) }).safeParse(value).error).toBeUndefined();
  });

  const schemaOf = (path: string): string =>
    `#/components/schemas/${path === "/invocations" ? "ScoringRequest" : "InferenceRequest"}`;

  test.each(
    Object.entries(document.paths)
      .filter(([, { get }]) => get !== undefined)
      .map(([path]) => path.replace("{model}", "predict").replace("{shop}", "tokyo")),
  )("GET %s is there", async (path) => {
    const answer = await ask(path);
    await answer.body?.cancel();
    expect([200, 422]).toContain(answer.status);
  });

  test("only those are there that are switched on", () => {
    const tagsWith = (openInference: boolean, mlflow: boolean): unknown => {
      const protocols = { openInference, mlflow };
      const { paths, tags } = toOpenApi({ ...definition, protocols }, { version: "1" }) as Document;
      const known = ["/v2/models/{model}/infer", "/invocations"].map((path) => path in paths);
      return [known, tags.map(({ name }) => name)];
    };
    const first = ["APIs", "Feedback"];
    const last = "Operation";
    expect(tagsWith(false, false)).toEqual([
      [false, false],
      [...first, last],
    ]);
    expect(tagsWith(true, false)).toEqual([
      [true, false],
      [...first, "Open Inference Protocol", last],
    ]);
    expect(tagsWith(false, true)).toEqual([
      [false, true],
      [...first, "MLflow and SageMaker", last],
    ]);
  });

  test("what asks an API needs the key of the service, and what tells of it does not", () => {
    const middleware = [apiKey({ keys: ["k-1234567890"] })];
    const locked = toOpenApi({ ...definition, middleware }, { version: "1" });
    expect(OpenApi.safeParse(locked).error).toBeUndefined();
    const { paths } = locked as { paths: Record<string, Record<string, { security?: unknown }>> };
    const open = Object.entries(paths)
      .filter(([, item]) => Object.values(item).every(({ security }) => security === undefined))
      .map(([path]) => path);
    expect(open).toEqual(
      Object.keys(paths).filter((path) => !/^\/v1|\/infer$|^\/(invocations|feedback)/.test(path)),
    );
    expect(paths["/invocations"]!["post"]).toMatchObject({
      responses: {
        401: {
          content: {
            "application/json": { schema: { $ref: "#/components/schemas/ScoringError" } },
          },
        },
      },
    });
  });

  test("behind rateLimit() all that asks an API may answer with 429, and says what is left", async () => {
    const apis = [api({ example: { x: 1, y: 2 } })];
    const limited = service(apis, { middleware: [rateLimit({ requests: 1, by: () => "all" })] });
    const { app } = await build(limited);
    await using server = await listen(app);
    const asked = await fetch(`${server.url}/openapi.json`);
    const document = (await asked.json()) as LimitedDocument;
    expect(OpenApi.safeParse(document).error).toBeUndefined();
    const limitedPaths = Object.entries(document.paths)
      .filter(([, item]) => Object.values(item).some(({ responses }) => "429" in responses))
      .map(([path]) => path);
    expect(limitedPaths.toSorted()).toEqual([
      "/feedback",
      "/invocations",
      "/v1/add",
      "/v2/models/{model}/infer",
    ]);
    const { responses } = document.paths["/v1/add"]!["post"]!;
    expect(responses["429"]).toEqual({ $ref: "#/components/responses/TooManyRequests" });
    expect(document.paths["/invocations"]!["post"]!.responses["429"]).toMatchObject({
      content: {
        "application/json": { schema: { $ref: "#/components/schemas/ScoringError" } },
      },
    });

    // What is described is what comes.
    const described = document.components.responses["TooManyRequests"]!;
    const ask = () => send(`${server.url}/v1/add`, { body: JSON.stringify({ x: 1, y: 2 }) });
    const [first, second] = [await ask(), await ask()];
    expect([first.status, second.status]).toEqual([200, 429]);
    const namesOf = (headers: object) =>
      Object.keys(headers)
        .map((name) => name.toLowerCase())
        .toSorted();
    expect(namesOf(second.headers)).toEqual(expect.arrayContaining(namesOf(described.headers)));
    expect(namesOf(described.headers)).toContain("retry-after");
    expect(namesOf(first.headers)).toEqual(
      expect.arrayContaining(namesOf(responses["200"]!.headers!)),
    );
    expect(namesOf(responses["200"]!.headers!)).toContain("ratelimit");
    const { example } = described.content["application/problem+json"]!;
    expect(Object.keys(JSON.parse(second.body) as object).toSorted()).toEqual(
      Object.keys(example).toSorted(),
    );

    const open = toOpenApi(service(apis), { version: "1" });
    expect(JSON.stringify(open)).not.toContain("429");
  });

  test("a service without an API for them keeps the document valid", () => {
    const none = toOpenApi(service([]), { version: "1" });
    expect(OpenApi.safeParse(none).error).toBeUndefined();
    expect(Object.keys((none as Document).paths)).not.toContain("/invocations");
  });
});

describe("an API without an example", () => {
  const bodyFor = (schema: z.ZodType): Content["application/json"] => {
    const apis = [api({ input: json(schema), example: undefined })];
    const made = toOpenApi(service(apis), { version: "1" }) as Document;
    return made.paths["/v1/add"]!.post!.requestBody!.content["application/json"]!;
  };

  test.each<[string, z.ZodType, unknown]>([
    ["the first choice", z.object({ plan: z.enum(["basic", "premium"]) }), { plan: "basic" }],
    [
      "the least number",
      z.object({ age: z.int().min(18), share: z.number() }),
      { age: 18, share: 0 },
    ],
    ["a number above a limit", z.object({ weight: z.number().gt(0).lt(1) }), { weight: 0.5 }],
    ["the greatest where 0 is too much", z.object({ depth: z.number().max(-2) }), { depth: -2 }],
    ["a multiple", z.object({ step: z.int().min(7).multipleOf(5) }), { step: 10 }],
    [
      "a text",
      z.object({ note: z.string(), code: z.string().length(6) }),
      { note: "text", code: "textte" },
    ],
    ["a date", z.object({ at: z.date() }), { at: "2026-01-31T12:00:00Z" }],
    ["a default", z.object({ top: z.int().default(5) }), { top: 5 }],
    ["a list", z.object({ point: z.array(z.number()).min(2) }), { point: [0, 0] }],
    ["a tuple", z.tuple([z.string(), z.boolean()]), ["text", false]],
    ["the first variant that is not null", z.object({ a: z.number().nullable() }), { a: 0 }],
    ["a constant", z.object({ kind: z.literal("circle") }), { kind: "circle" }],
    [
      "a known format",
      z.object({ id: z.uuid(), mail: z.email() }),
      {
        id: "f3f5c1de-7f0c-4b3e-9f43-2a86a4ad2a1b",
        mail: "name@example.org",
      },
    ],
  ])("gets %s", (_, schema, expected) => {
    const { example, schema: described } = bodyFor(schema);
    expect(example).toEqual(expected);
    expect(toZod(described).safeParse(example).success).toBe(true);
  });

  test.each<[string, z.ZodType]>([
    ["a pattern", z.object({ plate: z.string().regex(/^[A-Z]{2}-\d{3}$/) })],
    ["a rule of its own", z.object({ a: z.number() }).refine(({ a }) => a > 10)],
  ])("gets none where %s refuses what was made up", (_, schema) => {
    expect(bodyFor(schema)).not.toHaveProperty("example");
  });

  test("a schema that holds itself ends somewhere", () => {
    const Tree: z.ZodType = z.object({
      name: z.string(),
      get children() {
        return z.array(Tree);
      },
    });
    expect(bodyFor(Tree).example).toMatchObject({ name: "text", children: expect.any(Array) });
  });
});

describe("recorded answers", () => {
  const answers = {
    predict: [{ mediaType: "application/json", value: [{ churn: 0.8, plan: "basic" }] }],
    capitals: [{ mediaType: "text/plain", value: "EKIBEN" }],
    countdown: [{ mediaType: "text/event-stream", value: "data: {}\n\n" }],
  };
  const { paths } = toOpenApi(definition, { version: "1", answers }) as Document;

  test("are shown in their media type, and tables also in the others that are text", () => {
    const { content } = paths["/v1/churn/predict"]!.post!.responses["200"]!;
    expect(content).toMatchObject({
      "application/json": { example: [{ churn: 0.8, plan: "basic" }] },
      "text/csv": { example: "churn,plan\r\n0.8,basic\r\n" },
      "application/x-ndjson": { example: '{"churn":0.8,"plan":"basic"}\n' },
    });
    expect(content!["application/vnd.apache.arrow.stream"]).not.toHaveProperty("example");
    expect(paths["/v1/capitals"]!.post!.responses["200"]!.content).toMatchObject({
      "text/plain": { example: "EKIBEN" },
    });
    expect(paths["/v1/countdown"]!.get!.responses["200"]!.content).toMatchObject({
      "text/event-stream": { example: "data: {}\n\n" },
    });
  });

  test("of the default API are shown as predictions", () => {
    expect(paths["/invocations"]!.post!.responses["200"]!.content).toMatchObject({
      "application/json": { example: { predictions: [{ churn: 0.8, plan: "basic" }] } },
    });
  });
});
