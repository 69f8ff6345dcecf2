import { Buffer, isUtf8 } from "node:buffer";
import { EkibenError } from "../core/errors.js";

type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

/** The names that a client may give its charset; ISO 8859-1 is read as Windows-1252, as the web does. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  "utf-8": "utf-8",
  utf8: "utf-8",
  "us-ascii": "utf-8",
  ascii: "utf-8",
  "utf-16": "utf-16le",
  "utf-16le": "utf-16le",
  "utf-16be": "utf-16be",
  "iso-8859-1": "windows-1252",
  "iso8859-1": "windows-1252",
  iso_8859_1: "windows-1252",
  "latin-1": "windows-1252",
  latin1: "windows-1252",
  "windows-1252": "windows-1252",
  cp1252: "windows-1252",
};

/** What Windows-1252 has at 0x80 to 0x9F, where ISO 8859-1 has controls (WHATWG Encoding, index-windows-1252). */
const WINDOWS = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/**
 * The text of a body without its byte order mark. A mark comes before the charset that was named.
 * @param charset @default "utf-8"
 * @throws MEDIA_TYPE_UNSUPPORTED for a charset that is not read here.
 * @throws BODY_MALFORMED for bytes that are no text of the charset.
 */
export function decodeText(bytes: Uint8Array, charset = "utf-8"): string {
  const named = charset.trim().toLowerCase();
  const encoding = Object.hasOwn(ENCODINGS, named) ? ENCODINGS[named]! : undefined;
  if (encoding === undefined) {
    throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
      detail: `The charset ${JSON.stringify(charset.slice(0, 40))} is not known.`,
      hint: "Send the text in UTF-8.",
      expected: "utf-8, utf-16le, utf-16be, iso-8859-1 or windows-1252",
      received: charset.slice(0, 40),
    });
  }
  const marked = findMark(bytes) ?? encoding;
  if (marked === "windows-1252") return decodeWindows(bytes);
  try {
    return new TextDecoder(marked, { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refuseBytes(bytes, marked, cause);
  }
}

function findMark(bytes: Uint8Array): Encoding | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return undefined;
}

/** Not by TextDecoder: some versions of Node read Windows-1252 as ISO 8859-1. */
function decodeWindows(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  return text.replace(/[\u0080-\u009f]/g, (control) => WINDOWS[control.charCodeAt(0) - 0x80]!);
}

function refuseBytes(bytes: Uint8Array, encoding: Encoding, cause: unknown): EkibenError {
  const line = encoding === "utf-8" ? findBrokenLine(bytes) : undefined;
  return new EkibenError("BODY_MALFORMED", {
    detail: `The body is not text in ${encoding}${line === undefined ? "" : `: line ${line} has bytes that are none`}.`,
    hint: "Send UTF-8, or name the charset: `Content-Type: text/csv; charset=windows-1252`.",
    expected: `text in ${encoding}`,
    cause,
  });
}

/** No character of UTF-8 but the line feed has its byte, so lines can be looked at one by one. */
function findBrokenLine(bytes: Uint8Array): number | undefined {
  let start = 0;
  for (let line = 1; start < bytes.length; line++) {
    const feed = bytes.indexOf(0x0a, start);
    const end = feed === -1 ? bytes.length : feed + 1;
    if (!isUtf8(bytes.subarray(start, end))) return line;
    start = end;
  }
  return undefined;
}
