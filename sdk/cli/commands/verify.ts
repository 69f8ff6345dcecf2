import { InvalidArgumentError, type Command } from "commander";

/** `ekiben verify`. */
export function addVerify(program: Command): void {
  program
    .command("verify")
    .description("start a bundle in an empty folder and send it its own samples")
    .argument("<bundle>", "a tag, a folder, or an archive")
    .option("--tolerance <share>", "how much numbers may differ", toShare, 1e-6)
    .action(async (target: string, { tolerance }: { tolerance: number }) => {
      const { verifyBundle } = await import("../../bundle/verify.js");
      const { spawnServer } = await import("../../server/spawn-server.js");
      const { findBundle } = await import("../../store/find-bundle.js");
      const found = await findBundle(target);
      try {
        const results = await verifyBundle(found.directory, {
          start: (directory) => spawnServer(directory),
          tolerance,
        });
        for (const { sample, milliseconds } of results) {
          console.log(`same  ${sample}  ${milliseconds.toFixed(1)} ms`);
        }
        console.log(
          results.length === 0
            ? "It starts in an empty folder; it has no samples to compare."
            : `It starts in an empty folder and answers ${results.length} of ${results.length} samples as recorded.`,
        );
      } finally {
        await found.dispose();
      }
    });
}

function toShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share >= 0 && share < 1) return share;
  throw new InvalidArgumentError("A share from 0 up to 1 is expected, such as 1e-6.");
}
