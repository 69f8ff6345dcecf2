import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { EkibenError } from "../core/errors.js";
import { findForeignKind, type FileKind } from "../models/file-kind.js";
import type { ModelContent, ModelDefinition } from "../models/model.js";
import { createSavedFolder, listFolder } from "../models/model-folder.js";
import { printPath, readModelHead, toModelPath, type ModelPath } from "../models/model-file.js";
import type { LiveTfjsModel } from "../models/tfjs.js";
import { MODEL_KINDS, type StoredKind } from "./model-kinds.js";
import { defineKind } from "./stored-kinds.js";

type FileKindName = Exclude<StoredKind, "files">;

/**
 * What the store keeps of a file or a folder. Its kind is told by its first bytes unless it is given;
 * the model is read once, so that what is no model is found now.
 * @throws MODEL_FILE_MISSING; MODEL_FILE_INVALID naming what the file is and how to get a model of it
 */
export async function readContent(
  file: string | URL,
  kind?: StoredKind,
): Promise<ModelContent & { kind: StoredKind }> {
  const given = toModelPath(file);
  const provenance = { source: "file", file: basename(given.absolute) };
  if (kind === "files") return { kind, files: await listAll(given), provenance };
  const found =
    kind === undefined
      ? await findKind(given)
      : { kind, path: given.absolute, folder: await isFolder(given.absolute) };
  const definition = await defineKind(found.kind, toEntry(found), {});
  const files = await definition.files();
  return { kind: found.kind, entry: files[0]!.path, files, provenance };
}

/** What the store keeps of a model that is declared, or that TensorFlow.js has in memory. */
export async function toContent(
  model: ModelDefinition | LiveTfjsModel,
  name: string,
): Promise<ModelContent> {
  const provenance = { source: "memory" };
  if (!isDefinition(model)) {
    const { writeTfjsModel } = await import("../models/tfjs-files.js");
    // Not by tfjs(model): that would also say that a bundle holds it in place of its variable.
    const save = createSavedFolder((folder) => writeTfjsModel(model as never, folder));
    const files = await save(`the model ${JSON.stringify(name)}`);
    return { kind: "tfjs", entry: "model.json", files, provenance };
  }
  if (model.content !== undefined) return model.content();
  const files = await model.files(name);
  const kind = MODEL_KINDS.find((one) => one === model.kind) ?? "files";
  if (kind === "files") return { kind, files, provenance };
  return { kind, entry: files[0]!.path, files, provenance };
}

function isDefinition(model: unknown): model is ModelDefinition {
  const { files, load, predict, save } = (model ?? {}) as Record<string, unknown>;
  if (typeof files === "function" && typeof load === "function") return true;
  if (typeof predict === "function" && typeof save === "function") return false;
  throw new EkibenError("SERVICE_INVALID", {
    detail: "models.save() needs a model: what such a function as xgboost() or model() declares.",
    hint: "Give a model of TensorFlow.js as it is, anything else as model({ value, … }), and a file to models.import().",
    received: typeof model,
  });
}

interface FoundKind {
  kind: FileKindName;
  path: string;
  folder?: boolean;
}

/** tfjs() takes the folder of a `model.json`; what is given may be either. */
function toEntry({ kind, path, folder }: FoundKind): string {
  return kind === "tfjs" && folder === true ? join(path, "model.json") : path;
}

async function findKind(given: ModelPath): Promise<FoundKind> {
  if (await isFolder(given.absolute)) return findKindOfFolder(given);
  const head = await readModelHead(given);
  const foreign = findForeignKind(head, basename(given.absolute));
  if (foreign === undefined) return { kind: "onnx", path: given.absolute };
  if (foreign.kind !== undefined) return { kind: foreign.kind, path: given.absolute };
  throw unserved(`The file ${printPath(given)} is ${foreign.what}.`, foreign.hint);
}

/** A folder is a model of TensorFlow.js, or one file of a model with its weights beside it. */
async function findKindOfFolder(given: ModelPath): Promise<FoundKind> {
  const names = (await readdir(given.absolute)).filter((name) => !name.startsWith("."));
  if (names.includes("MLmodel")) {
    throw unserved(
      `The folder ${printPath(given)} is a model that MLflow saved.`,
      "Put it in with `ekiben mlflow pull <folder>`.",
    );
  }
  const found: FoundKind[] = [];
  const others: FileKind[] = [];
  for (const name of names.sort()) {
    const path = join(given.absolute, name);
    if (await isFolder(path)) continue;
    const foreign = findForeignKind(await readModelHead(toModelPath(path)), name);
    if (foreign?.kind !== undefined) found.push({ kind: foreign.kind, path });
    // Weights beside an ONNX model begin with any bytes, so its own file is known by its name.
    else if (foreign === undefined && name.endsWith(".onnx")) found.push({ kind: "onnx", path });
    else if (foreign !== undefined) others.push(foreign);
  }
  if (found.length === 1) return found[0]!;
  const [first] = others;
  throw unserved(
    found.length > 1
      ? `The folder ${printPath(given)} has ${found.length} models: ${found.map(({ path }) => basename(path)).join(", ")}.`
      : `The folder ${printPath(given)} has no model that is known by its first bytes.`,
    found.length > 1
      ? "Name the file of one."
      : first === undefined
        ? "Name the file of the model."
        : `A file in it is ${first.what}. ${first.hint}`,
  );
}

function unserved(detail: string, hint: string): EkibenError {
  return new EkibenError("MODEL_FILE_INVALID", {
    detail,
    hint: `${hint} To keep it for code of your own, import it with \`--kind files\`, in a cell with { kind: "files" }.`,
    expected: MODEL_KINDS.join(", "),
  });
}

async function listAll(given: ModelPath): Promise<ModelContent["files"]> {
  if (!(await isFolder(given.absolute))) {
    await readModelHead(given);
    return [{ source: given.absolute, path: basename(given.absolute) }];
  }
  const files = await listFolder(given.absolute);
  if (files.length > 0) return files;
  throw new EkibenError("MODEL_FILE_MISSING", {
    detail: `The folder ${printPath(given)} is empty.`,
    hint: "Name the folder that the files of the model are in.",
  });
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
