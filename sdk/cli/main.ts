#!/usr/bin/env node
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
import { printError } from "./print-error.js";
import { findPackageVersion } from "../http/package-version.js";

const program = new Command("ekiben")
  .description("Serve predictions from bundles that were saved in a notebook or built from a file.")
  .option("--verbose", "show the stack of an error")
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();

// Commander takes an option of the program wherever it stands, and a command has one of this name.
const ofCommand = process.argv.slice(3).some((word) => /^--version(=|$)/.test(word));
if (!ofCommand) program.version(findPackageVersion());

// The order is that of `ekiben --help`: what is used first comes first.
const commands = [
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
for (const add of commands) add(program);
hintAtHelp(program, program.name());

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has written what is wrong; `--help` and `--version` end here as well.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const debug = process.env["EKIBEN_DEBUG"] ?? "";
  printError(error, program.opts<{ verbose?: boolean }>().verbose === true || debug !== "");
  // A command that failed half-way may have left a timer or a socket behind.
  process.exit(isWrongUsage(error) ? 2 : 1);
});

/** Lets every command name its own help behind an error. */
function hintAtHelp(command: Command, name: string): void {
  const shown = command.commands.length === 0 ? "its options" : "the commands";
  command.showHelpAfterError(`(${name} --help shows ${shown})`);
  for (const inner of command.commands) hintAtHelp(inner, `${name} ${inner.name()}`);
}

/** What a new start will not mend. */
function isWrongUsage(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "SETTING_INVALID";
}
