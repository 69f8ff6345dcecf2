import { redactCsv } from "./redact-csv.js";

/** What stands in the place of a value that is not to be logged. */
export const REDACTED = "[REDACTED]";

/** A text without the values that are not to be logged. */
export interface Redacted {
  /** `undefined` when it is of a kind in which they cannot be found. */
  text: string | undefined;
  /** Whether anything was replaced. */
  changed: boolean;
}

export interface Redactor {
  /** Whether any name was given. */
  readonly active: boolean;
  /**
   * Replaces values in a body by its media type. `rows` tells that a list of lists is a table, whose
   * columns have no names to know them by.
   */
  body(text: string, mediaType: string, rows: boolean): Redacted;
  /** Whether bytes of a media type may hold named values. */
  mayHide(mediaType: string): boolean;
  /** A query string without its question mark. */
  query(text: string): string;
  header(name: string, value: string): string;
}

/** These say who somebody is. */
const SECRET_HEADERS =
  /^(authorization|proxy-authorization|cookie|set-cookie)$|api-?key|token|secret/i;
/** Kinds of bytes that have no names inside. */
const NAMELESS = /^(image|audio|video)\/|^text\/plain$|^application\/octet-stream$/;

/**
 * Finds named values. A name alone stands for keys, columns, fields of forms and of the query, and
 * headers of this name anywhere; one with dots for the path from the top of a JSON body, in which
 * lists do not count.
 */
export function createRedactor(names: readonly string[]): Redactor {
  const keys = new Set(names.filter((name) => !name.includes(".")));
  const paths = new Set(names.filter((name) => name.includes(".")));
  const headers = new Set(names.map((name) => name.toLowerCase()));
  const active = names.length > 0;
  const words = [...new Set(names.map((name) => name.split(".").at(-1)!))];

  /** Nothing needs to be read where no name stands; an escape may hide one. */
  const mayHold = (text: string): boolean =>
    text.includes("\\u") || words.some((word) => text.includes(word));
  const hides = (key: string, path: string): boolean => keys.has(key) || paths.has(path);

  function redactJson(text: string, rows: boolean): Redacted {
    // A body without such a name is not read, unless it may be rows whose columns have none.
    if (!mayHold(text) && !(rows && /\[\s*\[/.test(text))) return { text, changed: false };
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // What is no JSON may hold anything.
      return { text: mayHold(text) ? undefined : text, changed: false };
    }
    const found = { changed: false, nameless: false };
    const hide = (): string => {
      found.changed = true;
      return REDACTED;
    };

    function walk(inner: unknown, path: string): unknown {
      if (Array.isArray(inner)) {
        if (rows && Array.isArray(inner[0])) found.nameless = true;
        return inner.map((one) => walk(one, path));
      }
      if (inner === null || typeof inner !== "object") return inner;
      const object = inner as Record<string, unknown>;
      const below = (key: string): string => (path === "" ? key : `${path}.${key}`);
      return Object.fromEntries(
        Object.entries(object).map(([key, one]) => {
          if (hides(key, below(key))) return [key, hide()];
          return [key, key === "data" ? walkData(object, below) : walk(one, below(key))];
        }),
      );
    }

    /** The `data` of a named tensor, or of a table in split orient, whose columns stand beside it. */
    function walkData(
      { name, columns, data }: Record<string, unknown>,
      below: (key: string) => string,
    ): unknown {
      if (typeof name === "string" && hides(name, below(name))) return hide();
      if (!Array.isArray(columns) || !Array.isArray(data)) return walk(data, below("data"));
      const hidden = columns.map((column) => hides(String(column), below(String(column))));
      return data.map((row: unknown) =>
        Array.isArray(row)
          ? row.map((cell, at) => (hidden[at] === true ? hide() : walk(cell, below("data"))))
          : walk(row, below("data")),
      );
    }

    const written = JSON.stringify(walk(value, ""));
    if (found.nameless) return { text: undefined, changed: false };
    return found.changed ? { text: written, changed: true } : { text, changed: false };
  }

  /** JSON texts in lines, also behind the `data:` of an event. */
  function redactLines(text: string, rows: boolean): Redacted {
    let changed = false;
    const lines: string[] = [];
    for (const line of text.split("\n")) {
      const [, before = "", body = ""] = /^(data: ?)?(.*)$/s.exec(line)!;
      const one = body.trim() === "" ? { text: body, changed: false } : redactJson(body, rows);
      if (one.text === undefined) return { text: undefined, changed: false };
      changed ||= one.changed;
      lines.push(before + one.text);
    }
    return changed ? { text: lines.join("\n"), changed } : { text, changed };
  }

  function redactPairs(text: string): Redacted {
    const pairs = new URLSearchParams(text);
    let changed = false;
    for (const key of new Set(pairs.keys())) {
      if (!keys.has(key)) continue;
      pairs.set(key, REDACTED);
      changed = true;
    }
    return { text: changed ? pairs.toString() : text, changed };
  }

  return {
    active,
    body(text, mediaType, rows) {
      if (!active || NAMELESS.test(mediaType)) return { text, changed: false };
      if (/^application\/json$|\+json$/.test(mediaType)) return redactJson(text, rows);
      if (/ndjson|jsonl|^text\/event-stream$/.test(mediaType)) return redactLines(text, rows);
      if (/^text\/(csv|tab-separated-values)$/.test(mediaType)) return redactCsv(text, keys);
      if (mediaType === "application/x-www-form-urlencoded") return redactPairs(text);
      // Of another kind: where no name stands, no value of that name does.
      return { text: mayHold(text) ? undefined : text, changed: false };
    },
    mayHide: (mediaType) => active && !NAMELESS.test(mediaType),
    query: (text) => (active && text !== "" ? redactPairs(text).text! : text),
    header: (name, value) =>
      SECRET_HEADERS.test(name) || headers.has(name.toLowerCase()) ? REDACTED : value,
  };
}
