/**
 * Words that make the name of a variable or field that of a secret: as its last words, so that
 * `tokenizer`, `maxTokens` and `keyColumns` are none.
 */
const NAMES =
  /(?:^|_)(?:password|passwd|passphrase|pwd|secret|secrets|credential|credentials|token|bearer|(?:api|access|secret|private|auth|signing|encryption)_?key|connection_?string)$/;

/** A text of a vocabulary, such as `[UNK]` or `<pad>`, and what is too short to be a secret. */
const NO_SECRET = /^(?:.{0,7}|[[<{].*[\]>}]|.*\s.*)$/s;

/** Texts that are secrets whatever holds them, by the form that their makers gave them. */
const FORMS: readonly (readonly [name: string, form: RegExp])[] = [
  ["a private key", /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/],
  ["an access key of AWS", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ["a token of GitHub", /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60})/],
  ["a token of GitLab", /\bglpat-[A-Za-z0-9_-]{20}/],
  ["a token of Slack", /\bxox[abprs]-[A-Za-z0-9-]{20}/],
  ["a key of Google", /\bAIza[0-9A-Za-z_-]{35}/],
  ["a key of OpenAI or Anthropic", /\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32}/],
  ["a token of Hugging Face", /\bhf_[A-Za-z0-9]{34}/],
  ["a token of npm", /\bnpm_[A-Za-z0-9]{36}/],
  [
    "a JSON Web Token",
    /(?<![\w-])eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/,
  ],
  [
    "a password in an address",
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"']{1,100}:[^\s:/@"']{3,100}@/i,
  ],
];

/** What in a text looks like a secret by its form. */
export function findSecretForm(text: string): string | undefined {
  return FORMS.find(([, form]) => form.test(text))?.[0];
}

/** The path to a text in a value whose name says that it is a secret: `config.apiKey`. */
export function findSecretName(name: string, value: unknown): string | undefined {
  let left = MOST_LOOKED_AT;
  const seen = new Set<unknown>();

  function look(path: string, own: string, held: unknown): string | undefined {
    if (left-- <= 0) return undefined;
    if (typeof held === "string")
      return isSecretName(own) && !NO_SECRET.test(held) ? path : undefined;
    if (typeof held !== "object" || held === null || ArrayBuffer.isView(held) || seen.has(held)) {
      return undefined;
    }
    seen.add(held);
    const entries =
      held instanceof Map
        ? Array.from(held, ([key, one]) => [String(key), one] as const)
        : Array.isArray(held)
          ? // A list of secrets has their name; its elements have none of their own.
            held.slice(0, MOST_ELEMENTS).map((one) => [undefined, one] as const)
          : Object.entries(held);
    for (const [key, one] of entries) {
      const found = key === undefined ? look(path, own, one) : look(`${path}.${key}`, key, one);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return look(name, name, value);
}

const MOST_LOOKED_AT = 20_000;
const MOST_ELEMENTS = 100;

function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_");
  return words.length <= 200 && NAMES.test(words.toLowerCase());
}
