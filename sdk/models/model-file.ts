import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EkibenError } from "../core/errors.js";
import { EXPORT_COREML, HEAD_BYTES } from "./file-kind.js";
import { findClosestName, printNames } from "../core/closest-name.js";

/** A file of a model as its author wrote it, and where it is. */
export interface ModelPath {
  readonly written: string;
  readonly absolute: string;
}

/** Resolves a path against the working directory of this moment: in a notebook, its folder. */
export function toModelPath(file: string | URL): ModelPath {
  const written = String(file);
  const isFileUrl = written.startsWith("file:");
  return { written, absolute: isFileUrl ? fileURLToPath(file) : resolve(written) };
}

/** The path for messages: as written, and absolute when that says more. */
export function printPath(path: ModelPath): string {
  return path.written === path.absolute ? path.absolute : `${path.written} (${path.absolute})`;
}

/**
 * The first bytes of a model file.
 * @throws MODEL_FILE_MISSING when it is not there; MODEL_FILE_INVALID when it is a folder or cannot
 * be read.
 */
export async function readModelHead(path: ModelPath): Promise<Uint8Array> {
  const info = await stat(path.absolute).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw toUnreadable(path, error);
  });
  if (info === undefined) throw await toMissing(path);
  if (!info.isFile()) throw await toNotAFile(path);
  const handle = await open(path.absolute, "r").catch((error: unknown) => {
    throw toUnreadable(path, error);
  });
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function toUnreadable(path: ModelPath, cause: unknown): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `The model file ${printPath(path)} cannot be read: ${(cause as Error).message}.`,
    cause,
  });
}

async function toMissing(path: ModelPath): Promise<EkibenError> {
  return new EkibenError("MODEL_FILE_MISSING", {
    detail: `The model file ${printPath(path)} does not exist.`,
    hint: /^https?:/.test(path.written)
      ? "Models are read from files, so that a bundle can hold them: download it, and give its path."
      : await findMissingHint(path.absolute),
    received: path.written,
  });
}

async function findMissingHint(absolute: string): Promise<string> {
  const folder = dirname(absolute);
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) {
    return `There is no folder ${folder}. A relative path counts from the working directory: in a notebook, its folder.`;
  }
  const name = basename(absolute);
  const similar = findClosestName(name, names);
  if (similar !== undefined) return `Did you mean ${JSON.stringify(similar)}?`;
  const ending = /\.[^.]+$/.exec(name)?.[0];
  const peers = names.filter((other) => ending !== undefined && other.endsWith(ending)).sort();
  return peers.length > 0
    ? `The folder has ${printNames(peers, 8)}.`
    : `The folder ${folder} has no file of such a name.`;
}

/** What a folder is that was given in the place of a file. */
async function toNotAFile(path: ModelPath): Promise<EkibenError> {
  const names = await readdir(path.absolute).catch(() => undefined);
  if (names === undefined) {
    return new EkibenError("MODEL_FILE_INVALID", {
      detail: `${printPath(path)} is neither a file nor a folder.`,
      hint: "Give the path of the model file.",
    });
  }
  const what = names.includes("saved_model.pb")
    ? "a folder with a TensorFlow SavedModel"
    : names.includes("MLmodel")
      ? "a folder of an MLflow model"
      : path.absolute.endsWith(".mlpackage")
        ? "a folder of a Core ML model"
        : "a folder";
  const inside = names.filter((name) => name.endsWith(".onnx"));
  return new EkibenError("MODEL_FILE_INVALID", {
    detail: `${printPath(path)} is ${what}.`,
    hint:
      inside.length > 0
        ? `Give the model file inside: ${JSON.stringify(join(path.written, inside[0]!))}.`
        : what.includes("TensorFlow")
          ? "Convert it with `python -m tf2onnx.convert --saved-model`."
          : what.includes("Core ML")
            ? EXPORT_COREML
            : "Give the path of the model file.",
  });
}
