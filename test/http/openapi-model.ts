import { z } from "zod";

/**
 * The objects of an OpenAPI 3.1.0 document (https://spec.openapis.org/oas/v3.1.0, section 4.8) as far as
 * ours have them. All are strict, so a field that the specification does not know is an error.
 */
const Reference = z.strictObject({ $ref: z.string().regex(/^#\/components\//) });
const orReference = <Schema extends z.ZodType>(schema: Schema) => z.union([Reference, schema]);
const name = z.string().regex(/^[A-Za-z0-9._-]+$/);
const status = z.string().regex(/^([1-5]\d\d|default)$/);
const mediaType = z.string().regex(/^(\*|[a-z]+)\/(\*|[\w.+-]+)$/);
/** One media type, or several with commas between them. */
const mediaTypes = z.string().regex(/^(\*|[a-z]+)\/(\*|[\w.+-]+)(, (\*|[a-z]+)\/(\*|[\w.+-]+))*$/);

/** The keywords of draft 2020-12 that ours use, and `itemSchema` of OpenAPI 3.2 for streams. */
const Count = z.int().min(0);
const Name = z.string();
const types = z.enum(["string", "number", "integer", "boolean", "object", "array", "null"]);
const Schema: z.ZodType = z.union([
  z.boolean(),
  z.strictObject({
    $ref: z
      .string()
      .regex(/^#\/components\/schemas\/[A-Za-z0-9._-]+$/)
      .optional(),
    type: z.union([types, z.array(types).min(1)]).optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    examples: z.array(z.unknown()).optional(),
    enum: z.array(z.unknown()).min(1).optional(),
    const: z.unknown().optional(),
    format: z.string().optional(),
    pattern: z
      .string()
      .refine((text) => RegExp(text))
      .optional(),
    minLength: Count.optional(),
    maxLength: Count.optional(),
    contentMediaType: z.string().optional(),
    contentEncoding: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.number().optional(),
    exclusiveMaximum: z.number().optional(),
    multipleOf: z.number().gt(0).optional(),
    minItems: Count.optional(),
    maxItems: Count.optional(),
    get items() {
      return Schema.optional();
    },
    get prefixItems() {
      return z.array(Schema).min(1).optional();
    },
    get properties() {
      return z.record(Name, Schema).optional();
    },
    required: z.array(Name).optional(),
    get additionalProperties() {
      return Schema.optional();
    },
    get propertyNames() {
      return Schema.optional();
    },
    get anyOf() {
      return z.array(Schema).min(1).optional();
    },
    get itemSchema() {
      return Schema.optional();
    },
  }),
]);

const Example = z.strictObject({
  summary: z.string().optional(),
  description: z.string().optional(),
  value: z.unknown(),
});

const Encoding = z.strictObject({ contentType: mediaTypes.optional() });

const MediaType = z
  .strictObject({
    schema: Schema.optional(),
    example: z.unknown().optional(),
    examples: z.record(name, orReference(Example)).optional(),
    encoding: z.record(z.string(), Encoding).optional(),
  })
  .refine(
    (one) => !("example" in one && "examples" in one),
    "example and examples exclude each other",
  );

const Content = z.record(mediaType, MediaType);

const Header = z.strictObject({
  description: z.string().optional(),
  required: z.boolean().optional(),
  schema: Schema,
  example: z.unknown().optional(),
});

const Parameter = z
  .strictObject({
    name: z.string().min(1),
    in: z.enum(["query", "header", "path", "cookie"]),
    description: z.string().optional(),
    required: z.boolean().optional(),
    schema: Schema,
    example: z.unknown().optional(),
  })
  .refine((one) => one.in !== "path" || one.required === true, "a path parameter is required");

const Response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), orReference(Header)).optional(),
  content: Content.optional(),
});

const SecurityRequirement = z.record(name, z.array(z.string()));

const Operation = z.strictObject({
  tags: z.array(z.string()).min(1),
  summary: z.string().min(1),
  description: z.string().optional(),
  operationId: z.string().min(1),
  parameters: z.array(orReference(Parameter)).optional(),
  requestBody: z.strictObject({ required: z.boolean().optional(), content: Content }).optional(),
  responses: z.record(status, orReference(Response)),
  security: z.array(SecurityRequirement).optional(),
});

const PathItem = z
  .strictObject({ get: Operation.optional(), post: Operation.optional() })
  .refine(({ get }) => get?.requestBody === undefined, "GET has no body");

const SecurityScheme = z.union([
  z.strictObject({
    type: z.literal("apiKey"),
    in: z.enum(["query", "header", "cookie"]),
    name: z.string().min(1),
    description: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal("http"),
    scheme: z.string().min(1),
    bearerFormat: z.string().optional(),
    description: z.string().optional(),
  }),
]);

const Components = z.strictObject({
  schemas: z.record(name, Schema).optional(),
  responses: z.record(name, Response).optional(),
  parameters: z.record(name, Parameter).optional(),
  headers: z.record(name, Header).optional(),
  securitySchemes: z.record(name, SecurityScheme).optional(),
});

export const OpenApi = z
  .strictObject({
    openapi: z.literal("3.1.0"),
    info: z.strictObject({
      title: z.string().min(1),
      version: z.string().min(1),
      description: z.string().optional(),
    }),
    servers: z.array(z.strictObject({ url: z.string().min(1) })).min(1),
    tags: z.array(z.strictObject({ name: z.string().min(1), description: z.string().optional() })),
    paths: z.record(z.string().startsWith("/"), PathItem),
    components: Components,
    webhooks: z.strictObject({}).optional(),
  })
  .superRefine((document, context) => {
    for (const fault of findFaults(document)) context.addIssue({ code: "custom", message: fault });
  });

export type OpenApiDocument = z.infer<typeof OpenApi>;

/** What the specification says of several objects at once. */
function findFaults({ paths, tags, components }: OpenApiParts): string[] {
  const faults: string[] = [];
  const ids = new Set<string>();
  for (const [path, item] of Object.entries(paths)) {
    const inPath = Array.from(path.matchAll(/\{([^}]+)\}/g), ([, one]) => one!);
    for (const operation of Object.values(item)) {
      const { operationId, parameters = [] } = operation;
      if (ids.has(operationId)) faults.push(`${operationId} is there twice`);
      ids.add(operationId);
      const resolved = parameters.map((one) =>
        "$ref" in one ? components.parameters![one.$ref.split("/").at(-1)!]! : one,
      );
      const keys = resolved.map((one) => `${one.in} ${one.name}`);
      if (new Set(keys).size < keys.length) faults.push(`${operationId} has a parameter twice`);
      const described = resolved.filter((one) => one.in === "path").map((one) => one.name);
      if (described.toSorted().join() !== inPath.toSorted().join()) {
        faults.push(`${path} has other parameters than ${described.join()}`);
      }
      for (const tag of operation.tags) {
        if (!tags.some((one) => one.name === tag)) faults.push(`the tag ${tag} is not described`);
      }
      for (const requirement of operation.security ?? []) {
        for (const scheme of Object.keys(requirement)) {
          if (components.securitySchemes?.[scheme] === undefined) {
            faults.push(`the security scheme ${scheme} is not described`);
          }
        }
      }
    }
  }
  return faults;
}

interface OpenApiParts {
  paths: Record<string, z.infer<typeof PathItem>>;
  tags: { name: string }[];
  components: z.infer<typeof Components>;
}
