import { toHeaderReader } from "../core/header-reader.js";
import { describeSchema } from "../inputs/describe-schema.js";
import type { JsonSchema } from "../core/json-schema.js";
import type { EncodedBody, Input, Payload } from "../inputs/input.js";
import { isJsonType } from "../inputs/json-text.js";
import { parseMediaType } from "../inputs/media-type.js";
import { createParameterReader } from "../inputs/parameters.js";
import type { ApiDefinition, ExampleParameters } from "../service/definition.js";
import { releasePayload } from "../service/admission.js";
import { findParameters } from "../service/route.js";
import { toSample } from "./openapi-sample.js";

/** A request that shows how an API is asked: its author's example, else one made from the schemas. */
export interface RequestExample {
  /** As a caller writes it; absent where there is no body, or none can be made up. */
  readonly value?: unknown;
  readonly body?: EncodedBody;
  readonly parameters: ExampleParameters;
}

const known = new WeakMap<ApiDefinition, RequestExample>();

export function findRequestExample(api: ApiDefinition): RequestExample {
  let example = known.get(api);
  if (example === undefined) known.set(api, (example = makeExample(api)));
  return example;
}

function makeExample(api: ApiDefinition): RequestExample {
  const { input, exampleParameters: given } = api;
  const parameters: ExampleParameters = {
    params: { ...sampleParameters(api, "params"), ...given?.params },
    query: { ...(given?.query ?? sampleParameters(api, "query")) },
  };
  if (input.kind === "none") return { parameters };
  if (api.example !== undefined) {
    return { value: api.example, body: input.encode(api.example), parameters };
  }
  return { ...findBody(input), parameters };
}

/** The least parameters that are valid; none where that cannot be found. */
function sampleParameters(
  api: ApiDefinition,
  key: "params" | "query",
): Readonly<Record<string, unknown>> {
  const schema = api[key];
  if (schema === undefined) {
    return key === "query"
      ? {}
      : Object.fromEntries(findParameters(api.route).map((name) => [name, "text"]));
  }
  const { properties = {}, required = [] } = describeSchema(schema) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  const samples = required.map((name) => [name, toSample(properties[name] ?? {})]);
  const made = Object.fromEntries(samples) as Record<string, unknown>;
  try {
    createParameterReader(schema, key === "params" ? "path" : "query")(toTexts(made));
    return made;
  } catch {
    return {};
  }
}

/** As a URL says them. */
function toTexts(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]),
  );
}

const LONGEST_MADE = 4000;

type BodyExample = Pick<RequestExample, "value" | "body">;

/** A body that the input itself shows, or one made from its schemas. */
function findBody(input: Input): BodyExample {
  const content = Object.entries(input.content());
  const shown = content.find(([, { example }]) => example !== undefined);
  if (shown !== undefined) return { body: toBody(shown[0], shown[1].example) };
  const item = toSample(input.itemSchema());
  const value = input.cardinality === "many" ? [item] : item;
  const made = item === undefined ? undefined : check(input, value, () => input.encode(value));
  if (made !== undefined) return made;
  const [json] = content.filter(([mediaType]) => isJsonType(mediaType));
  const sample = json === undefined ? undefined : toSample(json[1].schema);
  if (sample === undefined) return {};
  return check(input, sample, () => toBody(json![0], sample)) ?? {};
}

function toBody(mediaType: string, example: unknown): EncodedBody {
  const text = isJsonType(mediaType) ? JSON.stringify(example) : String(example);
  return { bytes: Buffer.from(text), mediaType };
}

function check(input: Input, value: unknown, encode: () => EncodedBody): BodyExample | undefined {
  try {
    const body = encode();
    const isShort = body.bytes.byteLength <= LONGEST_MADE;
    return isShort && isRead(input, body) ? { value, body } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an input takes a body. Of one that is read in the background only its schema tells. */
export function isRead(input: Input, { bytes, mediaType, headers }: EncodedBody): boolean {
  const head = { ...parseMediaType(mediaType), headers: toHeaderReader(headers) };
  return isTaken(() => input.parse({ ...head, bytes }));
}

/** Whether an input takes a JSON value. */
export function isReadFromJson({ parseJson }: Input, value: unknown): boolean {
  return parseJson === undefined || isTaken(() => parseJson(structuredClone(value)));
}

/** Whether an input takes what it is given, as far as it says so at once. */
export function isTaken(parse: () => Payload | Promise<Payload>): boolean {
  try {
    const payload = parse();
    if (payload instanceof Promise) payload.then(releasePayload).catch(() => {});
    else releasePayload(payload);
    return true;
  } catch {
    return false;
  }
}
