import { EkibenError } from "../core/errors.js";
import type { BodyHead, RequestBody } from "./input.js";
import { findJsonFault } from "./json-fault.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const EXCERPT = 20;

/** Whether a media type is JSON: `application/json`, one with `+json`, or none at all. */
export function isJsonType(mediaType: string): boolean {
  return mediaType === "" || mediaType === "application/json" || mediaType.endsWith("+json");
}

/** @throws MEDIA_TYPE_UNSUPPORTED, naming the media types that are read here. */
export function refuseMediaType(body: BodyHead, accepted: readonly string[]): never {
  throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
    detail: `The content type ${JSON.stringify(body.mediaType)} is not read here.`,
    hint: `Send ${accepted.join(" or ")}.`,
    expected: accepted.join(", "),
    received: body.mediaType,
  });
}

/** @throws MEDIA_TYPE_UNSUPPORTED when the content type names a charset other than UTF-8. */
export function checkCharset(body: BodyHead): void {
  const charset = body.parameters["charset"];
  if (charset === undefined || /^(utf-?8|us-ascii)$/i.test(charset)) return;
  throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
    detail: `The charset ${JSON.stringify(charset)} is not read here.`,
    hint: "Send JSON in UTF-8.",
    expected: "utf-8",
    received: charset,
  });
}

/**
 * The text of a body, which JSON writes in UTF-8; a byte order mark is dropped.
 * @throws BODY_MALFORMED when the bytes are not UTF-8 or there are none.
 * @throws MEDIA_TYPE_UNSUPPORTED when the content type names another charset.
 */
export function readText(body: RequestBody): string {
  checkCharset(body);
  if (body.bytes.length === 0) {
    throw new EkibenError("BODY_MALFORMED", {
      detail: "The body is empty.",
      hint: "Send JSON.",
      expected: "JSON",
      received: "nothing",
    });
  }
  try {
    return UTF8.decode(body.bytes);
  } catch (cause) {
    const [first, second] = body.bytes;
    const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
    throw new EkibenError("BODY_MALFORMED", {
      detail: `The body is not UTF-8${utf16 ? " but UTF-16" : ""}.`,
      hint: "Send JSON in UTF-8.",
      expected: "UTF-8",
      cause,
    });
  }
}

/**
 * Parses JSON text. `firstLine` is the number of its first line in the body.
 * @throws BODY_MALFORMED with line, column and what stands there.
 */
export function parseJson(text: string, firstLine = 1): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw describeFault(text, firstLine, cause as Error);
  }
}

function describeFault(text: string, firstLine: number, cause: Error): EkibenError {
  const found = findJsonFault(text);
  if (found === undefined) {
    return new EkibenError("BODY_MALFORMED", {
      detail: `The body is not JSON: ${cause.message}.`,
      cause,
    });
  }
  const { offset, problem } = found;
  const before = text.slice(0, offset).split("\n");
  const line = firstLine + before.length - 1;
  const column = before.at(-1)!.length + 1;
  const near = text.slice(Math.max(0, offset - EXCERPT), offset + EXCERPT);
  return new EkibenError("BODY_MALFORMED", {
    detail: `The body is not JSON: ${problem} at line ${line}, column ${column}, near ${JSON.stringify(near)}.`,
    expected: "JSON",
    cause,
  });
}
