import type { MiddlewareHandler } from "hono";
import type { JsonSchema } from "../core/json-schema.js";
import { parseDisposition } from "../inputs/disposition.js";
import type { EncodedBody } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";
import { MULTIPART_TYPE } from "../inputs/multipart.js";
import type { ApiDefinition, ServiceDefinition } from "../service/definition.js";
import { FEEDBACK_PATH } from "./feedback.js";
import type { FormField } from "./form-fields.js";
import { findGuards } from "./guards/guard-facts.js";
import { findFeedbackExample } from "./openapi-feedback.js";
import { findFields, listProperties, readText } from "./openapi-form.js";
import { isText } from "./openapi-request.js";
import { toSample } from "./openapi-sample.js";
import { findRequestExample } from "./request-example.js";
import { toSentRequest } from "./sent-request.js";

const LONGEST_BODY = 4000;
const BYTES_TYPE = "application/octet-stream";

/**
 * A command for a POSIX shell that asks an API, with its example filled in. What guards ask for is left
 * to be filled in by whoever has it.
 */
export function toCurl(
  api: ApiDefinition,
  origin: string,
  middleware: readonly MiddlewareHandler[] = [],
): string {
  const { input, output, method } = api;
  const { body, parameters } = findRequestExample(api);
  const empty: EncodedBody = { bytes: new Uint8Array(), mediaType: "" };
  const sent = toSentRequest(api, body ?? empty, parameters);
  const answered = output.mediaTypes(input.cardinality)[0] ?? "";
  const options = [
    ...(output.streams ? ["-N"] : []),
    ...findGuards(middleware).flatMap(({ scheme }) => toCredential(scheme.object)),
    ...(isText(answered) || output.streams
      ? []
      : [`-o ${quoteName(`answer${extensionOf(answered)}`)}`]),
    ...(method === "GET" ? [] : toBodyOptions(api, body)),
  ];
  const url = `${origin}${sent.path}`;
  const first = `curl ${/[?&;'"()$`!*[\]{}~]/.test(url) ? quote(url) : url}`;
  return [first, ...options.map((option) => `  ${option}`)].join(" \\\n");
}

/** The same for feedback. */
export function toFeedbackCurl(definition: ServiceDefinition, origin: string): string {
  const options = [
    ...findGuards(definition.middleware).flatMap(({ scheme }) => toCredential(scheme.object)),
    "-H 'Content-Type: application/json'",
    `-d ${quote(JSON.stringify(findFeedbackExample(definition)))}`,
  ];
  return [`curl ${origin}${FEEDBACK_PATH}`, ...options.map((option) => `  ${option}`)].join(
    " \\\n",
  );
}

interface SecurityScheme {
  type?: string;
  in?: string;
  name?: string;
  scheme?: string;
}

function toCredential({ type, in: where, name, scheme }: SecurityScheme): string[] {
  if (type === "apiKey" && where === "header") return [`-H ${quote(`${name}: YOUR_KEY`)}`];
  return type === "http" && scheme?.toLowerCase() === "bearer"
    ? ["-H 'Authorization: Bearer YOUR_TOKEN'"]
    : [];
}

function toBodyOptions(api: ApiDefinition, body: EncodedBody | undefined): string[] {
  const { input } = api;
  if (input.kind === "none") return ["-X POST"];
  const [mediaType = ""] = input.mediaTypes;
  if (body === undefined) {
    return mediaType === MULTIPART_TYPE ? sampleFields(api) : sendFile(mediaType, input.kind);
  }
  const fields = findFields({ body, parameters: {} });
  if (fields !== undefined) return fields.map(toFieldOption);
  const type = parseMediaType(body.mediaType).mediaType;
  const headers = Object.entries(body.headers ?? {}).map(
    ([name, value]) => `-H ${quote(`${toTitle(name)}: ${value}`)}`,
  );
  if (!isText(type) || body.bytes.byteLength > LONGEST_BODY) {
    const { fileName } = parseDisposition(body.headers?.["content-disposition"] ?? "");
    const name = isText(type) ? "request" : input.kind;
    return [...headers, ...sendFile(body.mediaType, name, fileName)];
  }
  const text = Buffer.from(body.bytes).toString("utf8");
  // `-d` takes what begins with this sign for the name of a file.
  const option = text.startsWith("@") ? "--data-raw" : "-d";
  return [...headers, `-H ${quote(`Content-Type: ${body.mediaType}`)}`, `${option} ${quote(text)}`];
}

function toTitle(header: string): string {
  return header.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function sendFile(mediaType: string, name: string, fileName?: string): string[] {
  const type = mediaType.includes("*") || mediaType === "" ? BYTES_TYPE : mediaType;
  const file = fileName ?? `${name}${extensionOf(type)}`;
  return [`-H ${quote(`Content-Type: ${type}`)}`, `--data-binary ${quoteName(`@${file}`)}`];
}

function toFieldOption(field: FormField): string {
  const { name, mediaType, fileName, bytes } = field;
  const type = mediaType === "" ? "" : `;type=${mediaType}`;
  if (fileName !== undefined || readText(field) === undefined || bytes.length > LONGEST_BODY) {
    return toFileOption(name, fileName ?? `${name}${extensionOf(mediaType)}`, type);
  }
  return toTextOption(name, Buffer.from(bytes).toString("utf8"), type);
}

function toFileOption(name: string, file: string, type: string): string {
  return `-F ${quoteName(`${name}=@${file}${type}`)}`;
}

function toTextOption(name: string, text: string, type: string): string {
  if (type === "" || type === ";type=text/plain")
    return `--form-string ${quoteName(`${name}=${text}`)}`;
  // Only in quotes does curl take every text as it is, with these two escaped.
  const isPlain = /^[^@<("=\s][^;\r\n]*$/.test(text);
  const written = isPlain ? text : `"${text.replace(/["\\]/g, String.raw`\$&`)}"`;
  return `-F ${quoteName(`${name}=${written}${type}`)}`;
}

