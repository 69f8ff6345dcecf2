/** One entry of an `Accept` header. */
interface MediaRange {
  /** In lower case, without parameters. */
  readonly mediaType: string;
  readonly quality: number;
  /** 4 for a media type, 3 for one with parameters, 2 for `text/*`, 1 for the one that takes all. */
  readonly precedence: number;
}

/** No client has a use for more; whoever sends more gets no work for it. */
const MOST_RANGES = 64;
const LONGEST_CACHED = 512;
const CACHE_SIZE = 64;
const cache = new Map<string, readonly MediaRange[]>();

/**
 * The one of the `offered` media types that an `Accept` header prefers (RFC 9110, section 12.5.1), or
 * `undefined` when it takes none of them. Among equals the one that is named more closely wins, then
 * the one that is offered first. Without a header, or with one in which nothing can be read, it is
 * the first.
 *
 * Parameters of a range other than its weight are ignored, unless the same type is there without.
 */
export function chooseMediaType(
  accept: string | null,
  offered: readonly string[],
): string | undefined {
  const [first] = offered;
  if (accept === null || accept === "" || accept === "*/*" || accept === first) return first;
  const ranges = findRanges(accept);
  if (ranges.length === 0) return first;
  let chosen: string | undefined;
  let best = { quality: 0, precedence: 0 };
  for (const mediaType of offered) {
    const match = findMatch(ranges, mediaType.toLowerCase());
    if (match === undefined || match.quality === 0) continue;
    const isBetter =
      match.quality > best.quality ||
      (match.quality === best.quality && match.precedence > best.precedence);
    if (!isBetter) continue;
    chosen = mediaType;
    best = match;
  }
  return chosen;
}

/** The range that decides on a media type: the closest one, and of several such the best. */
function findMatch(ranges: readonly MediaRange[], mediaType: string): MediaRange | undefined {
  let match: MediaRange | undefined;
  for (const range of ranges) {
    if (match !== undefined && range.precedence < match.precedence) continue;
    if (match?.precedence === range.precedence && range.quality <= match.quality) continue;
    if (includes(range, mediaType)) match = range;
  }
  return match;
}

function includes({ mediaType: range, precedence }: MediaRange, mediaType: string): boolean {
  if (precedence === 1) return true;
  if (precedence === 2) return mediaType.startsWith(range.slice(0, -1));
  return mediaType === range;
}

function findRanges(accept: string): readonly MediaRange[] {
  const known = cache.get(accept);
  if (known !== undefined) return known;
  const ranges = readRanges(accept);
  if (accept.length > LONGEST_CACHED) return ranges;
  // Clients send a handful of headers. Whoever sends many different ones empties the cache, which
  // costs the others one more reading, and no memory.
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(accept, ranges);
  return ranges;
}

function readRanges(accept: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const entry of splitOutsideQuotes(accept, ",", MOST_RANGES)) {
    const [name = "", ...parameters] = splitOutsideQuotes(entry, ";", MOST_RANGES);
    const range = readRange(name.trim().toLowerCase(), parameters);
    if (range !== undefined) ranges.push(range);
  }
  return ranges;
}

const MEDIA_TYPE = /^[^\s/*]+\/(?:\*|[^\s/*]+)$/;

function readRange(name: string, parameters: readonly string[]): MediaRange | undefined {
  let quality = 1;
  let hasOthers = false;
  for (const parameter of parameters) {
    const text = parameter.trim().toLowerCase();
    if (/^q\s*=/.test(text)) {
      quality = Number(text.slice(text.indexOf("=") + 1).trim() || Number.NaN);
      if (Number.isNaN(quality)) return undefined;
      break;
    }
    // Every text that is offered is UTF-8.
    hasOthers ||= text !== "" && text !== "charset=utf-8";
  }
  quality = Math.min(Math.max(quality, 0), 1);
  // A lone star is what Java's URLConnection sends.
  if (name === "*/*" || name === "*") return { mediaType: "*/*", quality, precedence: 1 };
  if (!MEDIA_TYPE.test(name)) return undefined;
  const precedence = name.endsWith("/*") ? 2 : hasOthers ? 3 : 4;
  return { mediaType: name, quality, precedence };
}

/** The first parts of a list in which quoted strings may hold the separator. */
function splitOutsideQuotes(text: string, separator: string, most: number): string[] {
  if (!text.includes('"')) return text.split(separator, most);
  const parts: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length && parts.length < most; at++) {
    const sign = text[at];
    if (sign === '"') isQuoted = !isQuoted;
    else if (sign === "\\" && isQuoted) at++;
    else if (sign === separator && !isQuoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (parts.length < most) parts.push(text.slice(start));
  return parts;
}
