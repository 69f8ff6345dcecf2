import { createRequire } from "node:module";
import { dirname } from "node:path";
import { EkibenError } from "../core/errors.js";

// What is beside these in the folder of the package may be a notebook.
function findFolders(): string[] {
  const home = dirname(createRequire(import.meta.url).resolve("ekiben/package.json"));
  return ["dist", "sdk"].map((name) => `${home.replaceAll("\\", "/")}/${name}/`);
}

let folders: readonly string[] | undefined;

/** Stacks as they were thrown: one error may reach several cells, such as that of a model. */
const thrown = new WeakMap<Error, string>();

/**
 * Runs what a cell asked for, and takes the frames of this package out of the stack of what it
 * throws: the author needs the line in the cell, not the way through here. Where the stack was lost
 * on that way, the frames of whoever asked end it, and those of the author's own code that failed
 * begin it.
 */
export async function withoutOwnFrames<T>(task: () => Promise<T>): Promise<T> {
  const asked = listFrames(new Error("asked").stack);
  try {
    return await task();
  } catch (error) {
    if (error instanceof Error && error.stack !== undefined) {
      const stack = thrown.get(error) ?? error.stack;
      thrown.set(error, stack);
      Object.defineProperty(error, "stack", {
        value: printStack(error, stack, asked),
        configurable: true,
        writable: true,
      });
    }
    throw error;
  }
}

function printStack(error: Error, stack: string, asked: readonly string[]): string {
  const isOurs = error instanceof EkibenError;
  const message = stack.split("\n").filter((line) => !isFrame(line));
  const frames = listFrames(stack).filter((line) => !(isOurs && isWaiting(line)));
  const [caller] = asked;
  const reached = caller === undefined || frames.some((line) => toPlace(line) === toPlace(caller));
  const cause =
    isOurs && error.cause instanceof Error
      ? listFrames(error.cause.stack).filter((line) => !isWaiting(line) && !frames.includes(line))
      : [];
  return [...message, ...cause, ...frames, ...(reached ? [] : asked)].join("\n");
}

function listFrames(stack = ""): string[] {
  return stack.split("\n").filter((line) => isFrame(line) && !isOwnFrame(line));
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

/** A frame that is of no use to an author: Node's own, and how this package waited for something. */
function isWaiting(line: string): boolean {
  return /\bat async Promise\.\w+ \(index \d+\)|\(?node:internal\//.test(line);
}

/** The file and line of a frame; its column is where the call stands, or the `await` before it. */
function toPlace(line: string): string {
  return line.replace(/^\s+at (?:async )?(?:.*\()?/, "").replace(/:\d+\)?$/, "");
}

function isOwnFrame(line: string): boolean {
  const path = line.replaceAll("\\", "/");
  return (folders ??= findFolders()).some((folder) => path.includes(folder));
}
