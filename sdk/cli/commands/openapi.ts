import type { Command } from "commander";

/** `ekiben openapi`. */
export function addOpenapi(program: Command): void {
  program
    .command("openapi")
    .description("print the OpenAPI document of a bundle")
    .argument("<bundle>", "a tag, a folder, or an archive")
    .action(async (target: string) => {
      const { readFile } = await import("node:fs/promises");
      const { join } = await import("node:path");
      const { openBundle } = await import("../../bundle/load.js");
      const { findBundle } = await import("../../store/find-bundle.js");
      const found = await findBundle(target);
      try {
        const { directory } = await openBundle(found.directory);
        process.stdout.write(await readFile(join(directory, "openapi.json"), "utf8"));
      } finally {
        await found.dispose();
      }
    });
}
