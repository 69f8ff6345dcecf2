import type { InputPart } from "../inputs/input.js";
import { refuseCall } from "./client-error.js";
import { describe, escapeName } from "./encode-file.js";
import { isStream, type EncodedBody } from "./encoded-body.js";
import { createRequestId } from "./request-id.js";

const CRLF = "\r\n";

/** What a Blob is made of. */
type Piece = string | Blob | Uint8Array<ArrayBuffer>;

/**
 * A form as `multipart/form-data` (RFC 7578). It is written here and not by `FormData`, which changes
 * the line ends of texts and gives every file a name.
 */
export function encodeForm(
  parts: Readonly<Record<string, InputPart>>,
  value: unknown,
  encodePart: (part: InputPart, value: unknown) => EncodedBody,
): EncodedBody {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuseCall(
      `A form is expected, and ${describe(value)} came.`,
      `Give an object with the parts ${Object.keys(parts).join(", ")}.`,
    );
  }
  const boundary = `ekiben-${createRequestId()}`;
  const content: Piece[] = [];
  for (const [name, part] of Object.entries(parts)) {
    const given = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
    // What is missing the service says, which knows what is optional.
    if (given === undefined) continue;
    for (const each of part.repeated && Array.isArray(given) ? (given as unknown[]) : [given]) {
      const body = encodePart(part, each);
      content.push(`--${boundary}${CRLF}${printHead(name, body)}`, toPiece(name, body), CRLF);
    }
  }
  content.push(`--${boundary}--${CRLF}`);
  return { content: new Blob(content), mediaType: `multipart/form-data; boundary=${boundary}` };
}

function toPiece(name: string, { content = "" }: EncodedBody): Piece {
  if (!isStream(content)) return content as Piece;
  throw refuseCall(
    `The part ${JSON.stringify(name)} of the form is a stream, whose length is not known.`,
    "Give its bytes or a Blob.",
  );
}

/** In a form names are written as they are, in UTF-8 (RFC 7578, section 5.1). */
function printHead(name: string, { mediaType, headers = {}, fileName }: EncodedBody): string {
  const file = fileName === undefined ? "" : `; filename="${escapeName(fileName)}"`;
  const lines = Object.entries({
    "content-disposition": `form-data; name="${escapeName(name)}"${file}`,
    ...(mediaType === undefined ? {} : { "content-type": mediaType }),
    ...headers,
  });
  return `${lines.map(([key, value]) => `${key}: ${value}${CRLF}`).join("")}${CRLF}`;
}
