const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))\s*/gsy;
/** How browsers write the three characters that a quoted name cannot hold (Fetch, multipart/form-data). */
const ESCAPES: Readonly<Record<string, string>> = { "%22": '"', "%0D": "\r", "%0A": "\n" };
const LONGEST_FILE_NAME = 255;

/** What `Content-Disposition` says of a part or of a body (RFC 7578, section 4.2). */
export interface Disposition {
  type: string;
  name?: string;
  /** The last segment of the file name, without control characters. */
  fileName?: string;
}

/** Reads a `Content-Disposition` header. What cannot be read is left out. */
export function parseDisposition(header: string): Disposition {
  const semicolon = header.indexOf(";");
  const end = semicolon === -1 ? header.length : semicolon;
  const type = header.slice(0, end).trim().toLowerCase();
  const found = new Map<string, string>();
  PARAMETER.lastIndex = end;
  for (let match = PARAMETER.exec(header); match !== null; match = PARAMETER.exec(header)) {
    const key = match[1]!.toLowerCase();
    // Only these two are escaped: browsers write the backslashes of a path as they are.
    const value = match[2]?.replace(/\\(["\\])/g, "$1") ?? match[3]!;
    if (!found.has(key)) found.set(key, value);
  }
  const name = unescape(found.get("name"));
  const fileName = toFileName(
    readExtended(found.get("filename*")) ?? unescape(found.get("filename")),
  );
  return {
    type,
    ...(name === undefined ? {} : { name }),
    ...(fileName === undefined ? {} : { fileName }),
  };
}

/** A name of a part or file inside the quotes of a `Content-Disposition` header. */
export function escapeName(name: string): string {
  return name.replace(/["\r\n]/g, (char) => encodeURIComponent(char));
}

function unescape(text: string | undefined): string | undefined {
  return text?.replace(/%(?:22|0[AD])/gi, (code) => ESCAPES[code.toUpperCase()]!);
}

/** A file name in the way of RFC 8187, such as `UTF-8''na%C3%AFve.txt`. */
function readExtended(text: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(text ?? "")?.[1];
  if (encoded === undefined) return undefined;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** A client may send any path: what a handler gets can be joined to a folder and stays in it. */
export function toFileName(sent: string | undefined): string | undefined {
  const name = sent
    ?.split(/[/\\]/)
    .at(-1)!
    .replace(/\p{Cc}/gu, "")
    .trim();
  if (name === undefined || name === "" || name === "." || name === "..") return undefined;
  return name.slice(0, LONGEST_FILE_NAME);
}
