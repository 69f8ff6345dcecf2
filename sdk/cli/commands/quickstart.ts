import type { Command } from "commander";
import { toPort } from "../options.js";

/** `ekiben quickstart`: the first notebook from end to end, on a machine without Jupyter. */
export function addQuickstart(program: Command): void {
  program
    .command("quickstart")
    .description("run the quickstart notebook, save its service, serve it")
    .option("-p, --port <port>", "port to serve on, 3000 or a free one unless told", toPort)
    .option("--no-serve", "stop after saving")
    .action(async (options: { port?: number; serve: boolean }) => {
      const { copyFile, mkdtemp, rm } = await import("node:fs/promises");
      const { tmpdir } = await import("node:os");
      const { dirname, join } = await import("node:path");
      const { createRequire } = await import("node:module");
      const { runNotebook } = await import("../../../kernels/tslab/run-notebook.js");
      const { toOutputText } = await import("../../../kernels/tslab/outputs.js");

      const root = dirname(createRequire(import.meta.url).resolve("ekiben/package.json"));
      const folder = join(root, "notebooks");
      const scratch = await mkdtemp(join(tmpdir(), "ekiben-quickstart-"));
      try {
        const notebook = join(scratch, "01-quickstart.ipynb");
        await copyFile(join(folder, "01-quickstart.ipynb"), notebook);
        const { failures } = await runNotebook(notebook, {
          cwd: folder,
          onCell: ({ source }) => process.stdout.write(`\n${quote(source)}\n`),
          onOutput: (output) => process.stdout.write(toOutputText(output)),
        });
        if (failures.length > 0) {
          process.exitCode = 1;
          return;
        }
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
      if (!options.serve) return;
      endWithParent();
      const address = await serveSaved(options.port);
      console.log(`\npage of the service: ${address}/\nstop it with Ctrl+C`);
    });
}

/** `npm start` passes a signal on to its shell, and the shell to nobody: the server would stay. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGTERM");
  }, 250).unref();
}

async function serveSaved(port: number | undefined): Promise<string> {
  const { serveTag } = await import("../serve-tag.js");
  const { resolveSettings } = await import("../../server/settings/resolve.js");
  const { EkibenError } = await import("../../core/errors.js");
  const serveOn = async (on: number): Promise<string> =>
    await serveTag("churn:latest", () =>
      // A person reads here, through whatever the lines go.
      resolveSettings({ flags: { "server.port": on, "logs.format": "plain" } }),
    );
  try {
    return await serveOn(port ?? 3000);
  } catch (error) {
    const taken = error instanceof EkibenError && error.code === "PORT_IN_USE";
    if (!taken || port !== undefined) throw error;
    return await serveOn(0);
  }
}

/** The source of a cell, marked off from what it prints. */
function quote(source: string): string {
  return source
    .split("\n")
    .map((line) => `  | ${line}`.trimEnd())
    .join("\n");
}
