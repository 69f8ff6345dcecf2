import type { BindingQuestion } from "../slicing/classify.js";

const READS = /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*(?:\?\.)?\[\s*["']env["']\s*\]/;
const SECRET = /auth|key|token|secret|passw|credential|_pat$|_pwd$/i;
/** Shorter texts turn up in values by chance. */
const SHORTEST = 8;

/**
 * Whether a variable is made of environment variables alone: it is made of those of the machine that
 * the bundle runs on.
 */
export function readsEnvironment({ declared, initializer, references }: BindingQuestion): boolean {
  return declared === "const" && references.size === 0 && READS.test(initializer.text);
}

/** The name of an environment variable that sounds like a secret and whose text is in a value. */
export function findSecret(printed: string, env: NodeJS.ProcessEnv): string | undefined {
  return Object.keys(env).find((name) => {
    const text = env[name]!;
    if (!SECRET.test(name) || text.length < SHORTEST) return false;
    // As it stands within JSON text.
    return printed.includes(JSON.stringify(text).slice(1, -1));
  });
}
