import { EkibenError } from "../core/errors.js";

/** The two fields of a request body that its `Content-Type` header decides. */
export interface MediaType {
  mediaType: string;
  parameters: Readonly<Record<string, string>>;
}

const NONE: MediaType = Object.freeze({ mediaType: "", parameters: Object.freeze({}) });

/** One parameter: a name, and a token or a quoted string (RFC 9110, section 5.6.6). */
const PARAMETER = /;\s*(?!\s)(?:([^\s=;"]+)\s*=\s*(?!\s)(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*)))?\s*/gsy;

/** What the last body was sent as: to compare with that costs less than to look up a new text. */
let last: { header: string; parsed: MediaType } | undefined;
const cache = new Map<string, MediaType>();
/** Clients send a handful of different headers; whoever sends thousands gets no memory for it. */
const CACHE_SIZE = 64;

/**
 * Reads a `Content-Type` header: the media type in lower case and its parameters, names in lower
 * case, the first one of a name. What cannot be read is left out, so that the media type alone
 * decides whether the body is accepted.
 */
export function parseMediaType(header: string | null | undefined): MediaType {
  if (header === null || header === undefined || header === "") return NONE;
  if (last?.header === header) return last.parsed;
  const parsed = cache.get(header) ?? readMediaType(header);
  if (cache.size < CACHE_SIZE) cache.set(header, parsed);
  last = { header, parsed };
  return parsed;
}

function readMediaType(header: string): MediaType {
  const semicolon = header.indexOf(";");
  const end = semicolon === -1 ? header.length : semicolon;
  const parameters: Record<string, string> = Object.create(null);
  if (semicolon !== -1) {
    const rest = header.slice(semicolon);
    PARAMETER.lastIndex = 0;
    for (let match = PARAMETER.exec(rest); match !== null; match = PARAMETER.exec(rest)) {
      const name = match[1]?.toLowerCase();
      if (name === undefined || name in parameters) continue;
      parameters[name] = match[2]?.replace(/\\(.)/gs, "$1") ?? match[3] ?? "";
    }
  }
  return Object.freeze({
    mediaType: header.slice(0, end).trim().toLowerCase(),
    parameters: Object.freeze(parameters),
  });
}

/** Whether a pattern such as `image/png` or `image/*` names a media type. */
export function matchesType(pattern: string, mediaType: string): boolean {
  if (pattern === "*/*") return true;
  return pattern.endsWith("/*")
    ? mediaType.startsWith(pattern.slice(0, -1))
    : mediaType === pattern;
}

const PATTERN = /^(\*\/\*|[^\s/;*]+\/(\*|[^\s/;*]+))$/;

/**
 * Media types and patterns of them as an author has written them, in lower case; `owner` is the
 * function that they were given to.
 * @throws SERVICE_INVALID
 */
export function readMediaTypes(mediaTypes: readonly string[], owner: string): readonly string[] {
  const patterns = mediaTypes.map((type) => String(type).trim().toLowerCase());
  const wrong = patterns.find((type) => !PATTERN.test(type));
  if (wrong === undefined && patterns.length > 0) return Object.freeze(patterns);
  throw new EkibenError("SERVICE_INVALID", {
    detail:
      wrong === undefined
        ? `\`mediaTypes\` of ${owner}() is empty.`
        : `${JSON.stringify(wrong)} in \`mediaTypes\` of ${owner}() is not a media type.`,
    hint: 'Write types such as "application/pdf" or "image/*".',
  });
}
