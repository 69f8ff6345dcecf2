import { isUtf8 } from "node:buffer";
import { TextDecoder } from "node:util";
import { EkibenError } from "./errors.js";

/** What Windows-1252 has at 0x80 to 0x9F, where ISO 8859-1 has controls (WHATWG Encoding, index-windows-1252). */
const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The text of bytes without its byte order mark, which comes before the charset that was named.
 * Charsets go by the names of the Encoding standard, so ISO 8859-1 is read as Windows-1252.
 * @param charset @default "utf-8"
 * @throws MEDIA_TYPE_UNSUPPORTED for an unknown charset, BODY_MALFORMED when the bytes are not in it.
 */
export function decodeText(bytes: Uint8Array, charset = "utf-8"): string {
  const named = createDecoder(charset.trim());
  const mark = findMark(bytes);
  const decoder = mark === undefined ? named : createDecoder(mark);
  try {
    const text = decoder.decode(bytes);
    // Some versions of Node read Windows-1252 as ISO 8859-1.
    if (decoder.encoding !== "windows-1252") return text;
    return text.replace(/[\u0080-\u009f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]!);
  } catch (cause) {
    throw refuseBytes(bytes, decoder.encoding, cause);
  }
}

function createDecoder(charset: string): TextDecoder {
  // ASCII is part of UTF-8; the standard would read it as Windows-1252.
  if (/^(utf-?8|(us-)?ascii)$/i.test(charset)) return UTF8;
  // Some write latin-1 or utf_8, which the standard does not know.
  for (const name of [charset, charset.replace(/[-_]/g, "")]) {
    try {
      return new TextDecoder(name, { fatal: true });
    } catch {
      continue;
    }
  }
  const shown = charset.slice(0, 40);
  throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
    detail: `The charset ${JSON.stringify(shown)} is not known here.`,
    hint: "Send the text in UTF-8.",
    expected: "utf-8",
    received: shown,
  });
}

function findMark(bytes: Uint8Array): string | undefined {
  const [first, second, third] = bytes;
  if (first === 0xef && second === 0xbb && third === 0xbf) return "utf-8";
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  return undefined;
}

function refuseBytes(bytes: Uint8Array, encoding: string, cause: unknown): EkibenError {
  const line = encoding === "utf-8" ? findBrokenLine(bytes) : undefined;
  return new EkibenError("BODY_MALFORMED", {
    detail: `The body is not text in ${encoding}${line === undefined ? "" : `: line ${line} has bytes that are none`}.`,
    hint: "Send UTF-8, or name the charset, such as `text/csv; charset=windows-1252`.",
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