/** The fields of a form that has no example, as far as they can be made up. */
function sampleFields({ input }: ApiDefinition): string[] {
  const { schema = {}, encoding = {} } = input.content()[MULTIPART_TYPE] ?? {};
  const required = (schema["required"] ?? []) as string[];
  return listProperties(schema as JsonSchema)
    .filter(([name]) => required.includes(name))
    .map(([name, property]) => {
      const type = encoding[name]?.contentType.split(",")[0]!.trim() ?? "";
      const known = type.includes("*") ? "" : type;
      const sample = toSample(property);
      const suffix = known === "" ? "" : `;type=${known}`;
      if (sample === undefined) return toFileOption(name, `${name}${extensionOf(known)}`, suffix);
      const text = typeof sample === "string" ? sample : JSON.stringify(sample);
      return toTextOption(name, text, suffix);
    });
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  "application/gzip": ".gz",
  "application/json": ".json",
  "application/octet-stream": ".bin",
  "application/vnd.apache.arrow.file": ".arrow",
  "application/vnd.apache.arrow.stream": ".arrows",
  "application/vnd.apache.parquet": ".parquet",
  "application/x-ndjson": ".ndjson",
  "image/jpeg": ".jpg",
  "image/svg+xml": ".svg",
  "text/plain": ".txt",
  "text/tab-separated-values": ".tsv",
};

function extensionOf(mediaType: string): string {
  const type = parseMediaType(mediaType).mediaType;
  const known = EXTENSIONS[type];
  if (known !== undefined) return known;
  const subtype = /^(?:image|audio|video|text|application)\/([a-z0-9]{2,5})$/.exec(type)?.[1];
  return subtype === undefined ? "" : `.${subtype}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Quoted only where a shell would read it as something else. */
function quoteName(text: string): string {
  return /^[\w@./=:+-]+$/.test(text) ? text : quote(text);
}
