import { Command, CommanderError } from "commander";
import { addBuild } from "./commands/build.js";
import { addDelete } from "./commands/delete.js";
import { addInit } from "./commands/init.js";
import { addKernel } from "./commands/kernel.js";
import { addList } from "./commands/list.js";
import { addMlflow } from "./commands/mlflow.js";
import { addLogs } from "./commands/logs.js";
import { addModels } from "./commands/models.js";
import { addMetrics } from "./commands/metrics.js";
import { addNotebook } from "./commands/notebook.js";
import { addOpenapi } from "./commands/openapi.js";
import { addPack } from "./commands/pack.js";
import { addQuickstart } from "./commands/quickstart.js";
import { addReload } from "./commands/reload.js";
import { addReplay } from "./commands/replay.js";
import { addServe } from "./commands/serve.js";
import { addShow } from "./commands/show.js";
import { addUnpack } from "./commands/unpack.js";
import { addVerify } from "./commands/verify.js";
import { endWithError } from "./end-with-error.js";
import { findPackageVersion } from "../http/package-version.js";

// The order is that of `ekiben --help`: what is used first comes first.
const COMMANDS = [
  addQuickstart,
  addInit,
  addKernel,
  addNotebook,
  addBuild,
  addServe,
  addReload,
  addList,
  addShow,
  addVerify,
  addReplay,
  addLogs,
  addOpenapi,
  addPack,
  addUnpack,
  addDelete,
  addModels,
  addMlflow,
  addMetrics,
];

/** Runs the command that the words of a command line name; an error ends the process. */
export async function runProgram(words: readonly string[]): Promise<void> {
  const program = new Command("ekiben")
    .description(
      "Serve predictions from bundles that were saved in a notebook or built from a file.",
    )
    .option("--verbose", "show the stack of an error")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();

  // Commander takes an option of the program wherever it stands, and a command has one of this name.
  const ofCommand = words.slice(1).some((word) => /^--version(=|$)/.test(word));
  if (!ofCommand) program.version(findPackageVersion());
  for (const add of COMMANDS) add(program);
  hintAtHelp(program, program.name());
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has written what is wrong; `--help` and `--version` end here as well.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    endWithError(error, program.opts<{ verbose?: boolean }>().verbose === true);
  }
}

/** Lets every command name its own help behind an error. */
function hintAtHelp(command: Command, name: string): void {
  const shown = command.commands.length === 0 ? "its options" : "the commands";
  command.showHelpAfterError(`(${name} --help shows ${shown})`);
  for (const inner of command.commands) hintAtHelp(inner, `${name} ${inner.name()}`);
}
