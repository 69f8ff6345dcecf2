import { sha256 } from "../core/hash.js";
import { escapeName, parseDisposition } from "./disposition.js";
import type { EncodedBody } from "./input.js";
import { MULTIPART_TYPE } from "./multipart.js";

const CRLF = "\r\n";

/** A part as it is sent. */
export interface EncodedPart {
  name: string;
  body: EncodedBody;
}

/**
 * Writes a form as `multipart/form-data` (RFC 7578). Its boundary follows from its parts, so that
 * the same parts are the same bytes, and no part can hold it.
 */
export function writeForm(parts: readonly EncodedPart[]): EncodedBody {
  const printed = parts.map(({ name, body }) =>
    Buffer.concat([Buffer.from(printHeaders(name, body)), body.bytes]),
  );
  const boundary = `ekiben-${sha256(Buffer.concat(printed)).slice(0, 40)}`;
  const delimited = printed.flatMap((part) => [
    Buffer.from(`--${boundary}${CRLF}`),
    part,
    Buffer.from(CRLF),
  ]);
  return {
    bytes: Buffer.concat([...delimited, Buffer.from(`--${boundary}--${CRLF}`)]),
    mediaType: `${MULTIPART_TYPE}; boundary=${boundary}`,
  };
}

function printHeaders(name: string, { mediaType, headers = {} }: EncodedBody): string {
  let disposition = `form-data; name="${escapeName(name)}"`;
  const lines: string[] = [];
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() !== "content-disposition") {
      lines.push(`${key}: ${value}`);
      continue;
    }
    // In a form names are written as they are, in UTF-8 (RFC 7578, section 5.1).
    const { fileName } = parseDisposition(value);
    if (fileName !== undefined) disposition += `; filename="${escapeName(fileName)}"`;
  }
  const type = mediaType === "" ? [] : [`Content-Type: ${mediaType}`];
  return [`Content-Disposition: ${disposition}`, ...type, ...lines, "", ""].join(CRLF);
}
