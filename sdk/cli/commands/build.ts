import type { Command } from "commander";
import { toLabels } from "../options.js";

interface BuildCommandOptions {
  name?: string;
  label?: Record<string, string>;
  output?: string;
  allowSecrets?: string;
  verify: boolean;
}

/** `ekiben build`. */
export function addBuild(program: Command): void {
  program
    .command("build")
    .description("build a bundle from a module that exports a service")
    .argument("<file>", "TypeScript or JavaScript whose default or only service is built")
    .option("--name <name>", "another name for the service")
    .option("--label <key=value>", "a word to find the bundle by; may be repeated", toLabels)
    .option("-o, --output <folder>", "write the bundle here instead of to the store")
    .option(
      "--allow-secrets <name,...>",
      "variables that may look like a secret, separated by commas; all for everything",
    )
    .option("--no-verify", "do not start the bundle in a fresh process")
    .action(async (file: string, options: BuildCommandOptions) => {
      const { resolve } = await import("node:path");
      const { buildFile } = await import("../build-file.js");
      const { findStoreDirectory } = await import("../../store/directory.js");
      const { openBundle } = await import("../../bundle/load.js");
      const { verifyBundle } = await import("../../bundle/verify.js");
      const { spawnServer } = await import("../../server/spawn-server.js");
      const output = options.output;
      let verified: number | undefined;
      let untried: string[] = [];
      const built = await buildFile(resolve(file), {
        ...(output === undefined
          ? { store: findStoreDirectory() }
          : { directory: resolve(output) }),
        ...(options.name === undefined ? {} : { name: options.name }),
        labels: options.label ?? {},
        allowSecrets: toAllowed(options.allowSecrets),
        async check(directory) {
          if (!options.verify) return;
          const results = await verifyBundle(directory, { start: (folder) => spawnServer(folder) });
          const skipped = results.filter((result) => result.skipped !== undefined);
          verified = results.length - skipped.length;
          const { manifest } = await openBundle(directory);
          const tried = new Set(results.map(({ api }) => api));
          untried = manifest.apis.map(({ name }) => name).filter((name) => !tried.has(name));
          for (const one of skipped) console.error(`not compared: ${one.sample}: ${one.skipped}`);
        },
      });
      for (const note of built.notes) console.error(`note: ${note}`);
      if (verified === 0) {
        console.error("not verified: it starts in an empty folder, but nothing could be compared");
      } else if (verified !== undefined) {
        const samples = `${verified} ${verified === 1 ? "sample" : "samples"}`;
        console.error(`verified: it starts in an empty folder and answers ${samples} as before`);
      }
      if (verified !== undefined && untried.length > 0) {
        console.error(`not tried, for want of an example: ${untried.join(", ")}`);
      }
      const state = built.existing ? "unchanged, saved before as" : "saved";
      console.error(`${state} ${built.directory}`);
      console.log(`${built.name}:${built.version}`);
    });
}

function toAllowed(text = ""): string[] | true {
  const names = text.split(",").map((name) => name.trim());
  return names.includes("all") || names;
}
