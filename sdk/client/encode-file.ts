import { fromBase64 } from "./base64.js";
import { refuseCall } from "./client-error.js";
import type { InputPart } from "../inputs/input.js";
import { isBlob, isStream, toBytes, type BodyContent, type EncodedBody } from "./encoded-body.js";
import { printJson } from "./json-text.js";

const OCTETS = "application/octet-stream";
const JSON_TYPE = "application/json";

interface NamedFile {
  bytes?: unknown;
  b64?: unknown;
  name?: unknown;
  mediaType?: unknown;
}

/** A file: bytes in any form, or an object with them, a name and a media type. */
export function encodeFile(
  { mediaTypes }: Pick<InputPart, "mediaTypes">,
  value: unknown,
): EncodedBody {
  const content = toContent(value);
  if (content !== undefined) return toBody(content, value as { name?: unknown }, mediaTypes);
  const file = (typeof value === "object" && value !== null ? value : {}) as NamedFile;
  const bytes = typeof file.b64 === "string" ? fromBase64(file.b64) : toContent(file.bytes);
  if (bytes !== undefined) return toBody(bytes, file, mediaTypes);
  throw refuseCall(
    `A file is expected, and ${describe(value)} came.`,
    "Give a Uint8Array, an ArrayBuffer, a Blob, or { bytes, name, mediaType }.",
  );
}

/** An image: bytes in any form, which say themselves what they are, or base64 as JSON. */
export function encodeImage(value: unknown): EncodedBody {
  const content = toContent(value);
  if (content !== undefined) return { content, mediaType: typeOf(content) ?? OCTETS };
  const { b64, image } = (typeof value === "object" && value !== null ? value : {}) as {
    b64?: unknown;
    image?: unknown;
  };
  if (typeof value === "string" || typeof b64 === "string" || typeof image === "string") {
    return { content: printJson(value), mediaType: JSON_TYPE };
  }
  throw refuseCall(
    `An image is expected, and ${describe(value)} came.`,
    "Give a Uint8Array, an ArrayBuffer, a Blob, or base64.",
  );
}

function toContent(value: unknown): BodyContent | undefined {
  return isBlob(value) || isStream(value) ? value : toBytes(value);
}

function toBody(
  content: BodyContent,
  { name, mediaType }: NamedFile,
  mediaTypes: readonly string[],
): EncodedBody {
  const [first = OCTETS] = mediaTypes;
  const fallback = first.includes("*") ? OCTETS : first;
  const type = typeof mediaType === "string" ? mediaType : (typeOf(content) ?? fallback);
  return {
    content,
    mediaType: type,
    ...(typeof name === "string" && name !== "" ? { fileName: name } : {}),
  };
}

function typeOf(content: BodyContent): string | undefined {
  return isBlob(content) && content.type !== "" ? content.type : undefined;
}

/**
 * The name of a file in the header `Content-Disposition`, where names beyond ASCII travel only in the
 * way of RFC 8187.
 */
export function printDisposition(name: string): string {
  if (/^[ -~]*$/.test(name)) return `attachment; filename="${escapeName(name)}"`;
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename*=UTF-8''${encoded}`;
}

/** A name inside the quotes of a `Content-Disposition` header, as browsers write it. */
export function escapeName(name: string): string {
  return name.replace(/["\r\n]/g, (char) => encodeURIComponent(char));
}

export function describe(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  return Array.isArray(value) ? "an array" : `a value of type ${typeof value}`;
}
