import { EkibenError } from "../core/errors.js";

/**
 * Asks whether something is to be removed for good, unless `--yes` was given.
 * @throws COMMAND_INVALID where nobody can be asked
 */
export async function confirmRemoval(what: string, { yes }: { yes?: boolean }): Promise<boolean> {
  if (yes === true) return true;
  if (process.stdin.isTTY !== true) {
    throw new EkibenError("COMMAND_INVALID", {
      detail: `${what} was not removed: nobody can be asked here.`,
      hint: "Give --yes to remove it without being asked.",
    });
  }
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await lines.question(`Remove ${what} for good? [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return true;
    console.log("Nothing was removed.");
    return false;
  } finally {
    lines.close();
  }
}
