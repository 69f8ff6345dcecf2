import { InvalidArgumentError, type Command } from "commander";
import type { VerifyResult } from "../../bundle/verify.js";
import { toHeaders } from "../options.js";

interface VerifyCommandOptions {
  tolerance: number;
  header?: Record<string, string>;
}

/** `ekiben verify`. */
export function addVerify(program: Command): void {
  program
    .command("verify")
    .description("start a bundle in an empty folder and send it its own samples")
    .argument("<bundle>", "a tag, a folder, or an archive")
    .option("--tolerance <share>", "how much numbers may differ", toShare, 1e-6)
    .option(
      "--header <name: value>",
      "a header to send along, such as a key; may be repeated",
      toHeaders,
    )
    .action(async (target: string, { tolerance, header = {} }: VerifyCommandOptions) => {
      const { verifyBundle } = await import("../../bundle/verify.js");
      const { spawnServer } = await import("../../server/spawn-server.js");
      const { findBundle } = await import("../../store/find-bundle.js");
      const found = await findBundle(target);
      try {
        const results = await verifyBundle(found.directory, {
          start: (directory) => spawnServer(directory),
          tolerance,
          headersOf: () => header,
        });
        for (const { sample, milliseconds, skipped } of results) {
          console.log(
            skipped === undefined
              ? `same     ${sample}  ${milliseconds.toFixed(1)} ms`
              : `skipped  ${sample}  ${skipped}`,
          );
        }
        console.log(summarize(results));
      } finally {
        await found.dispose();
      }
    });
}

function summarize(results: readonly VerifyResult[]): string {
  if (results.length === 0) return "It starts in an empty folder; it has no samples to compare.";
  const same = results.filter(({ skipped }) => skipped === undefined).length;
  const text = `It starts in an empty folder and answers ${same} of ${results.length} samples as recorded.`;
  return same === results.length
    ? text
    : `${text} Give the headers that the others need with --header "name: value".`;
}

function toShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share >= 0 && share < 1) return share;
  throw new InvalidArgumentError("A share from 0 up to 1 is expected, such as 1e-6.");
}
