import type { JsonSchema } from "../core/json-schema.js";
import type { Input, InputContent } from "../inputs/input.js";
import { isJsonType } from "../inputs/json-text.js";
import { parseMediaType } from "../inputs/media-type.js";
import { MULTIPART_TYPE } from "../inputs/multipart.js";
import { readFormFields, type FormField } from "./form-fields.js";
import { isValid, toSample } from "./openapi-sample.js";
import type { RequestExample } from "./request-example.js";

type Properties = Record<string, JsonSchema>;

/**
 * The contract of a form with examples at its fields, which is where Swagger UI takes them from.
 * Fields of `multipart/form-data` that are files have none.
 */
export function withFieldExamples(
  described: InputContent,
  input: Input,
  mediaType: string,
  example: RequestExample,
): InputContent {
  const { schema } = described;
  const sent = findFields(example);
  const read = mediaType === MULTIPART_TYPE ? readText : readJson;
  const properties = listProperties(schema).map(([name, given]): [string, JsonSchema] => {
    const toField = mediaType === MULTIPART_TYPE ? (one: JsonSchema) => one : toTextField;
    const property = toField(given);
    const shown =
      sent === undefined
        ? toSample(property)
        : readValue(input, name, sent, (field) => read(field, property));
    const isShown = shown !== undefined && isValid(property, shown);
    const own = toField((schema["properties"] as Properties)[name]!);
    return [name, isShown ? { ...own, examples: [shown] } : own];
  });
  return { ...described, schema: { ...schema, properties: Object.fromEntries(properties) } };
}

/**
 * A field of a URL-encoded form: its text is read as JSON where it can be, so that of the ways to say
 * base64 only objects are left, which Swagger UI has a text field for.
 */
function toTextField(property: JsonSchema): JsonSchema {
  const { anyOf, ...rest } = property as { anyOf?: JsonSchema[] };
  const [first, ...others] = (anyOf ?? []).filter((one) => one["contentEncoding"] === undefined);
  if (first === undefined || others.length + 1 === anyOf!.length) return property;
  return { ...rest, ...first };
}

/** The example of a form as one JSON object, its files in base64; `undefined` for what is no form. */
export function toJsonForm(input: Input, schema: JsonSchema, example: RequestExample): unknown {
  const sent = findFields(example);
  if (sent === undefined) return undefined;
  const values = listProperties(schema).map(
    ([name, property]) =>
      [name, readValue(input, name, sent, (field) => readJson(field, property))] as const,
  );
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** The fields of the example; `undefined` when it is no form. */
export function findFields({ body }: RequestExample): FormField[] | undefined {
  if (body === undefined) return undefined;
  const isForm = parseMediaType(body.mediaType).mediaType === MULTIPART_TYPE;
  return isForm ? readFormFields(body) : undefined;
}

/** The properties of a form, each a schema that stands on its own. */
export function listProperties({ properties = {}, $defs }: JsonSchema): [string, JsonSchema][] {
  return Object.entries(properties as Properties).map(([name, property]) => [
    name,
    $defs === undefined ? property : { ...property, $defs },
  ]);
}

/** The text of a field, or the value of its JSON; `undefined` for what is neither. */
export function readText({ mediaType, bytes }: FormField): unknown {
  const text = Buffer.from(bytes).toString("utf8");
  if (mediaType !== "" && isJsonType(mediaType)) return JSON.parse(text);
  return mediaType === "" || mediaType.startsWith("text/") ? text : undefined;
}

/** As `readText`, a file in base64. */
function readJson(field: FormField, property: JsonSchema): unknown {
  const text = readText(field);
  if (text !== undefined) return text;
  const b64 = Buffer.from(field.bytes).toString("base64");
  return isValid(property, b64) ? b64 : { b64 };
}

function readValue(
  { hints }: Input,
  name: string,
  sent: readonly FormField[],
  read: (field: FormField) => unknown,
): unknown {
  const values = sent.filter((field) => field.name === name).map(read);
  return hints?.parts?.[name]?.repeated === true ? values : values[0];
}
