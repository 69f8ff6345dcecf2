import { EkibenError } from "../core/errors.js";
import { fromBase64 } from "./base64.js";
import type { EncodedImage } from "./decode-image.js";
import { describeValue } from "./findings.js";
import { findFormat, nameOther, printFormats, type ImageFormat } from "./image-format.js";

const DATA_URL = /^data:[^,]{0,200};base64,/i;
const EXPECTED = 'base64 text, {"b64": "iVBORw0…"} or {"image": "data:image/png;base64,iVBORw0…"}';

/**
 * An image of a file that says itself what it is: its first bytes decide, whatever its sender calls
 * it. @throws BODY_MALFORMED for what is no image, MEDIA_TYPE_UNSUPPORTED for a kind that is not read.
 */
export function toEncodedImage(bytes: Uint8Array, formats: readonly ImageFormat[]): EncodedImage {
  const format = findFormat(bytes);
  const expected = printFormats(formats);
  if (format !== undefined && formats.includes(format)) return { bytes, format };
  const other = format === undefined ? nameOther(bytes) : printFormats([format]);
  if (other !== undefined) {
    throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
      detail: `The image is ${other}, which is not read here.`,
      hint: `Send ${expected}.`,
      expected,
      received: other,
    });
  }
  const begin = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  throw new EkibenError("BODY_MALFORMED", {
    detail:
      bytes.length === 0
        ? "There is no image: 0 bytes came."
        : `The ${bytes.length} bytes that came begin as no image does, with ${begin}.`,
    hint: `Send ${expected}.`,
    expected,
    received: bytes.length === 0 ? "nothing" : `${bytes.length} bytes`,
  });
}

/** The bytes of an image in JSON. @throws INPUT_INVALID */
export function readImageValue(value: unknown): Uint8Array {
  const text = toText(value);
  if (text === undefined) {
    const received = describeValue(value);
    throw new EkibenError("INPUT_INVALID", {
      detail: `The image is ${received}, not text.`,
      hint: `Send ${EXPECTED}.`,
      issues: [{ message: "expected an image in base64", expected: EXPECTED, received }],
      expected: EXPECTED,
      received,
    });
  }
  const [prefix = ""] = DATA_URL.exec(text) ?? [];
  const digits = text.slice(prefix.length);
  // Some encoders break base64 into lines.
  const bytes = fromBase64(digits) ?? fromBase64(digits.replace(/[ \t\r\n]+/g, ""));
  if (bytes !== undefined) return bytes;
  throw new EkibenError("INPUT_INVALID", {
    detail: "The image is not base64.",
    hint: `Send ${EXPECTED}.`,
    issues: [{ message: "is not base64", expected: "base64", received: describeValue(text) }],
    expected: EXPECTED,
    received: describeValue(text),
  });
}

function toText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return undefined;
  const { b64, image } = value as { b64?: unknown; image?: unknown };
  if (typeof b64 === "string") return image === undefined ? b64 : undefined;
  return typeof image === "string" && b64 === undefined ? image : undefined;
}

/** Whether a body without a content type begins as JSON does. */
export function beginsAsJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d));
  return first === 0x22 || first === 0x7b;
}
