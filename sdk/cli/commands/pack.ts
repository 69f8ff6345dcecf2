import type { Command } from "commander";

/** `ekiben pack`. */
export function addPack(program: Command): void {
  program
    .command("pack")
    .description("pack a bundle into one archive to carry away")
    .argument("<bundle>", "a tag or a folder")
    .option("-o, --output <file>", "the archive; name-version.tar.gz by default")
    .action(async (target: string, options: { output?: string }) => {
      const { openBundle } = await import("../../bundle/load.js");
      const { packBundle } = await import("../../bundle/pack.js");
      const { findBundle } = await import("../../store/find-bundle.js");
      const found = await findBundle(target);
      try {
        const { name, version } = (await openBundle(found.directory)).manifest;
        const file = options.output ?? `${name}-${version}.tar.gz`;
        await packBundle(found.directory, file);
        console.log(file);
      } finally {
        await found.dispose();
      }
    });
}
