import { InvalidArgumentError, type Command } from "commander";

interface RunOptions {
  output?: string;
  inPlace?: boolean;
  timeout?: number;
  allowErrors?: boolean;
}

/** `ekiben notebook run`. */
export function addNotebook(program: Command): void {
  const notebook = program.command("notebook").description("work with notebooks without Jupyter");

  notebook
    .command("run")
    .description("execute a notebook and show what its cells print")
    .argument("<file>", "a notebook (.ipynb)")
    .option("--output <file>", "write the executed notebook to <file>")
    .option("--in-place", "write the executed notebook over <file>")
    .option("--timeout <seconds>", "time that one cell may take", toSeconds)
    .option("--allow-errors", "run on after a cell that fails")
    .action(async (file: string, options: RunOptions) => {
      const { runNotebook } = await import("../../../kernels/tslab/run-notebook.js");
      const { toOutputText } = await import("../../../kernels/tslab/outputs.js");
      const { timeout, ...rest } = options;
      const run = await runNotebook(file, {
        ...rest,
        ...(timeout === undefined ? {} : { timeoutMs: timeout * 1_000 }),
        onOutput(output) {
          // The failing cell is shown whole at the end.
          if (output.output_type === "error" && rest.allowErrors !== true) return;
          const toStderr = output.output_type === "stream" && output.name === "stderr";
          (toStderr ? process.stderr : process.stdout).write(toOutputText(output));
        },
      });
      for (const failure of run.failures) {
        const place = `Cell ${failure.index + 1} [${failure.executionCount ?? " "}] failed`;
        console.error(`\n${place}: ${failure.ename}: ${failure.evalue}\n`);
        for (const line of failure.source.split("\n")) console.error(`  | ${line}`);
        console.error(`\n${failure.traceback.join("\n")}`);
      }
      const cells = `${run.executed} ${run.executed === 1 ? "cell" : "cells"}`;
      if (run.failures.length === 0) console.error(`${cells} executed.`);
      else {
        console.error(`\n${cells} executed, ${run.failures.length} failed.`);
        process.exitCode = 1;
      }
    });
}

function toSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0) || seconds > 2_000_000) {
    throw new InvalidArgumentError("A number of seconds above 0 is expected.");
  }
  return seconds;
}
