import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { EkibenError } from "../core/errors.js";
import { canonicalJson, sha256 } from "../core/hash.js";
import { findPathFault } from "../bundle/bundle-path.js";
import { MODEL_KINDS } from "./model-kinds.js";

/** The only format there is so far. */
export const RECORD_FORMAT = 1;

const path = z.string().refine((text) => findPathFault(text) === undefined, {
  error: (issue) => `the path is not safe: ${findPathFault(String(issue.input))}`,
});

const file = z.object({
  path,
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hexadecimal"),
  size: z.number().int().nonnegative(),
});

const record = z.object({
  format: z.literal(RECORD_FORMAT),
  name: z.string(),
  version: z.string(),
  kind: z.enum(MODEL_KINDS),
  /** Of the kind, the entry and the files. */
  digest: z.string(),
  /** ISO 8601, UTC. */
  created: z.iso.datetime(),
  /** The path of the file that the kind is given; models of the kind `files` have none. */
  entry: path.optional(),
  files: z.array(file).min(1),
  labels: z.record(z.string(), z.string()),
  metrics: z.record(z.string(), z.number()),
  provenance: z.record(z.string(), z.string()),
});

export type StoredFile = z.output<typeof file>;
/** What the store knows of a version of a model. */
export type ModelRecord = z.output<typeof record>;

/** One version of a model; `damaged` says why its record cannot be read. */
export type ReadRecord =
  | { readonly version: string; readonly record: ModelRecord; readonly damaged?: undefined }
  | { readonly version: string; readonly record?: undefined; readonly damaged: string };

/** The folder with a file for each version of a model. */
export function recordsDirectory(store: string, name: string): string {
  return join(store, "models", "versions", name);
}

export function recordPath(store: string, { name, version }: ModelVersionId): string {
  return join(recordsDirectory(store, name), `${version}.json`);
}

interface ModelVersionId {
  readonly name: string;
  readonly version: string;
}

/** What a model is, whatever it is called: equal for equal files that are read alike. */
export function createModelDigest({
  kind,
  entry,
  files,
}: Pick<ModelRecord, "kind" | "entry" | "files">): string {
  const list = files.map((one) => [one.path, one.sha256]).sort(([a], [b]) => (a! < b! ? -1 : 1));
  return sha256(canonicalJson({ kind, entry, files: list }));
}

/** The names of all models. */
export async function listModelNames(store: string): Promise<string[]> {
  const entries = await readFolder(join(store, "models", "versions"));
  return entries.filter((name) => !name.startsWith(".")).sort();
}

/** The versions of a model, newest first. Reading one that is damaged does not fail the rest. */
export async function listRecords(store: string, name: string): Promise<ReadRecord[]> {
  const names = (await readFolder(recordsDirectory(store, name))).filter(
    (one) => one.endsWith(".json") && !one.startsWith("."),
  );
  const read = await Promise.all(
    names.map((one) => readRecord(store, { name, version: one.slice(0, -".json".length) })),
  );
  return read.filter((one) => one !== undefined).sort((a, b) => compareAge(b, a));
}

async function readFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

/** `undefined` when it was removed meanwhile. */
async function readRecord(store: string, id: ModelVersionId): Promise<ReadRecord | undefined> {
  const { name, version } = id;
  const place = recordPath(store, id);
  try {
    const found = parseRecord(await readFile(place, "utf8"), place);
    if (found.name === name && found.version === version) return { version, record: found };
    return { version, damaged: `${place} is that of ${found.name}:${found.version}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return { version, damaged: (error as Error).message };
  }
}

/**
 * Reads the text of a record, in the store or in a bundle.
 * @throws MODEL_CORRUPT
 */
export function parseRecord(text: string, where: string): ModelRecord {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw unreadable(where, (cause as Error).message, cause);
  }
  const { format } = (data ?? {}) as { format?: unknown };
  if (typeof format === "number" && format > RECORD_FORMAT) {
    throw unreadable(where, `it has format ${format}, which a later ekiben wrote`);
  }
  const parsed = record.safeParse(data);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw unreadable(where, `${first!.path.join(".")}: ${first!.message}`, parsed.error);
}

function unreadable(where: string, reason: string, cause?: unknown): EkibenError {
  return new EkibenError("MODEL_CORRUPT", {
    detail: `${where} does not describe a model: ${reason}.`,
    hint: "Remove that version with `ekiben models delete`, and import the model again.",
    cause,
  });
}

function compareAge(a: ReadRecord, b: ReadRecord): number {
  const [x, y] = [a, b].map((one) => one.record?.created ?? "");
  if (x !== y && x !== "" && y !== "") return x! < y! ? -1 : 1;
  return a.version < b.version ? -1 : 1;
}
