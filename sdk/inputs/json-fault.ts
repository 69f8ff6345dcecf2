/** Where a text stops being JSON, and why. */
export interface JsonFault {
  /** Counts UTF-16 units from 0. */
  offset: number;
  problem: string;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const SPACE = /[ \t\n\r]*/y;

type State = "value" | "first-value" | "key" | "first-key" | "colon" | "next";

/**
 * Finds the first place where a text is not JSON (RFC 8259). The messages of `JSON.parse` name that
 * place in some versions of Node only. `undefined` when the text is JSON.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  // A list instead of recursion: the text may be nested deeper than the stack.
  const open: ("{" | "[")[] = [];
  let state: State = "value";
  let at = 0;
  for (;;) {
    at = skip(SPACE, text, at);
    const char = text[at];
    const empty =
      (state === "first-value" && char === "]") || (state === "first-key" && char === "}");
    if (empty || (state === "next" && open.length > 0 && char === closing(open))) {
      open.pop();
      at += 1;
      state = "next";
    } else if (state === "next") {
      if (open.length === 0) {
        return at === text.length ? undefined : fault(at, "unexpected text after the end");
      }
      if (char !== ",") return fault(at, missing(text, at, `"," or "${closing(open)}"`));
      state = open.at(-1) === "{" ? "key" : "value";
      at += 1;
    } else if (state === "colon") {
      if (char !== ":") return fault(at, missing(text, at, '":" after the name'));
      state = "value";
      at += 1;
    } else if (state === "key" || state === "first-key") {
      if (char !== '"') return fault(at, missing(text, at, "a name in double quotes"));
      const end = readString(text, at);
      if (typeof end !== "number") return end;
      state = "colon";
      at = end;
    } else if (char === "{" || char === "[") {
      open.push(char);
      state = char === "{" ? "first-key" : "first-value";
      at += 1;
    } else {
      const end = readScalar(text, at);
      if (typeof end !== "number") return end;
      state = "next";
      at = end;
    }
  }
}

function fault(offset: number, problem: string): JsonFault {
  return { offset, problem };
}

function closing(open: readonly ("{" | "[")[]): string {
  return open.at(-1) === "{" ? "}" : "]";
}

function missing(text: string, at: number, expected: string): string {
  return at >= text.length
    ? `the text ends where ${expected} was expected`
    : `expected ${expected}`;
}

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** The end of a number, string or word, or what is wrong with it. */
function readScalar(text: string, at: number): number | JsonFault {
  if (text[at] === '"') return readString(text, at);
  const numberEnd = skip(NUMBER, text, at);
  if (numberEnd > at) {
    const next = text[numberEnd];
    return next !== undefined && /[\w.+-]/.test(next)
      ? fault(numberEnd, "a number is written wrongly")
      : numberEnd;
  }
  const word = text.slice(at, skip(WORD, text, text[at] === "-" ? at + 1 : at));
  if (word === "true" || word === "false" || word === "null") return at + word.length;
  if (/^-?(NaN|Infinity|nan|inf)$/.test(word)) {
    return fault(at, `JSON has no ${word}: send null for a missing number`);
  }
  if (/^(True|False|None|undefined)$/.test(word)) {
    return fault(at, `JSON has no ${word}: write true, false or null`);
  }
  if (text[at] === "'") return fault(at, "strings stand in double quotes");
  return fault(at, missing(text, at, "a value"));
}

function readString(text: string, start: number): number | JsonFault {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) return at + 1;
    if (code < 32) return fault(at, "a string holds a control character, such as a line break");
    if (code !== 92) continue;
    at += 1;
    if (text[at] === "u" && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) at += 4;
    else if (at < text.length && !'"\\/bfnrt'.includes(text[at]!)) {
      return fault(at - 1, "a string holds an escape that JSON does not have");
    }
  }
  return fault(text.length, "the text ends inside a string");
}
