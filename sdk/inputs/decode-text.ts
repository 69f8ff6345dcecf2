import { TextDecoder } from "node:util";
import { EkibenError } from "../core/errors.js";

/** Bytes 0x80 to 0x9f of windows-1252, which some versions of Node decode as ISO 8859-1. */
const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The text of bytes in a charset, by the names of the Encoding standard; a byte order mark is
 * dropped.
 * @throws MEDIA_TYPE_UNSUPPORTED for an unknown charset, BODY_MALFORMED when the bytes are not in it.
 */
export function decodeText(bytes: Uint8Array, charset = "utf-8"): string {
  const decoder = /^utf-?8$/i.test(charset) ? UTF8 : createDecoder(charset, bytes);
  try {
    const text = decoder.decode(bytes);
    if (decoder.encoding !== "windows-1252") return text;
    return text.replace(/[\u0080-\u009f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]!);
  } catch (cause) {
    throw new EkibenError("BODY_MALFORMED", {
      detail: `The text is not in ${decoder.encoding}.`,
      hint: "Send it in UTF-8, or name its charset, such as text/plain; charset=windows-1252.",
      expected: decoder.encoding,
      cause,
    });
  }
}

function createDecoder(charset: string, bytes: Uint8Array): TextDecoder {
  // The standard takes utf-16 for utf-16le, also where a byte order mark says otherwise.
  const swapped = /^(utf-?16|unicode)$/i.test(charset) && bytes[0] === 0xfe && bytes[1] === 0xff;
  const label = swapped ? "utf-16be" : charset;
  // Some write latin-1 or utf_8, which the standard does not know.
  for (const name of [label, label.replace(/[-_]/g, "")]) {
    try {
      return new TextDecoder(name, { fatal: true });
    } catch {
      continue;
    }
  }
  const shown = charset.slice(0, 40);
  throw new EkibenError("MEDIA_TYPE_UNSUPPORTED", {
    detail: `The charset ${JSON.stringify(shown)} is not known here.`,
    hint: "Send text in UTF-8.",
    expected: "utf-8",
    received: shown,
  });
}
