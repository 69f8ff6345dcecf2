import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { blobPath } from "../bundle/blobs.js";
import { EkibenError } from "../core/errors.js";
import { sha256 } from "../core/hash.js";
import { printTag } from "../core/tag.js";
import { model, readValue, type ModelHooks } from "../models/javascript.js";
import type { LoadedModel, ModelContent, ModelFile, ModelLoadContext } from "../models/model.js";
import { openModelFiles } from "./model-files.js";
import { type StoredKind } from "./model-kinds.js";
import { parseRecord, type ModelRecord } from "./model-record.js";
import { openModelStore } from "./model-store.js";
import { defineKind } from "./stored-kinds.js";
import { writeWhole } from "./write-whole.js";

/** The file of a bundle that says which stored model it holds. */
export const STORED_MODEL_FILE = "stored-model.json";

/** How the files of a stored model become one that predicts. */
export interface OpenOptions {
  kind?: StoredKind;
  /** Options of the function of its kind. */
  model?: object;
  fromJSON?(json: unknown): unknown;
  load?(folder: string): unknown;
  predict?: ModelHooks<unknown, unknown, unknown>["predict"];
  release?: ModelHooks<unknown, unknown, unknown>["release"];
}

/** A version that a reference was found to mean. */
export interface OpenedStoredModel {
  readonly record: ModelRecord;
  files(): Promise<ModelFile[]>;
  content(): Promise<ModelContent>;
  load(context: Omit<ModelLoadContext, "directory">): Promise<LoadedModel>;
}

/**
 * Looks up a reference in the store of this machine, and keeps to what it means now.
 * @throws MODEL_NOT_FOUND, MODEL_CORRUPT, TAG_INVALID; MODEL_FILE_INVALID for options of another kind
 */
export async function openStoredModel(
  reference: string,
  options: OpenOptions,
): Promise<OpenedStoredModel> {
  const store = openModelStore();
  const { record } = await store.find(reference);
  checkOptions(record, options);
  const own = (): ModelFile[] =>
    record.files.map((file) => ({
      source: blobPath(store.directory, file.sha256),
      path: file.path,
      sha256: file.sha256,
    }));
  return {
    record,
    async files() {
      return [
        ...own(),
        { source: await keepPin(store.directory, record), path: STORED_MODEL_FILE },
      ];
    },
    async content() {
      const { kind, entry, name, version } = record;
      return {
        kind,
        ...(entry === undefined ? {} : { entry }),
        files: own(),
        provenance: { source: "store", model: printTag({ name, version }), ...told(record) },
      };
    },
    async load(context) {
      const folder = await openModelFiles(store.directory, record);
      return loadFolder(record, options, { ...context, folder });
    },
  };
}

/** Loads a stored model from the folder that a bundle has for it. */
export async function loadBundledModel(
  options: OpenOptions,
  { directory, ...context }: ModelLoadContext & { directory: string },
): Promise<LoadedModel> {
  const file = join(directory, STORED_MODEL_FILE);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new EkibenError("MODEL_FILE_MISSING", {
      detail: `The folder ${directory} has no file ${STORED_MODEL_FILE}.`,
      hint: "Save the service again: the bundle has the model then.",
      received: file,
      cause,
    });
  });
  const record = parseRecord(text, file);
  checkOptions(record, options);
  return loadFolder(record, options, { ...context, folder: directory, bundled: true });
}

interface Place extends Omit<ModelLoadContext, "directory"> {
  folder: string;
  bundled?: boolean;
}

async function loadFolder(
  record: ModelRecord,
  options: OpenOptions,
  { folder, bundled = false, ...context }: Place,
): Promise<LoadedModel> {
  const inner = await loadKind();
  const provenance = toProvenance(record);
  return { ...inner, describe: () => ({ ...inner.describe(), provenance }) };

  async function loadKind(): Promise<LoadedModel> {
    if (record.kind === "files") return loadFiles(options, context.name, folder);
    const entry = join(folder, ...record.entry!.split("/"));
    const definition = await defineKind(record.kind, entry, options.model);
    return definition.load({ ...context, ...(bundled ? { directory: dirname(entry) } : {}) });
  }
}

function loadFiles(options: OpenOptions, name: string, folder: string): Promise<LoadedModel> {
  const { fromJSON, load, predict, release } = options;
  const read = load ?? ((from: string) => readValue(from, fromJSON!));
  const definition = model({
    files: { stored: folder },
    load: ({ stored }: { stored: string }) => read(stored),
    predict: (state: unknown, x: unknown) => predict!(state, x),
    ...(release === undefined ? {} : { release }),
  });
  return definition.load({ name });
}

/** @throws MODEL_FILE_INVALID when the options are those of another kind */
function checkOptions(record: ModelRecord, options: OpenOptions): void {
  const tag = printTag(record);
  if (options.kind !== undefined && options.kind !== record.kind) {
    throw new EkibenError("MODEL_FILE_INVALID", {
      detail: `The stored model ${tag} is of the kind ${record.kind}, and ${options.kind} was asked for.`,
      hint: `Write models.get(${JSON.stringify(tag)}${record.kind === "files" ? ", { load, predict }" : `, { kind: "${record.kind}" }`}).`,
      expected: options.kind,
      received: record.kind,
    });
  }
  const hooks = options.load ?? options.fromJSON;
  if (record.kind === "files" && (hooks === undefined || options.predict === undefined)) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The stored model ${tag} is files of its own kind, and nothing says how to read them.`,
      hint: `Write models.get(${JSON.stringify(tag)}, { load: (folder) => …, predict: (model, x) => … }), or fromJSON in place of load when it was saved as a value.`,
    });
  }
  if (record.kind !== "files" && hooks !== undefined) {
    throw new EkibenError("SERVICE_INVALID", {
      detail: `The stored model ${tag} is of the kind ${record.kind}, which needs no load or fromJSON.`,
      hint: `Write models.get(${JSON.stringify(tag)}).`,
    });
  }
}

/** What `/metadata` and the manifest say of the model. */
function toProvenance(record: ModelRecord): Record<string, string> {
  const { name, version, digest } = record;
  return { model: name, version, digest, ...told(record) };
}

/** Where it was taken from, without what only says that it was a file. */
function told({ provenance }: ModelRecord): Record<string, string> {
  const { model: _, version: __, digest: ___, ...rest } = provenance;
  return rest;
}

/**
 * A file with what never changes of a record, to copy into a bundle: labels and metrics may be set
 * later, and a bundle of the same model must stay the same.
 */
async function keepPin(store: string, record: ModelRecord): Promise<string> {
  const text = `${JSON.stringify({ ...record, labels: {}, metrics: {} }, null, 2)}\n`;
  const file = join(store, "cache", "models", "pins", `${sha256(text).slice(0, 32)}.json`);
  const known = await readFile(file, "utf8").catch(() => undefined);
  if (known !== text) await writeWhole(file, text);
  return file;
}
