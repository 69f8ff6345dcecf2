import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { EkibenError } from "ekiben";
import { findKernelMain } from "./headless.js";

/** The name by which notebooks ask for the kernel. */
export const KERNEL_NAME = "ekiben";

/** Where the kernel is made known to Jupyter. The folder of the user when nothing is set. */
export interface KernelspecPlace {
  /** The folder of this user, also when `JUPYTER_DATA_DIR` names another one. */
  user?: boolean;
  /** The environment of the Python that `python3` starts, such as a virtualenv. */
  sysPrefix?: boolean;
  /** A folder to whose `share/jupyter` it is added. */
  prefix?: string;
}

/**
 * Writes `kernel.json`, which tells Jupyter how to start this installation of the kernel.
 * Returns the folder it is in.
 * @throws EkibenError COMMAND_INVALID, DEPENDENCY_MISSING
 */
export async function installKernelspec(place: KernelspecPlace = {}): Promise<string> {
  const folder = await findKernelspecFolder(place);
  await mkdir(folder, { recursive: true });
  const spec = {
    argv: [process.execPath, findKernelMain(), "{connection_file}"],
    display_name: "ekiben (TypeScript)",
    name: KERNEL_NAME,
    language: "typescript",
    // Windows has no SIGINT for one process.
    interrupt_mode: process.platform === "win32" ? "message" : "signal",
    metadata: { debugger: false },
  };
  await writeFile(join(folder, "kernel.json"), `${JSON.stringify(spec, null, 2)}\n`);
  return folder;
}

/** Takes the kernel away again. Returns the folder, or `undefined` when there was none. */
export async function removeKernelspec(place: KernelspecPlace = {}): Promise<string | undefined> {
  const folder = await findKernelspecFolder(place);
  if (!existsSync(join(folder, "kernel.json"))) return undefined;
  await rm(folder, { recursive: true });
  return folder;
}

/** https://docs.jupyter.org/en/latest/use/jupyter-directories.html#data-files */
export async function findKernelspecFolder(place: KernelspecPlace = {}): Promise<string> {
  const { user, sysPrefix, prefix } = place;
  const given = [user === true, sysPrefix === true, prefix !== undefined].filter(Boolean).length;
  if (given > 1) {
    throw new EkibenError("COMMAND_INVALID", {
      detail: "The kernel is installed in one place at a time.",
      hint: "Give only one of --user, --sys-prefix and --prefix.",
    });
  }
  const data =
    prefix !== undefined
      ? join(resolve(prefix), "share", "jupyter")
      : sysPrefix === true
        ? join(await findSysPrefix(), "share", "jupyter")
        : findDataFolder(process.env, user === true);
  return join(data, "kernels", KERNEL_NAME);
}

function findDataFolder(environment: NodeJS.ProcessEnv, user: boolean): string {
  const set = environment["JUPYTER_DATA_DIR"];
  if (set !== undefined && set !== "" && !user) return resolve(set);
  if (process.platform === "darwin") return join(homedir(), "Library", "Jupyter");
  if (process.platform === "win32") {
    const roaming = environment["APPDATA"] ?? join(homedir(), "AppData", "Roaming");
    return join(roaming, "jupyter");
  }
  const data = environment["XDG_DATA_HOME"];
  const base = data !== undefined && data !== "" ? data : join(homedir(), ".local", "share");
  return join(base, "jupyter");
}

async function findSysPrefix(): Promise<string> {
  const python = process.platform === "win32" ? "python" : "python3";
  try {
    const { stdout } = await promisify(execFile)(python, ["-c", "import sys; print(sys.prefix)"]);
    return stdout.trim();
  } catch (cause) {
    throw new EkibenError("DEPENDENCY_MISSING", {
      detail: `--sys-prefix asks ${python} for its folder, and that could not be started.`,
      hint: "Activate the Python environment of Jupyter, or name its folder with --prefix.",
      cause,
    });
  }
}
