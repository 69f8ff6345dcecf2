import type { Command } from "commander";

/** `ekiben init`. */
export function addInit(program: Command): void {
  program
    .command("init")
    .description("set a folder up for ekiben: package.json, .npmrc, tsconfig.json")
    .argument("[folder]", "the folder", ".")
    .action(async (folder: string) => {
      const { resolve } = await import("node:path");
      const { initProject } = await import("../init-project.js");
      const report = await initProject(resolve(folder));
      for (const line of report.changes) console.log(line);
      for (const line of report.warnings) console.error(`note: ${line}`);
      console.log(report.changes.length === 0 ? "Nothing to change." : "Next: npm install");
    });
}
