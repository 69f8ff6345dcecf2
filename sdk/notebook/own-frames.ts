import { createRequire } from "node:module";
import { dirname } from "node:path";

// What is beside these in the folder of the package may be a notebook.
function findFolders(): string[] {
  const home = dirname(createRequire(import.meta.url).resolve("ekiben/package.json"));
  return ["dist", "sdk"].map((name) => `${home.replaceAll("\\", "/")}/${name}/`);
}

let folders: readonly string[] | undefined;

/**
 * Runs what a cell asked for, and takes the frames of this package out of the stack of what it
 * throws: the author needs the line in the cell, not the way through here.
 */
export async function withoutOwnFrames<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) {
      const lines = error.stack.split("\n").filter((line) => !isOwnFrame(line));
      Object.defineProperty(error, "stack", {
        value: lines.join("\n"),
        configurable: true,
        writable: true,
      });
    }
    throw error;
  }
}

function isOwnFrame(line: string): boolean {
  const path = line.replaceAll("\\", "/");
  return (
    /^\s+at /.test(line) && (folders ??= findFolders()).some((folder) => path.includes(folder))
  );
}
