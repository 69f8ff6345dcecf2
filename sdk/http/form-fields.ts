import { parseDisposition } from "../inputs/disposition.js";
import type { EncodedBody } from "../inputs/input.js";
import { parseMediaType } from "../inputs/media-type.js";

/** One part of a form that an input has encoded. */
export interface FormField {
  name: string;
  /** Without parameters, `""` when the part has none. */
  mediaType: string;
  fileName?: string;
  bytes: Uint8Array;
}

/** The parts of a form as an input has encoded it: complete, in memory, and well-formed. */
export function readFormFields({ bytes, mediaType }: EncodedBody): FormField[] {
  const { boundary } = parseMediaType(mediaType).parameters;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const delimiter = Buffer.from(`--${boundary}`);
  const fields: FormField[] = [];
  let start = body.indexOf(delimiter);
  while (start !== -1) {
    const end = body.indexOf(delimiter, start + delimiter.length);
    // A line break belongs to the delimiter that follows it.
    if (end !== -1) fields.push(readField(body.subarray(start + delimiter.length + 2, end - 2)));
    start = end;
  }
  return fields;
}

function readField(part: Buffer): FormField {
  const end = part.indexOf("\r\n\r\n");
  const lines = part.subarray(0, end).toString("utf8").split("\r\n");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const { name = "", fileName } = parseDisposition(headers.get("content-disposition") ?? "");
  return {
    name,
    mediaType: parseMediaType(headers.get("content-type")).mediaType,
    ...(fileName === undefined ? {} : { fileName }),
    bytes: part.subarray(end + 4),
  };
}
