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
      const { printTag } = await import("../../core/tag.js");
      const { confirmRemoval } = await import("../confirm.js");
      const store = openLocalStore();
      const found = await store.find(tag);
      if (!(await confirmRemoval(printTag(found), options))) return;
      await store.remove(printTag(found));
      console.log(`Removed ${printTag(found)}`);
    });
}
