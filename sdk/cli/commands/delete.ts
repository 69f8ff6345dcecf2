import type { Command } from "commander";

/** `ekiben delete`. */
export function addDelete(program: Command): void {
  program
    .command("delete")
    .description("remove a bundle from the store for good")
    .argument("<tag>", "name:version, or name for the latest")
    .option("-y, --yes", "do not ask")
    .action(async (tag: string, options: { yes?: boolean }) => {
      const { openLocalStore } = await import("../../store/local-store.js");
      const { EkibenError } = await import("../../core/errors.js");
      const { printTag } = await import("../../core/tag.js");
      const store = openLocalStore();
      const found = await store.find(tag);
      if (options.yes !== true) {
        if (process.stdin.isTTY !== true) {
          throw new EkibenError("COMMAND_INVALID", {
            detail: `${printTag(found)} was not removed: nobody can be asked here.`,
            hint: "Give --yes to remove it without being asked.",
          });
        }
        if (!(await confirm(`Remove ${printTag(found)} for good? [y/N] `))) {
          console.log("Nothing was removed.");
          return;
        }
      }
      await store.remove(printTag(found));
      console.log(`Removed ${printTag(found)}`);
    });
}

async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
