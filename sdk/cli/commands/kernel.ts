import { Option, type Command } from "commander";

interface PlaceOptions {
  user?: boolean;
  sysPrefix?: boolean;
  prefix?: string;
}

/** `ekiben kernel install` and `uninstall`. */
export function addKernel(program: Command): void {
  const kernel = program.command("kernel").description("make the kernel known to Jupyter");

  addPlace(kernel.command("install"))
    .description("add the kernel “ekiben (TypeScript)” to Jupyter")
    .action(async (place: PlaceOptions) => {
      const { installKernelspec } = await import("../../../kernels/tslab/kernelspec.js");
      const folder = await installKernelspec(place);
      console.log(`The kernel is in ${folder}`);
      console.log("Choose “ekiben (TypeScript)” in Jupyter.");
    });

  addPlace(kernel.command("uninstall"))
    .description("take the kernel away from Jupyter")
    .action(async (place: PlaceOptions) => {
      const { removeKernelspec } = await import("../../../kernels/tslab/kernelspec.js");
      const folder = await removeKernelspec(place);
      console.log(
        folder === undefined ? "The kernel is not installed there." : `Removed ${folder}`,
      );
    });
}

function addPlace(command: Command): Command {
  return command
    .addOption(new Option("--user", "for this user (default)").conflicts(["sysPrefix", "prefix"]))
    .addOption(
      new Option("--sys-prefix", "in the environment of the active Python").conflicts("prefix"),
    )
    .option("--prefix <dir>", "in <dir>/share/jupyter");
}
