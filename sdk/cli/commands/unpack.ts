import type { Command } from "commander";

/** `ekiben unpack`. */
export function addUnpack(program: Command): void {
  program
    .command("unpack")
    .description("put a packed bundle into the store")
    .argument("<archive>", "what `ekiben pack` made")
    .option("-o, --output <folder>", "unpack it here instead")
    .action(async (archive: string, options: { output?: string }) => {
      const { unpackBundle } = await import("../../bundle/unpack.js");
      const { openLocalStore } = await import("../../store/local-store.js");
      const bundle =
        options.output === undefined
          ? await openLocalStore().add(archive)
          : await unpackBundle(archive, options.output);
      console.error(`unpacked to ${bundle.directory}`);
      console.log(`${bundle.manifest.name}:${bundle.manifest.version}`);
    });
}
